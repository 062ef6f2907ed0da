# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# erad notices writes that it cannot record: to another origin, while the volume is closed, and
# while its target is not in the table.

# mapped NAME SIZE UUID: makes /dev/mapper/NAME, a disk of zeros with this device-mapper UUID.
mapped()
{
	local disk

	disk=$(new_disk "$2")
	dmsetup create "$1" --uuid "$3" --table "0 $(blockdev --getsz "$disk") linear $disk 0"
}

test_origin_has_a_path_that_lasts()
{
	DESCRIPTION="create writes a path of the origin into eratab that is valid after the next boot too, and prints this path"
	local dev

	mapped one 64M LVM-one
	dev=$(dmsetup info -c --noheadings -o major,minor one)
	[[ -e /dev/dm-${dev#*:} ]] || mknod "/dev/dm-${dev#*:}" b "${dev%:*}" "${dev#*:}"
	eractl create data "/dev/dm-${dev#*:}" > "$T/out"
	grep -q "^data: the origin is /dev/mapper/one in /etc/eratab, because /dev/dm-${dev#*:} may be another device after the next boot$" "$T/out" ||
		fail "got $(cat "$T/out")"
	grep -q '^data[[:space:]]/dev/mapper/one[[:space:]]' /etc/eratab || fail "eratab has $(cat /etc/eratab)"
	eractl close data
	eractl forget data

	# Give the disk the properties that udev's database would have.
	mkdir -p /run/udev/data /dev/disk/by-id
	ln -s /dev/mapper/one /dev/disk/by-id/dm-uuid-LVM-one
	printf 'S:disk/by-uuid/x\nS:disk/by-id/dm-uuid-LVM-one\nI:1\n' > "/run/udev/data/b$dev"
	eractl create data /dev/mapper/one > "$T/out"
	grep -q '^data[[:space:]]/dev/disk/by-id/dm-uuid-LVM-one[[:space:]]' /etc/eratab || fail "eratab has $(cat /etc/eratab)"
	eractl close data
	eractl open data | grep -q 'origin' && fail "open says something of a path that is not new"
	rm "/run/udev/data/b$dev" /dev/disk/by-id/dm-uuid-LVM-one
}

mount_only()
{
	mount -o "$1" "$2" "$T/mnt"
	umount "$T/mnt"
}

case_share["test_written_while_closed"]=both
test_written_while_closed()
{
	DESCRIPTION="a mount of the origin while the volume is closed is noticed: with ext4 and xfs always, with btrfs if something is written; then the next diff lists everything"
	local origin fs

	mkdir "$T/mnt"
	for fs in ext4 xfs btrfs; do
		track_file_system "$fs"
		mount_and_write /dev/mapper/data
		reopened true
		no_alarm data
		# Since some version between 6.1 and 6.12, the kernel writes nothing when btrfs is
		# only mounted. So write a file on btrfs.
		if [[ $fs == btrfs ]]; then
			reopened mount_and_write "$origin"
		else
			reopened mount_only rw "$origin"
		fi
		read_fully data || fail "$fs: not noticed: $(changed data 1)"
		gap_was written-while-closed "in a superblock\|start of the device\|journal"
		eractl checkpoint data > /dev/null
		eractl checkpoint data > /dev/null
		same "$(changed data "$(eractl status --json data | field era)")" ""
		eractl close data
		eractl forget data > /dev/null
		: > "${ERAD_OUT:-/tmp}/erad.log"
	done
}

# le NUMBER BYTES: prints the number for printf, little-endian.
le()
{
	local i

	for ((i = 0; i < $2; i++)); do
		printf '\\x%02x' $((($1 >> (8 * i)) & 255))
	done
}

# make_fat32 DEV: makes a FAT32 with clusters of one sector on a device of zeros, so that the root
# directory is some MiB after the start.
make_fat32()
{
	local nr fat at

	nr=$(blockdev --getsz "$1")
	fat=$((nr * 4 / 512 + 1))
	{
		# shellcheck disable=SC2059
		printf "\\xeb\\x58\\x90mkdosfs $(le 512 2)$(le 1 1)$(le 32 2)$(le 2 1)$(le 0 4)\\xf8$(le 0 2)$(le 63 2)$(le 255 2)$(le 0 4)$(le "$nr" 4)$(le "$fat" 4)$(le 0 4)$(le 2 4)$(le 1 2)$(le 6 2)"
		head -c 12 /dev/zero
		printf '\x80\0\x29abcdNO NAME    FAT32   '
		head -c 420 /dev/zero
		printf '\x55\xaa'
	} | dd of="$1" bs=512 conv=notrunc,fsync status=none
	for at in 32 $((32 + fat)); do
		printf '\xf8\xff\xff\x0f\xff\xff\xff\x0f\xff\xff\xff\x0f' |
			dd of="$1" bs=512 seek="$at" conv=notrunc,fsync status=none
	done
}

# write_in_place DEVICE: mounts the FAT32, and writes 4 KiB of a file that exists.
write_in_place()
{
	mount -t vfat "$1" "$T/mnt"
	dd if=/dev/urandom of="$T/mnt/file" bs=4096 seek=9 count=1 conv=notrunc,fsync status=none
	umount "$T/mnt"
}

case_needs["test_fat_written_in_a_boot_between"]=$(modinfo -n vfat 2> /dev/null || echo /none)
test_fat_written_in_a_boot_between()
{
	DESCRIPTION="a file in the root directory of a FAT32 that is overwritten in place, in a boot between the close and the open, is noticed by the time in the directory; without such a write, there is no gap"
	local origin

	mkdir "$T/mnt"
	modprobe vfat
	origin=$(new_disk 400M)
	make_fat32 "$origin"
	eractl create data "$origin" > /dev/null
	mount -t vfat /dev/mapper/data "$T/mnt"
	dd if=/dev/urandom of="$T/mnt/file" bs=1M count=5 conv=fsync status=none
	touch -m -d '2001-01-01' "$T/mnt/file"
	umount "$T/mnt"
	eractl close data
	another_boot
	mount -t vfat -o ro "$origin" "$T/mnt"
	umount "$T/mnt"
	another_boot
	eractl open data > /dev/null
	no_gap data
	eractl close data
	another_boot
	write_in_place "$origin"
	another_boot
	eractl open data > /dev/null
	gap_was written-while-closed "in the list of files of a file system"
	read_fully data || fail "not noticed: $(changed data 1)"
}

# move_metadata: dumps the metadata of the closed volume "data", which is named as $dumped says, and
# replaces the metadata by a restore of the dump.
move_metadata()
{
	eractl dump "$dumped" > "$T/xml"
	rm /var/lib/erad/data.erad
	eractl restore /var/lib/erad/data.erad --input "$T/xml" > /dev/null
}

# write_past DEVICE SECTOR: writes one sector.
write_past()
{
	dd if=/dev/urandom of="$1" bs=512 seek="$2" count=1 oflag=direct conv=notrunc,nocreat status=none
}

# write_and_move_metadata DEVICE: writes to the device before the dump.
write_and_move_metadata()
{
	write_past "$1" 1000
	move_metadata
}

# move_and_write DEVICE: writes to the device after the dump.
move_and_write()
{
	move_metadata
	write_past "$1" 2000
}

case_share["test_written_beside_a_dump"]=both
test_written_beside_a_dump()
{
	DESCRIPTION="a dump keeps the notes of a closed volume, whether eractl reads the metadata or erad answers, so a write to the origin before or after the dump is noticed in the restored metadata; a dump of a live volume makes a gap"
	local origin dumped past era

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	# eractl itself reads metadata that is given as a path. For the name of a volume, erad
	# answers.
	for dumped in /var/lib/erad/data.erad data; do
		era=$(eractl checkpoint data)
		: > "${ERAD_OUT:-/tmp}/erad.log"
		reopened move_metadata
		! grep "gone past erad" "${ERAD_OUT:-/tmp}/erad.log" || fail "dump $dumped: a false alarm"
		same "$(changed data "$era")" ""
		for past in write_and_move_metadata move_and_write; do
			: > "${ERAD_OUT:-/tmp}/erad.log"
			era=$(eractl checkpoint data)
			reopened $past "$origin"
			same "$(changed data "$era")" "0 $(blockdev --getsize64 /dev/mapper/data)"
			gap_was written-while-closed "differs"
		done
	done
	: > "${ERAD_OUT:-/tmp}/erad.log"
	eractl dump data > "$T/live"
	grep -q 'notes="unknown"' "$T/live" || fail "got $(head -n 1 "$T/live")"
	eractl close data
	eractl restore /var/lib/erad/data.erad --overwrite-metadata --input "$T/live" > /dev/null
	eractl open data > /dev/null
	read_fully data || fail "the restore of a dump of a live volume makes no gap"
	gap_was unknown ""
}

# mapped_again: removes the mapped device "one", and makes it anew on the same disk.
mapped_again()
{
	local table

	table=$(dmsetup table one)
	dmsetup remove one
	dmsetup create one --uuid LVM-one --table "$table"
}

# not_listed TEXT ARGUMENT…: checks that a diff of the volume "data" with these arguments exits with 3
# and says the text.
not_listed()
{
	local rc=0

	eractl diff "${@:2}" --since 1 --format ranges > "$T/ranges" 2> "$T/err" || rc=$?
	same "$rc $(cat "$T/ranges")" "3 incomplete"
	grep -q "a full copy is due: .*$1" "$T/err" || fail "got '$(cat "$T/err")', expected '$1'"
}

# write_block DEVICE: writes a block of 4 KiB in the middle of a device of 64 MiB.
write_block()
{
	dd if=/dev/urandom of="$1" bs=4096 seek=9001 count=1 conv=nocreat,notrunc,fsync status=none
}

case_share["test_origin_that_appears_again_and_is_written"]=both
test_origin_that_appears_again_and_is_written()
{
	DESCRIPTION="if the origin is removed while the volume is closed, appears again in the same boot, and a single block is then written, the next open notices this; without a write there is no gap"
	local since

	mapped one 64M LVM-one
	eractl create data /dev/mapper/one
	write_at data 0 65536
	since=$(eractl checkpoint data)
	reopened mapped_again
	no_alarm data
	same "$(changed data "$since")" ""
	eractl close data
	mapped_again
	write_block /dev/mapper/one
	not_listed "the origin appeared again .*, and then 8 sectors were written to it; open the volume" data
	eractl open data > /dev/null
	read_fully data || fail "the write was not noticed: $(changed data "$since")"
	closed_gap_was "the origin appeared again .*8 sectors were written"
	# An origin that appeared again is compared with its counter at the next close.
	eractl checkpoint data > /dev/null
	since=$(eractl checkpoint data)
	reopened true
	same "$(changed data "$since")" ""
}

test_diff_of_a_closed_volume_whose_origin_was_written()
{
	DESCRIPTION="diff of a closed volume exits with 3 if the kernel has counted writes to the origin since the close"
	mapped one 64M LVM-one
	eractl create data /dev/mapper/one
	write_at data 0 65536
	eractl checkpoint data > /dev/null
	eractl close data
	eractl diff data --since 1 --format ranges > "$T/before"
	write_block /dev/mapper/one
	not_listed "8 sectors were written to the origin while the volume was closed; open the volume" data
	eractl open data > /dev/null
	read_fully data || fail "the write was not noticed: $(changed data 1)"
}

case_share["test_small_write_while_closed"]=both
test_small_write_while_closed()
{
	DESCRIPTION="if a single block of the origin is written while the volume is closed, an open in the same boot notices this even if the seal has no sample there; a read makes no gap"
	local origin

	track_disk 256M
	write_at data 0 65536
	reopened dd if="$origin" of=/dev/null bs=1M status=none
	no_alarm data
	reopened dd if=/dev/urandom of="$origin" bs=4096 seek=30001 count=1 conv=nocreat,notrunc,fsync status=none
	read_fully data || fail "the write was not noticed: $(changed data 1)"
	gap_was written-while-closed .
	eractl checkpoint data > /dev/null
	reopened true
	same "$(changed data "$(eractl status --json data | field era)")" ""
}

test_written_at_a_sample_while_closed()
{
	DESCRIPTION="large writes to a closed volume without a file system are noticed"
	local origin

	track_disk 64M
	write_at data 0 4096
	reopened dd if=/dev/urandom of="$origin" bs=1M seek=20 count=20 oflag=direct conv=notrunc status=none
	read_fully data || fail "the write was not noticed: $(changed data 1)"
	gap_was written-while-closed "a sample"
}

test_open_that_fails_keeps_the_seal()
{
	DESCRIPTION="a write to the origin of a closed volume is noticed even if the next open fails, or erad is killed in this open"
	local origin uuid

	track_disk 64M
	uuid=$(eractl status --json data | field uuid)
	write_at data 1048576 4096
	eractl close data
	dd if=/dev/urandom of="$origin" bs=4096 count=1 oflag=direct conv=notrunc status=none
	dmsetup create blocker --notable --uuid "ERAD-$uuid"
	eractl open data 2> "$T/err" && fail "open beside a device with the same UUID succeeded"
	dmsetup remove blocker
	stop_erad
	start_erad
	eractl open data > /dev/null
	gap_was written-while-closed "the start of the device"
	read_fully data || fail "got $(changed data 1)"
}

test_metadata_that_a_live_target_refuses_keeps_its_seal()
{
	DESCRIPTION="erad refuses an older copy of the metadata that is put in place while the target is live, and writes no new seal to it, so the next open compares the old seal"
	local origin m=/var/lib/erad/data.erad

	track_disk 64M
	write_at data 1048576 4096
	eractl close data
	cp --sparse=always $m "$T/older"
	eractl open data > /dev/null
	write_at data 0 4096
	eractl checkpoint data > /dev/null
	eractl checkpoint data > /dev/null
	kill_erad
	cp --sparse=always "$T/older" $m
	start_erad
	log_has "this is not the metadata that the target was used with last"
	dmsetup remove data
	wait_until "closed" eractl_state_is data closed
	eractl open data > /dev/null
	gap_was written-while-closed "the start of the device"
	read_fully data || fail "got $(changed data 1)"
}

test_read_only_mounts_while_closed_are_no_alarm()
{
	DESCRIPTION="reads, read-only mounts, or nothing at all while a volume is closed make no gap"
	local origin i

	mkdir "$T/mnt"
	origin=$(new_disk 400M)
	mkfs.ext4 -q "$origin"
	eractl create data "$origin" > /dev/null
	mount_and_write /dev/mapper/data
	for ((i = 0; i < 4; i++)); do
		reopened true
		write_at data $(((350 + i) * 1048576)) 4096
	done
	reopened dd if="$origin" of=/dev/null bs=1M status=none
	reopened mount_only ro,noload "$origin"
	reopened mount_only ro "$origin"
	no_alarm data
	eractl close data
	eractl forget data > /dev/null
	wipefs -qa "$origin"
	mkfs.xfs -q -f "$origin"
	eractl create data "$origin" > /dev/null
	mount_and_write /dev/mapper/data
	reopened mount_only ro,norecovery "$origin"
	no_alarm data
}

# dirty_journal DEVICE ORIGIN: leaves the ext4 on DEVICE, a volume, with a journal to replay, as after
# a power cut.
dirty_journal()
{
	mount "$1" "$T/mnt"
	mkdir "$T/mnt/directory"
	sync -f "$T/mnt"
	dmsetup suspend --nolockfs "${1##*/}"
	dd if="$2" of="$T/copy" bs=1M iflag=direct status=none
	dmsetup resume "${1##*/}"
	umount "$T/mnt"
	dd if="$T/copy" of="$1" bs=1M oflag=direct status=none
}

test_read_only_mount_that_replays_a_journal_is_noticed()
{
	DESCRIPTION="if mount -o ro of the origin of a closed volume replays the journal of an ext4, the next open notices the write; a mount with noload does not write and makes no gap"
	local origin

	mkdir "$T/mnt"
	origin=$(new_disk 64M)
	mkfs.ext4 -q "$origin"
	eractl create data "$origin" > /dev/null
	: > "${ERAD_OUT:-/tmp}/erad.log"
	dirty_journal /dev/mapper/data "$origin"
	eractl checkpoint data > /dev/null
	reopened mount_only ro,noload "$origin"
	grep -q "past erad" "${ERAD_OUT:-/tmp}/erad.log" && fail "a false alarm"
	reopened mount_only ro "$origin"
	gap_was written-while-closed .
}

test_origin_in_use_at_the_close()
{
	DESCRIPTION="if a program uses the origin already when the volume closes, the origin cannot be sealed, and the next open records a gap"
	local origin

	track_disk 64M
	dmsetup create other --table "0 8 linear $origin 0"
	reopened dmsetup remove other
	gap_was unknown "in use already"
	read_fully data || fail "got $(changed data 1)"
}

test_origins_exchanged_in_eratab()
{
	DESCRIPTION="a volume whose origin is another device is opened only with --origin-replaced, and then every block counts as written"

	mapped one 64M LVM-one
	mapped two 64M LVM-two
	eractl create data /dev/mapper/one > /dev/null
	eractl create other /dev/mapper/two > /dev/null
	write_at data 0 4096
	eractl close data other
	sed -i 's#/mapper/one#/mapper/x#; s#/mapper/two#/mapper/one#; s#/mapper/x#/mapper/two#' /etc/eratab
	eractl open data 2> "$T/err" && fail "open with another device as origin succeeded"
	grep -q "volume data: origin /dev/mapper/two is device-mapper UUID LVM-two, 64 MiB, expected device-mapper UUID LVM-one, 64 MiB; .*--origin-replaced" "$T/err" ||
		fail "got $(cat "$T/err")"
	# Exchange the paths again, and check that the refused open has changed nothing.
	sed -i 's#/mapper/two#/mapper/x#; s#/mapper/one#/mapper/two#; s#/mapper/x#/mapper/one#' /etc/eratab
	eractl open data > /dev/null
	same "$(changed data 1)" "0 65536"
	eractl close data
	sed -i '/^other/d; s#/mapper/one#/mapper/two#' /etc/eratab
	eractl open data --origin-replaced > /dev/null
	gap_was origin-replaced LVM-two
	read_fully data || fail "got $(changed data 1)"
	reopened true
	eractl open --all --origin-replaced 2> /dev/null && fail "--all --origin-replaced is accepted"
	return 0
}

case_share["test_thrown_out_of_the_table"]=both
test_thrown_out_of_the_table()
{
	DESCRIPTION="if a target is removed from its table and put back, there is a gap only if the device was written meanwhile"
	local origin

	track_disk 64M
	write_at data 0 4096
	while_linear data "$origin" when_closed data dd if=/dev/mapper/data of=/dev/null bs=1M iflag=direct status=none
	wait_until "active" eractl_state_is data active
	same "$(changed data 1)" "0 65536"
	while_linear data "$origin" when_closed data write_at data 1048576 4096
	wait_until "active" eractl_state_is data active
	gap_was written-past-table "8 sectors were written"
	read_fully data || fail "the write was not noticed: $(changed data 1)"
	# This swap is so short that erad does not see the device without its target. Only the
	# counters of the device show the write.
	eractl checkpoint data > /dev/null
	while_linear data "$origin" blkdiscard --offset 2097152 --length 65536 /dev/mapper/data
	wait_until "active" eractl_state_is data active
	gap_was written-past-table "128 sectors were written"
	# When the device is removed, erad drops the counters. So the next open cannot compare them,
	# and records a gap.
	swap_table data "0 $(blockdev --getsz "$origin") linear $origin 0"
	wait_until "closed" eractl_state_is data closed
	dmsetup remove data
	eractl open data > /dev/null
	gap_was written-past-table "the device is another one now"
}

# overwrite_start DEV: writes 4 KiB of the first MiB, which each seal covers.
overwrite_start()
{
	dd if=/dev/urandom of="$1" bs=4096 seek=10 count=1 oflag=direct conv=notrunc status=none
}

case_timeout["test_gap_refuse"]=300
test_gap_refuse()
{
	DESCRIPTION="with gap=refuse, a volume whose origin was written while it was closed is opened only with --accept-gap; if a gap is found while a volume is in use, erad records the gap, and the volume stays in use"
	local origin erad linear i holder opener

	origin=$(new_disk 64M)
	: > "${ERAD_OUT:-/tmp}/erad.log"
	eractl create data "$origin" > /dev/null
	write_at data 1048576 4096
	eractl close data
	sed -i 's/^data.*/& gap=refuse/' /etc/eratab
	eractl open data > /dev/null
	same "$(changed data 1)" "1048576 65536"
	eractl close data
	overwrite_start "$origin"
	# A refused open records nothing, so the next open finds the gap again.
	for i in 1 2; do
		eractl open data 2> "$T/err" && fail "open $i succeeded"
		grep -q "^eractl: volume data: writes may have gone past erad (written-while-closed): .*; /etc/eratab has gap=refuse, .*'eractl open data --accept-gap'" "$T/err" ||
			fail "got $(cat "$T/err")"
		[[ ! -e /dev/mapper/data ]] || fail "the device is still there"
	done
	eractl open --all --accept-gap 2> /dev/null && fail "--all --accept-gap is accepted"
	eractl open data --accept-gap > /dev/null
	gap_was written-while-closed "start of the device"
	read_fully data || fail "got $(changed data 1)"
	# Write to the origin after the open has compared it, and let another program open the
	# device before erad refuses the open. Then erad cannot undo the open, and --accept-gap
	# completes it.
	eractl close data
	stop_erad
	start_erad_armed OPEN_COMPARED 1 stop
	for ((i = 0; i < 60; i++)); do
		(
			until exec 9< /dev/mapper/data; do :; done 2> /dev/null
			exec sleep 1000
		) &
		holder=$!
		echo "OPEN_COMPARED $((i + 1)) stop" > "$T/armed"
		eractl open data 2> /dev/null &
		opener=$!
		wait_until "erad has stopped" grep -q '^State:[[:space:]]*T' "/proc/$(erad_pid)/status"
		overwrite_start "$origin"
		kill -CONT "$(erad_pid)"
		wait $opener && fail "the open succeeded"
		! dmsetup info data > /dev/null 2>&1 || break
		# The device is gone: erad undid the open before the holder could open the device.
		# Put the volume back to closed and try again.
		kill $holder
		wait $holder || :
		eractl open data --accept-gap > /dev/null
		eractl close data
	done
	dmsetup info data > /dev/null || fail "every open was undone, expected some that were not"
	eractl open data --accept-gap > /dev/null
	kill $holder
	wait $holder || :
	stop_erad
	start_erad
	wait_until "active" eractl_state_is data active
	write_at data 1048576 4096
	reopened true

	erad=$(dmsetup table data)
	linear="0 $(blockdev --getsz "$origin") linear $origin 0"
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	write_at data 1048576 4096
	swap_table data "$erad"
	wait_until "active" eractl_state_is data active
	gap_was written-past-table "8 sectors were written"
	eractl checkpoint data > /dev/null
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	dmsetup remove data
	eractl open data 2> "$T/err" && fail "the open found a gap and succeeded"
	grep -q "(written-past-table)" "$T/err" || fail "got $(cat "$T/err")"
	eractl open data --accept-gap > /dev/null
	reopened true
}

# open_has_ended OPENER: returns whether the open has ended, or erad has killed itself during the
# open.
open_has_ended()
{
	[[ ! -s $T/armed ]] || ! is_running "$1"
}

test_gap_refuse_outlives_a_kill()
{
	DESCRIPTION="with gap=refuse, if erad is killed in an open that finds a gap, no device is left, and the next open is refused"
	local origin point opener killed=0

	track_disk 64M
	write_at data 1048576 4096
	eractl close data
	sed -i 's/^data.*/& gap=refuse/' /etc/eratab
	overwrite_start "$origin"
	for point in OPEN_SUPER OPEN_FLUSHED OPEN_COMPARED CREATE_TARGET; do
		stop_erad
		start_erad_armed $point
		eractl open data > /dev/null 2> "$T/err" &
		opener=$!
		wait_until "the open has ended" open_has_ended $opener
		if [[ ! -s $T/armed ]]; then
			wait_until "erad is dead" erad_gone
			start_erad
			((++killed))
		fi
		wait $opener && fail "$point: the open succeeded"
		[[ ! -e /dev/mapper/data ]] || fail "$point: there is a device"
		eractl open data 2> "$T/err" && fail "$point: the next open succeeded"
		grep -q "(written-while-closed): .*the start of the device; .*has gap=refuse" "$T/err" || fail "$point: got $(cat "$T/err")"
	done
	# Only the first two points come before erad refuses the open, so erad was killed only
	# there.
	same $killed 2
	: > "$T/armed"
	eractl open data --accept-gap > /dev/null
	read_fully data || fail "got $(changed data 1)"
}

case_timeout["test_closed_and_opened"]=$((100 + 4 * ${CLOSES:-8}))
test_closed_and_opened()
{
	DESCRIPTION="${CLOSES:-8} closes and opens of a volume with a file system, without a write to the closed volume's origin, make no false gap"
	local i

	eractl create data "$(new_disk 32M)" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mkdir -p "$T/mnt"
	: > "${ERAD_OUT:-/tmp}/erad.log"
	for ((i = 0; i < ${CLOSES:-8}; i++)); do
		if ((i % 4 == 0)); then
			mount /dev/mapper/data "$T/mnt"
			echo "$i" > "$T/mnt/file"
			umount "$T/mnt"
		fi
		reopened true
	done
	grep "past erad" "${ERAD_OUT:-/tmp}/erad.log" && fail "a false gap"
	same "$(grep -c 'volume data: closed$' "${ERAD_OUT:-/tmp}/erad.log")" "${CLOSES:-8}"
	echo "# ${CLOSES:-8} closes and opens, no gap"
}

case_timeout["test_thrown_out_under_load"]=$((300 + 4 * ${SWAPS:-10}))
test_thrown_out_under_load()
{
	DESCRIPTION="under load, swaps of erad's own tables make no false gap, and a swap to another table in between is noticed"
	local origin erad i load

	track_disk 64M
	erad=$(dmsetup table data)
	: > "${ERAD_OUT:-/tmp}/erad.log"
	load -t 2 -s $((600 + 4 * ${SWAPS:-10})) -r 1 -d /dev/mapper/data > "$T/touched" 2>&1 &
	load=$!
	for ((i = 0; i < ${SWAPS:-10}; i++)); do
		swap_table data "$erad"
	done
	grep "past erad" "${ERAD_OUT:-/tmp}/erad.log" && fail "a false gap"
	while_linear data "$origin" nap 0.3
	wait_until "active" eractl_state_is data active
	kill $load
	wait $load || :
	gap_was written-past-table "sectors were written"
	read_fully data || fail "got $(changed data 1)"
	echo "# ${SWAPS:-10} swaps, no false gap"
}
