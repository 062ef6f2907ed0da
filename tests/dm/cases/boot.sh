# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The first open of a boot: the kernel's counter of writes to the origin begins with 0 at each boot, so a
# write before this open went past erad. See daemon/erad/volume/table_note.h.

# one_origin: makes the disk $disk and, on this disk, /dev/mapper/one, and creates the volume "data"
# on /dev/mapper/one.
one_origin()
{
	# On a large disk, a sample of the seal hardly ever is the place of a write.
	disk=$(new_disk 1G)
	dmsetup create one --uuid LVM-one --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	eractl create data /dev/mapper/one > /dev/null
	: > "${ERAD_OUT:-/tmp}/erad.log"
	write_at data 0 65536
	eractl checkpoint data > /dev/null
	write_at data 1048576 4096
}

# next_boot: makes /dev/mapper/one anew, with counters that begin with 0, as they do at a boot.
next_boot()
{
	dmsetup remove one
	dmsetup create one --uuid LVM-one --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	another_boot
}

# close_and_boot, cut_and_boot: the next boot after a clean close, and after a power cut.
close_and_boot()
{
	eractl close data
	next_boot
}

cut_and_boot()
{
	stop_erad
	dmsetup remove data
	next_boot
	start_erad
}

# write_past DEV: writes a block that no seal and no witness contains.
write_past()
{
	dd if=/dev/urandom of="$1" bs=4096 seek=30001 count=1 oflag=direct conv=notrunc,nocreat status=none
}

readonly written="8 sectors were written to the origin in this boot, and the metadata was last used in an earlier boot"

case_share["test_written_in_this_boot_before_the_open"]=both
test_written_in_this_boot_before_the_open()
{
	DESCRIPTION="a single block of the origin that is written after a boot and before the first open is noticed, after a clean close and after a power cut; a boot with reads only makes no gap"
	local disk boot gaps=0 before

	one_origin
	for boot in close_and_boot cut_and_boot; do
		: > "${ERAD_OUT:-/tmp}/erad.log"
		$boot
		dd if=/dev/mapper/one of=/dev/null bs=1M status=none
		eractl open data > /dev/null
		same "$(nr_gaps data)" $gaps
		write_at data 2097152 4096
		$boot
		write_past /dev/mapper/one
		eractl open data > /dev/null
		closed_gap_was "$written"
		same "$(nr_gaps data)" $((++gaps))
		read_fully data || fail "$boot: not noticed: $(changed data 1)"
		before=$(eractl checkpoint data)
		write_at data 2097152 4096
		# The kernel counts writes to the volume as writes to the origin, too. These writes
		# must make no gap.
		eractl close data
		eractl open data > /dev/null
		stop_erad
		start_erad
		wait_until "active" eractl_state_is data active
		same "$(nr_gaps data)" $gaps
		same "$(changed data "$before")" "2097152 65536"
	done
	this_boot
}

test_buffered_write_in_this_boot_before_the_open()
{
	DESCRIPTION="a write after a power cut and a boot is noticed even if it is still in the page cache at the open; gap=refuse refuses this open until --accept-gap"
	local disk opener

	one_origin
	sed -i 's/^data.*/& gap=refuse/' /etc/eratab
	cut_and_boot
	exec {opener}< /dev/mapper/one
	dd if=/dev/urandom of=/dev/mapper/one bs=4096 seek=30001 count=1 conv=notrunc,nocreat status=none
	eractl open data 2> "$T/err" && fail "the open succeeded"
	grep -q "(written-while-closed): $written; /etc/eratab has gap=refuse" "$T/err" || fail "got $(cat "$T/err")"
	eractl open data --accept-gap > /dev/null
	exec {opener}<&-
	read_fully data || fail "not noticed: $(changed data 1)"
	same "$(nr_gaps data)" 1
	this_boot
}

test_counter_that_is_not_of_the_content_is_no_gap()
{
	DESCRIPTION="after a boot, the counter of a loop device, and of a disk whose medium can be changed, makes no gap, because the device may have had another content in this boot"
	local disk other attribute

	one_origin
	close_and_boot
	write_past /dev/mapper/one
	attribute=$(readlink -f "/sys/dev/block/$(dmsetup info -c --noheadings -o major,minor one)")/removable
	echo 1 > "$T/removable"
	mount --bind "$T/removable" "$attribute"
	eractl open data > /dev/null
	umount "$attribute"
	no_gap data
	eractl close data
	other=$(new_disk 64M)
	eractl create loop "$other" > /dev/null
	write_at loop 0 4096
	eractl close loop
	another_boot
	eractl open loop > /dev/null
	no_gap loop
	this_boot
}

test_counter_of_a_mapped_device_is_compared()
{
	DESCRIPTION="if a single block of a mapped device is written while the volume on it is closed, the next open in the same boot notices this by the counter of the device"
	local disk

	one_origin
	reopened write_past /dev/mapper/one
	closed_gap_was "8 sectors were written to the origin while the volume was closed"
	read_fully data || fail "not noticed: $(changed data 1)"
}

test_backup_of_a_closed_volume_after_a_boot()
{
	DESCRIPTION="a backup of a volume that was closed in an earlier boot works, and is refused if a single block of the origin was written in this boot"
	local disk
	local backup=(eractl backup /var/lib/erad/data.erad "$T/dir" --device /dev/mapper/one)

	mkdir "$T/dir"
	one_origin
	close_and_boot
	"${backup[@]}" --init > /dev/null
	dd if=/dev/mapper/one of=/dev/null bs=1M status=none
	"${backup[@]}" > /dev/null
	write_past /dev/mapper/one
	"${backup[@]}" 2> "$T/said" && fail "the backup worked after a write past erad"
	same "$?" 1
	grep -q "/dev/mapper/one was written in this boot, 8 sectors, and its volume was closed in an earlier boot" "$T/said" || fail "$(cat "$T/said")"
}

# one_with_a_file_system: makes the disk $disk, /dev/mapper/one on this disk, and the volume "data" on
# /dev/mapper/one, with a file system that contains a file.
one_with_a_file_system()
{
	disk=$(new_disk 256M)
	dmsetup create one --uuid LVM-one --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	mkfs.ext4 -q /dev/mapper/one
	eractl create data /dev/mapper/one > /dev/null
	: > "${ERAD_OUT:-/tmp}/erad.log"
	mkdir -p "$T/mnt"
	written_with_a_mount /dev/mapper/data
	eractl checkpoint data > /dev/null
	# Write these blocks again after the checkpoint: then the next open does not compare their
	# hashes in the witness.
	written_with_a_mount /dev/mapper/data
}

# written_with_a_mount DEV: mounts the file system, and writes to its file.
written_with_a_mount()
{
	mount "$1" "$T/mnt"
	dd if=/dev/urandom of="$T/mnt/file" bs=64K count=4 conv=notrunc,fsync status=none
	umount "$T/mnt"
}

# open_is_refused WHY: checks that the open is refused because the origin is in use.
open_is_refused()
{
	eractl open data 2> "$T/err" && fail "the open succeeded"
	grep -q "$1" "$T/err" || fail "got '$(cat "$T/err")', expected '$1'"
}

case_share["test_mount_of_the_origin_that_refused_an_open_is_a_gap"]=both
test_mount_of_the_origin_that_refused_an_open_is_a_gap()
{
	DESCRIPTION="if an open is refused because the origin is mounted, and the next boot opens the volume, every block counts as written, also without a seal; until then, a diff exits with 3"
	local disk boot status token gaps

	one_with_a_file_system
	for boot in cut_and_boot close_and_boot; do
		token=$(eractl checkpoint data --token)
		written_with_a_mount /dev/mapper/data
		: > "${ERAD_OUT:-/tmp}/erad.log"
		$boot
		mount /dev/mapper/one "$T/mnt"
		open_is_refused "origin /dev/mapper/one is in use: mounted on $T/mnt (ext4); free it first"
		log_has "volume data: its origin /dev/mapper/one is in use past erad: mounted on .* this is noted"
		dd if=/dev/urandom of="$T/mnt/file" bs=64K count=4 conv=notrunc,fsync status=none
		umount "$T/mnt"
		status=0
		eractl diff data --since "$token" > /dev/null 2> "$T/err" || status=$?
		same $status 3
		grep -q "another user (mounted on .* used the origin itself" "$T/err" || fail "got $(cat "$T/err")"
		next_boot
		eractl open data > /dev/null
		gap_was unknown "another user (mounted on .* used the origin when an open was refused"
		eractl diff data --since "$token" --format ranges > "$T/out" 2> /dev/null
		same "$(cat "$T/out")" "0 $(blockdev --getsize64 /dev/mapper/data)"
		# The first open has removed the note of the refused open, so a second open makes no
		# further gap.
		gaps=$(nr_gaps data)
		eractl close data
		eractl open data > /dev/null
		same "$(nr_gaps data)" "$gaps"
	done
	this_boot
}

test_open_that_a_backup_refused_is_no_gap()
{
	DESCRIPTION="if an open is refused because eractl reads the origin of the closed volume, nothing is noted: a later backup works, and the open in the next boot makes no gap, whether eractl has ended or was killed"
	local disk fd reader how

	one_origin
	dd if=/dev/urandom of=/dev/mapper/data bs=1M count=4 oflag=direct status=none
	eractl close data
	mkfifo "$T/fifo"
	for how in ended killed; do
		next_boot
		# The test reads only the start of the stream, so eractl waits and keeps the origin
		# open.
		eractl send /var/lib/erad/data.erad --device /dev/mapper/one > "$T/fifo" &
		reader=$!
		exec {fd}< "$T/fifo"
		head -c 65536 <&"$fd" > /dev/null
		open_is_refused "volume data: origin /dev/mapper/one is in use: process [0-9]* of eractl reads it, for example for a backup; wait until"
		grep "in use past erad" "${ERAD_OUT:-/tmp}/erad.log" && fail "a user is noted"
		if [[ $how == ended ]]; then
			cat <&"$fd" > /dev/null
			wait "$reader" || fail "send failed"
		else
			kill -KILL "$reader"
			wait "$reader" || :
		fi
		exec {fd}<&-
		eractl send /var/lib/erad/data.erad --device /dev/mapper/one > /dev/null
		next_boot
		eractl open data > /dev/null
		no_gap data
		eractl close data
	done
	this_boot
}

test_refused_open_and_an_open_in_the_same_boot()
{
	DESCRIPTION="if an open is refused because the origin is in use, and an open in the same boot succeeds, the counter of the origin decides whether there is a gap; if the device of the origin was made anew, there is a gap"
	local disk boot

	one_with_a_file_system
	for boot in cut_and_boot close_and_boot; do
		$boot
		mount -o ro,noload /dev/mapper/one "$T/mnt"
		open_is_refused "is in use: mounted on"
		umount "$T/mnt"
		eractl open data > /dev/null
		no_gap data
	done
	eractl close data
	mount -o ro,noload /dev/mapper/one "$T/mnt"
	open_is_refused "is in use: mounted on"
	umount "$T/mnt"
	eractl open data > /dev/null
	no_gap data
	cut_and_boot
	written_with_a_mount /dev/mapper/one
	mount -o ro,noload /dev/mapper/one "$T/mnt"
	open_is_refused "is in use: mounted on"
	umount "$T/mnt"
	eractl open data > /dev/null
	gap_was written-while-closed "sectors were written to the origin in this boot"
	same "$(nr_gaps data)" 1
	cut_and_boot
	mount /dev/mapper/one "$T/mnt"
	open_is_refused "is in use: mounted on"
	umount "$T/mnt"
	dmsetup remove one
	dmsetup create one --uuid LVM-one --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	eractl open data > /dev/null
	# The witness may have noticed the mount, too, so do not check the number of gaps.
	gap_was unknown "used the origin when an open was refused"
	this_boot
}

test_device_on_the_origin_that_refused_an_open()
{
	DESCRIPTION="if an open is refused because of a mapped device on the origin, or of a device with the volume's name, the open in the next boot records a gap; a mapped device that cannot write makes no gap"
	local disk name

	one_origin
	cut_and_boot
	dmsetup create other --readonly --table "0 2048 linear /dev/mapper/one 0"
	open_is_refused "is in use: held by dm-[0-9]* (/dev/mapper/other)"
	dmsetup remove other
	next_boot
	eractl open data > /dev/null
	no_gap data
	for name in other data; do
		: > "${ERAD_OUT:-/tmp}/erad.log"
		cut_and_boot
		dmsetup create $name --table "0 2048 linear /dev/mapper/one 0"
		open_is_refused "is in use: held by dm-[0-9]* (/dev/mapper/other)\|there is a /dev/mapper/data already"
		dmsetup remove $name
		next_boot
		eractl open data > /dev/null
		gap_was unknown "/dev/mapper/$name used the origin when an open was refused"
	done
	same "$(nr_gaps data)" 2
	this_boot
}
