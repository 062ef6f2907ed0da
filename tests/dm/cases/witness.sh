# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# After a power cut, there is no seal. Then the witness shows writes past erad to superblocks and
# journals. Without such a write, a power cut makes no gap.

# cut_volumes VOLUMES COMMAND…: ends the volumes without a close, as a power cut does, runs the command,
# and opens the volume "data" in another boot.
cut_volumes()
{
	local v

	wait_until "the witness is taken" no_child
	stop_erad
	for v in $1; do
		dmsetup remove "$v"
	done
	another_boot
	"${@:2}"
	start_erad
	eractl open data > /dev/null
}

# power_cut COMMAND…: does this with the volume "data" only.
power_cut()
{
	cut_volumes data "$@"
}

# write_past DEV BYTE: writes 4 KiB of the origin.
write_past()
{
	dd if=/dev/urandom of="$1" bs=4096 seek=$(($2 / 4096)) count=1 oflag=direct conv=notrunc,nocreat status=none
}

case_share["test_mount_after_a_power_cut"]=both
test_mount_after_a_power_cut()
{
	DESCRIPTION="a mount of the origin after a power cut is noticed with ext4, xfs and btrfs if the file system was not written since the last checkpoint: the next diff lists everything"
	local origin fs

	mkdir "$T/mnt"
	for fs in ext4 xfs btrfs; do
		track_file_system "$fs"
		: > "${ERAD_OUT:-/tmp}/erad.log"
		mount_and_write /dev/mapper/data
		eractl checkpoint data > /dev/null
		power_cut true
		# With ext4, cut the power a second time without a mount in between: this must make
		# no gap. For the other file systems, the last power cut below tests this.
		[[ $fs != ext4 ]] || power_cut true
		no_gap data
		mount_and_write /dev/mapper/data
		eractl checkpoint data > /dev/null
		power_cut mount_and_write "$origin"
		gap_was written-while-closed "without a record since era"
		read_fully data || fail "$fs: not noticed: $(changed data 1)"
		same "$(nr_gaps data)" 1
		power_cut true
		same "$(nr_gaps data)" 1
		eractl close data
		eractl forget data > /dev/null
	done
}

# cut_mounted ORIGIN: ends the volume "data" while its file system is mounted, so that the last
# writes do not reach the origin, and opens the volume in another boot.
cut_mounted()
{
	stop_erad
	swap_table data "0 $(blockdev --getsz "$1") error"
	# A program that the test has killed may take a moment to end.
	wait_until "unmounted" umount "$T/mnt"
	dmsetup remove data
	another_boot
	start_erad
	eractl open data > /dev/null
}

case_timeout["test_power_cuts_of_mounted_file_systems"]=300
test_power_cuts_of_mounted_file_systems()
{
	DESCRIPTION="power cuts while a file system is mounted and written make no gap, with checkpoints at any time and without"
	local origin fs i writer

	mkdir "$T/mnt"
	for fs in ext4 xfs btrfs; do
		track_file_system "$fs"
		for ((i = 0; i < 3; i++)); do
			mount /dev/mapper/data "$T/mnt"
			(
				while :; do
					dd if=/dev/urandom of="$T/mnt/file$i" bs=64K count=20 conv=fsync status=none
					rm -f "$T/mnt/file$((i - 1))"
				done
			) 2> /dev/null &
			writer=$!
			nap 0.3
			((i == 0)) || eractl checkpoint data > /dev/null
			((i != 1)) || eractl checkpoint data > /dev/null
			nap 0.2
			kill $writer
			wait $writer || :
			cut_mounted "$origin"
			no_gap data
		done
		eractl close data
		eractl forget data > /dev/null
	done
}

test_checkpoint_takes_a_witness()
{
	DESCRIPTION="a block that was written before a checkpoint is in the witness of the checkpoint, and not in the witness of the open"
	local origin

	track_disk 64M
	: > "${ERAD_OUT:-/tmp}/erad.log"
	# A new volume gets its first witness at the second open.
	power_cut true
	write_at data 0 4096
	power_cut write_past "$origin" 8192
	# A recorded write has changed the block since the witness, so erad cannot notice that a
	# write past erad has changed the block, too.
	no_gap data
	write_at data 0 4096
	eractl checkpoint data > /dev/null
	power_cut write_past "$origin" 8192
	gap_was written-while-closed "64 KiB at byte 0 in a superblock has changed"
	read_fully data || fail "got $(changed data 1)"
	eractl bookmark data before > /dev/null
	power_cut write_past "$origin" 8192
	same "$(nr_gaps data)" 2
	# Put back an older copy of the metadata. Its witness has the older content of the block,
	# and the copy has no record of the write. So the open records a gap.
	eractl checkpoint data > /dev/null
	cp --sparse=always /var/lib/erad/data.erad "$T/older"
	write_at data 0 4096
	eractl checkpoint data > /dev/null
	rm -r /var/lib/erad/seen
	power_cut cp --sparse=always "$T/older" /var/lib/erad/data.erad
	same "$(nr_gaps data)" 3
}

# cut_both COMMAND…: does the same as power_cut, but also ends the volume "db", which stays closed.
cut_both()
{
	cut_volumes "data db" "$@"
}

test_origins_without_identity_exchanged_after_a_power_cut()
{
	DESCRIPTION="two origins without an identity that are exchanged after a power cut are noticed by the UUIDs of their file systems, although the superblocks were written since the checkpoint; gap=refuse refuses; without an exchange there is no gap"
	local a b v fs

	mkdir "$T/mnt"
	for fs in ext4 xfs; do
		a=$(new_disk 400M)
		b=$(new_disk 400M)
		"mkfs.$fs" -q "$a"
		"mkfs.$fs" -q "$b"
		eractl create data "$a" > /dev/null
		eractl create db "$b" > /dev/null
		for v in data db; do
			mount_and_write "/dev/mapper/$v"
			eractl checkpoint "$v" > /dev/null
			mount_and_write "/dev/mapper/$v"
		done
		: > "${ERAD_OUT:-/tmp}/erad.log"
		cut_both true
		eractl open db > /dev/null
		no_gap data
		no_gap db
		mount_and_write /dev/mapper/data
		mount_and_write /dev/mapper/db
		cut_both sed -i "s|$a|X|;s|$b|$a|;s|X|$b|" /etc/eratab
		gap_was origin-replaced "the origin has $fs with UUID .* now, and had $fs with UUID "
		read_fully data || fail "$fs: not noticed: $(changed data 1)"
		same "$(nr_gaps data)" 1
		sed -i '/^db[ \t]/s|$| gap=refuse|' /etc/eratab
		! eractl open db > /dev/null 2> "$T/refused" || fail "$fs: gap=refuse did not refuse"
		grep -q "writes may have gone past erad (origin-replaced)" "$T/refused" || fail "got $(< "$T/refused")"
		eractl open db --accept-gap > /dev/null
		same "$(nr_gaps db)" 1
		# The new witness has the UUID of the origin that is there now.
		cut_both true
		same "$(nr_gaps data)" 1
		for v in data db; do
			[[ $v == data ]] || eractl open db > /dev/null
			eractl close "$v"
			eractl forget "$v" > /dev/null
		done
	done
}

test_formatted_before_a_power_cut()
{
	DESCRIPTION="a volume that is formatted after its last checkpoint, before a power cut, has a gap, because its origin may be another device; after a checkpoint, it has none"
	local origin

	mkdir "$T/mnt"
	track_file_system ext4
	mount_and_write /dev/mapper/data
	eractl checkpoint data > /dev/null
	mkfs.xfs -qf /dev/mapper/data
	: > "${ERAD_OUT:-/tmp}/erad.log"
	power_cut true
	gap_was origin-replaced "the origin has xfs with UUID .* now, and had ext4 with UUID "
	mkfs.ext4 -qF /dev/mapper/data
	eractl checkpoint data > /dev/null
	mount_and_write /dev/mapper/data
	power_cut true
	same "$(nr_gaps data)" 1
}

test_checkpoint_does_not_wait_for_a_hung_origin()
{
	DESCRIPTION="a checkpoint of a volume whose origin hangs ends within a few seconds, without a witness; only one process waits for the origin, however many checkpoints follow"
	local disk began before i

	disk=$(new_disk 64M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	eractl create data /dev/mapper/slow > /dev/null
	write_at data 0 4096
	before=$(eractl checkpoint data)
	dmsetup suspend slow
	began=$(now_ms)
	same "$(eractl checkpoint data)" $((before + 1))
	(($(now_ms) - began < 15000 * SLOWNESS)) || fail "the checkpoint took $(($(now_ms) - began)) ms"
	for ((i = 2; i < 4; i++)); do
		same "$(eractl checkpoint data)" $((before + i))
	done
	nap 1.5
	# shellcheck disable=SC2016 # eval expands it
	wait_until "one process waits for the origin" eval '[[ $(pgrep -c -x -r D,R,S,T eractl) == 1 ]]'
	dmsetup resume slow
	wait_until "the children have ended" no_child
	same "$(ls /run/erad/witness.* 2> /dev/null)" ""
	eractl close data
}
