# shellcheck shell=bash disable=SC2034,SC2119
# SPDX-License-Identifier: GPL-2.0-or-later
# The seal and the witness of a physical volume: a mount of a logical volume past erad is noticed, and nothing else causes an alarm.

# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

# direct COMMAND…: runs the command while the logical volumes lie on the physical volume itself, as in a rescue system.
direct()
{
	local -r without_filter='devices { global_filter = [ "a|.*|" ] }'

	vgchange -qay --config "$without_filter" vg > /dev/null
	dmsetup table | grep -q "^vg-.* $(lsblk -dno MAJ:MIN "$pv" | tr -d ' ') " || fail "no logical volume lies on $pv: $(dmsetup table)"
	"$@"
	vgchange -qan --config "$without_filter" vg > /dev/null
}

# between_boots COMMAND…: runs the command in a boot without erad. Opens pv0 in the next boot.
between_boots()
{
	another_boot
	"$@"
	another_boot
	start_erad
	eractl open pv0 > /dev/null
	vgchange -qay vg > /dev/null
}

# reopen COMMAND…: closes pv0, runs the command in another boot, opens pv0 in a third one, and activates the logical volumes.
reopen()
{
	vgchange -qan vg > /dev/null
	eractl close pv0
	stop_erad
	between_boots "$@"
}

# cut_power COMMAND…: as reopen, but without a close of pv0, as after a power cut.
cut_power()
{
	vgchange -qan vg > /dev/null
	wait_until "the witness is taken" no_child
	stop_erad
	dmsetup remove pv0
	between_boots "$@"
}

mount_only()
{
	mount -o "$1" "/dev/vg/$2" "$T/mnt"
	umount "$T/mnt"
}

read_all()
{
	cat /dev/vg/* > /dev/null
}

# newest_gap_has TEXT: succeeds if erad's log has this text in the line of the newest gap of pv0.
newest_gap_has()
{
	grep "volume pv0: writes may have gone past erad" "${ERAD_OUT:-/tmp}/erad.log" | tail -n 1 | grep "(written-while-closed): .*$1"
}

# gap_of TEXT: checks that the newest gap of pv0 has this text, and that the next diff lists everything.
gap_of()
{
	wait_until "the gap of '$1'" newest_gap_has "$1"
	read_fully pv0 || fail "the diff has only $(changed pv0 1)"
}

# attach_file_systems: attaches pv0 below an ext4 and an xfs, and writes to both.
attach_file_systems()
{
	local lv

	new_vg 900M
	new_lv ext 64M
	new_lv xfs 320M
	mkfs.ext4 -q /dev/vg/ext
	mkfs.xfs -q /dev/vg/xfs
	mkdir "$T/mnt"
	attach
	: > "${ERAD_OUT:-/tmp}/erad.log"
	for lv in ext xfs; do
		mount_and_write "/dev/vg/$lv"
	done
}

case_timeout["test_lvm_mount_while_closed"]=240
test_lvm_mount_while_closed()
{
	DESCRIPTION="a mount of a logical volume straight from the physical volume, in a boot without erad, is noticed with ext4 and xfs; activation, reads and read-only mounts make no gap"
	local pv

	attach_file_systems
	reopen true
	reopen direct true
	reopen direct read_all
	reopen direct mount_only ro,noload ext
	reopen direct mount_only ro,norecovery xfs
	same "$(nr_gaps pv0)" 0
	read_fully pv0 && fail "the diff lists the whole volume without a gap"
	reopen direct mount_only rw ext
	gap_of "in a superblock"
	reopen true
	same "$(nr_gaps pv0)" 1
	reopen direct mount_only rw xfs
	gap_of "in a superblock"
	same "$(nr_gaps pv0)" 2
	eractl detach pv0 > /dev/null
}

case_timeout["test_lvm_mount_after_a_power_cut"]=240
test_lvm_mount_after_a_power_cut()
{
	DESCRIPTION="after a power cut, a mount of a logical volume straight from the physical volume is noticed if the file system was not written since the last checkpoint"
	local pv

	attach_file_systems
	eractl checkpoint pv0 > /dev/null
	cut_power true
	cut_power direct mount_only ro,noload ext
	cut_power direct mount_only ro,norecovery xfs
	same "$(nr_gaps pv0)" 0
	cut_power direct mount_only rw ext
	gap_of "without a record since era .* in a superblock has changed"
	cut_power direct mount_only rw xfs
	gap_of "without a record since era .* in a superblock has changed"
	same "$(nr_gaps pv0)" 2
	# This mount changes the superblock, too. But it goes through erad, which records the write,
	# so there is no gap.
	eractl checkpoint pv0 > /dev/null
	mount_only rw ext
	cut_power true
	same "$(nr_gaps pv0)" 2
	eractl detach pv0 > /dev/null
}

case_timeout["test_lvm_commands_are_no_alarm"]=240
test_lvm_commands_are_no_alarm()
{
	DESCRIPTION="commands of LVM while the volume is open, before a close and before a power cut, make no gap, with mounted file systems too"
	local pv end i

	attach_file_systems
	for end in reopen cut_power; do
		mount /dev/vg/ext "$T/mnt"
		eractl checkpoint pv0 > /dev/null
		lvextend -qr -L "+16M" vg/ext > /dev/null 2>&1
		lvrename -q vg xfs "x$end" > /dev/null
		lvcreate -qy -n "new$end" -L 16M vg > /dev/null
		lvcreate -qy -s -n snap -L 16M vg/ext > /dev/null
		echo text > "$T/mnt/file"
		eractl checkpoint pv0 > /dev/null
		umount "$T/mnt"
		$end true
		same "$(nr_gaps pv0)" 0
		mount_and_write "/dev/vg/x$end"
		lvremove -qy vg/snap "vg/new$end" > /dev/null 2>&1
		lvrename -q vg "x$end" xfs > /dev/null
		$end true
		same "$(nr_gaps pv0)" 0
	done
	for ((i = 0; i < 40; i++)); do
		new_lv "small$i" 4M
	done
	reopen direct read_all
	cut_power direct read_all
	same "$(nr_gaps pv0)" 0
	# Even with so many logical volumes, the seal contains the superblock of vg/ext.
	reopen direct mount_only rw ext
	gap_of "in a superblock"
	eractl detach pv0 > /dev/null
}
