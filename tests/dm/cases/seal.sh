# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes past erad is noticed: another origin, writes while the volume is closed or its target out of the table.

# mapped NAME SIZE UUID: makes /dev/mapper/NAME, a disk of zeros with this device-mapper UUID.
mapped()
{
	local disk

	disk=$(new_disk "$2")
	dmsetup create "$1" --uuid "$3" --table "0 $(blockdev --getsz "$disk") linear $disk 0"
}

test_origin_has_a_path_that_lasts()
{
	DESCRIPTION="create writes a path into eratab that names the origin after the next boot too, and says so"
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

	# What udev would know of the disk.
	mkdir -p /run/udev/data /dev/disk/by-id
	ln -s /dev/mapper/one /dev/disk/by-id/dm-uuid-LVM-one
	printf 'S:disk/by-uuid/x\nS:disk/by-id/dm-uuid-LVM-one\nI:1\n' > "/run/udev/data/b$dev"
	eractl create data /dev/mapper/one > "$T/out"
	grep -q '^data[[:space:]]/dev/disk/by-id/dm-uuid-LVM-one[[:space:]]' /etc/eratab || fail "eratab has $(cat /etc/eratab)"
	eractl close data
	eractl open data | grep -q 'origin' && fail "open says something of a path that is not new"
	rm "/run/udev/data/b$dev" /dev/disk/by-id/dm-uuid-LVM-one
}

# read_fully VOLUME: a diff since the first era lists the whole volume.
read_fully()
{
	[[ $(changed "$1" 1) == "0 $(blockdev --getsize64 "/dev/mapper/$1")" ]]
}

# no_alarm VOLUME: a diff since the first era does not list the whole volume.
no_alarm()
{
	read_fully "$1" && fail "a false alarm: $(grep "gone past erad" "${ERAD_OUT:-/tmp}/erad.log")"
	return 0
}

gap_was()
{
	grep -q "volume data: writes may have gone past erad ($1): .*$2" "${ERAD_OUT:-/tmp}/erad.log" ||
		fail "no gap '$1' of '$2': $(grep "past erad" "${ERAD_OUT:-/tmp}/erad.log")"
}

# reopened COMMAND…: closes data, runs the command, and opens data again.
reopened()
{
	eractl close data
	"$@"
	eractl open data > /dev/null
}

mount_and_write()
{
	mount "$1" "$T/mnt"
	dd if=/dev/urandom of="$T/mnt/file" bs=1M count=5 conv=fsync status=none
	umount "$T/mnt"
}

mount_only()
{
	mount -o "$1" "$2" "$T/mnt"
	umount "$T/mnt"
}

test_written_while_closed()
{
	DESCRIPTION="a mount of the origin while the volume is closed is noticed with ext4 and xfs, and with btrfs if something is written: the next diff lists everything"
	local origin fs

	mkdir "$T/mnt"
	for fs in ext4 xfs btrfs; do
		origin=$(new_disk 400M)
		"mkfs.$fs" -q "$origin"
		eractl create data "$origin" > /dev/null
		mount_and_write /dev/mapper/data
		reopened true
		no_alarm data
		# From some kernel between 6.1 and 6.12 on, a mount of btrfs by itself writes nothing.
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

test_written_at_a_sample_while_closed()
{
	DESCRIPTION="large writes to a closed volume without a file system are noticed"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	reopened dd if=/dev/urandom of="$origin" bs=1M seek=20 count=20 oflag=direct conv=notrunc status=none
	read_fully data || fail "not noticed: $(changed data 1)"
	gap_was written-while-closed "a sample"
}

test_open_that_fails_keeps_the_seal()
{
	DESCRIPTION="what was written to a closed volume is noticed even if the next open fails, or erad is killed in it"
	local origin uuid

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	uuid=$(eractl status --json data | field uuid)
	write_at data 1048576 4096
	eractl close data
	dd if=/dev/urandom of="$origin" bs=4096 count=1 oflag=direct conv=notrunc status=none
	dmsetup create blocker --notable --uuid "ERAD-$uuid"
	eractl open data 2> "$T/err" && fail "opened beside a device with its UUID"
	dmsetup remove blocker
	stop_erad
	start_erad
	eractl open data > /dev/null
	gap_was written-while-closed "the start of the device"
	read_fully data || fail "got $(changed data 1)"
}

test_read_only_mounts_while_closed_are_no_alarm()
{
	DESCRIPTION="nothing, reading, and read-only mounts while a volume is closed make no gap"
	local origin i

	mkdir "$T/mnt"
	origin=$(new_disk 400M)
	mkfs.ext4 -q "$origin"
	eractl create data "$origin" > /dev/null
	mount_and_write /dev/mapper/data
	for ((i = 0; i < 10; i++)); do
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

# dirty_journal DEVICE: leaves the ext4 on the device as a power cut would leave it.
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
	DESCRIPTION="mount -o ro of an ext4 whose journal is dirty writes to it, and that is noticed; with noload it does not"
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
	DESCRIPTION="an origin that somebody uses already when its volume closes cannot be sealed, and that is a gap"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	dmsetup create other --table "0 8 linear $origin 0"
	reopened dmsetup remove other
	gap_was unknown "in use already"
	read_fully data || fail "got $(changed data 1)"
}

test_origins_exchanged_in_eratab()
{
	DESCRIPTION="a volume whose origin is another device is not opened but with --origin-replaced, and then lists everything"

	mapped one 64M LVM-one
	mapped two 64M LVM-two
	eractl create data /dev/mapper/one > /dev/null
	eractl create other /dev/mapper/two > /dev/null
	write_at data 0 4096
	eractl close data other
	sed -i 's#/mapper/one#/mapper/x#; s#/mapper/two#/mapper/one#; s#/mapper/x#/mapper/two#' /etc/eratab
	eractl open data 2> "$T/err" && fail "opened on another device"
	grep -q "volume data: origin /dev/mapper/two is device-mapper UUID LVM-two, 64 MiB, expected device-mapper UUID LVM-one, 64 MiB; .*--origin-replaced" "$T/err" ||
		fail "got $(cat "$T/err")"
	# A refused open changes nothing.
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

# swap_table NAME TABLE: changes the table of a device that is in use.
swap_table()
{
	dmsetup load "$1" --table "$2"
	dmsetup suspend --noflush --nolockfs "$1"
	dmsetup resume "$1"
}

test_thrown_out_of_the_table()
{
	DESCRIPTION="a target that is thrown out of its table and put back: a gap if the device was written meanwhile, and only then"
	local origin erad linear

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	erad=$(dmsetup table data)
	linear="0 $(blockdev --getsz "$origin") linear $origin 0"
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	dd if=/dev/mapper/data of=/dev/null bs=1M iflag=direct status=none
	swap_table data "$erad"
	wait_until "active" eractl_state_is data active
	same "$(changed data 1)" "0 65536"
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	write_at data 1048576 4096
	swap_table data "$erad"
	wait_until "active" eractl_state_is data active
	gap_was written-past-table "8 sectors were written"
	read_fully data || fail "not noticed: $(changed data 1)"
	# There is no pause in which erad would notice that the target has gone.
	eractl checkpoint data > /dev/null
	swap_table data "$linear"
	blkdiscard --offset 2097152 --length 65536 /dev/mapper/data
	swap_table data "$erad"
	wait_until "active" eractl_state_is data active
	gap_was written-past-table "128 sectors were written"
	# The counters are dropped, and not compared any more, because the device is gone.
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	dmsetup remove data
	eractl open data > /dev/null
	gap_was written-past-table "the device is another one now"
}

case_timeout["test_closed_and_opened"]=$((100 + 4 * ${CLOSES:-20}))
test_closed_and_opened()
{
	DESCRIPTION="${CLOSES:-20} closes and opens with nothing between, of a file system and of its journal: no false gap"
	local i

	eractl create data "$(new_disk 32M)" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mkdir -p "$T/mnt"
	: > "${ERAD_OUT:-/tmp}/erad.log"
	for ((i = 0; i < ${CLOSES:-20}; i++)); do
		if ((i % 10 == 0)); then
			mount /dev/mapper/data "$T/mnt"
			echo "$i" > "$T/mnt/file"
			umount "$T/mnt"
		fi
		reopened true
	done
	grep "past erad" "${ERAD_OUT:-/tmp}/erad.log" && fail "a false gap"
	same "$(grep -c 'volume data: closed$' "${ERAD_OUT:-/tmp}/erad.log")" "${CLOSES:-20}"
	echo "# ${CLOSES:-20} closes and opens, no gap"
}

case_timeout["test_thrown_out_under_load"]=$((300 + 4 * ${SWAPS:-30}))
test_thrown_out_under_load()
{
	DESCRIPTION="under load, swaps of erad's table make no false gap, and a swap with another table between is noticed"
	local origin erad linear i load

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	erad=$(dmsetup table data)
	linear="0 $(blockdev --getsz "$origin") linear $origin 0"
	: > "${ERAD_OUT:-/tmp}/erad.log"
	load -t 2 -s $((600 + 4 * ${SWAPS:-30})) -r 1 -d /dev/mapper/data > "$T/touched" 2>&1 &
	load=$!
	for ((i = 0; i < ${SWAPS:-30}; i++)); do
		swap_table data "$erad"
	done
	grep "past erad" "${ERAD_OUT:-/tmp}/erad.log" && fail "a false gap"
	swap_table data "$linear"
	nap 0.3
	swap_table data "$erad"
	wait_until "active" eractl_state_is data active
	kill $load
	wait $load || :
	gap_was written-past-table "sectors were written"
	read_fully data || fail "got $(changed data 1)"
	echo "# ${SWAPS:-30} swaps, no false gap"
}
