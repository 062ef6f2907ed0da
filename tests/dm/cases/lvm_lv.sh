# shellcheck shell=bash disable=SC2016,SC2034,SC2119
# SPDX-License-Identifier: GPL-2.0-or-later
# One logical volume: diff --lv, and the backup of a snapshot.

# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

# lv_blocks FILE: prints the blocks of 64 KiB that FILE lists. FILE contains the ranges that a load
# or a diff has printed.
lv_blocks()
{
	awk '{ for (b = int($1 / 65536); b < ($1 + $2) / 65536; b++) print b }' "$1" | sort -nu
}

test_lvm_diff_of_a_logical_volume()
{
	DESCRIPTION="diff --lv lists the writes to a logical volume in several pieces, striped over two volumes, or with a snapshot; it refuses thin volumes and parts that are not tracked"
	local pv other third era lv

	new_vg 200M
	other=$(new_disk 200M)
	third=$(new_disk 64M)
	pvcreate -qy "$other" "$third" > /dev/null
	vgextend -q vg "$other" > /dev/null
	lvcreate -qy -n pieces -l 3 vg "$pv" > /dev/null
	lvcreate -qy -n between -l 1 vg "$pv" > /dev/null
	lvextend -q -l +5 vg/pieces "$pv" > /dev/null
	lvcreate -qy -n stripes -i 2 -I 64 -l 8 vg > /dev/null
	attach
	eractl attach pv1 --pv "$other" --write-lvm-filter > /dev/null
	era=$(eractl checkpoint pv0)
	same "$(eractl checkpoint pv1)" "$era"

	load -t 2 -n 15 /dev/vg/pieces > "$T/pieces"
	lv_blocks "$T/pieces" > "$T/want"
	eractl diff pv0 --lv vg/pieces --since "$era" --format ranges > "$T/got"
	same "$(lv_blocks "$T/got")" "$(cat "$T/want")"
	[[ $(eractl diff pv0 --lv vg/pieces --since "$era") == *"changed of 32 MiB"* ]] || fail "the sum is not of the logical volume"
	same "$(eractl diff pv0 --lv /dev/vg/between --since "$era" --format ranges)" ""

	load -t 2 -n 15 /dev/vg/stripes > "$T/stripes"
	eractl diff pv0 --lv vg/stripes --since "$era" --format ranges > "$T/got" 2> "$T/err"
	grep -q "eractl diff pv1 --lv vg/stripes" "$T/err" || fail "the other volume is not named: $(cat "$T/err")"
	eractl diff pv1 --lv vg/stripes --since "$era" --format ranges >> "$T/got" 2> "$T/err"
	same "$(lv_blocks "$T/got")" "$(lv_blocks "$T/stripes")"

	lvcreate -qy -s -n snap -l 2 vg/pieces > /dev/null
	eractl diff pv0 --lv vg/pieces --since "$era" --format ranges > "$T/got"
	same "$(lv_blocks "$T/got")" "$(cat "$T/want")"
	lvremove -qy vg/snap > /dev/null

	lvcreate -qy --type thin-pool -n pool -l 4 vg > /dev/null 2>&1
	lvcreate -qy -n thin -V 64M --thinpool vg/pool > /dev/null 2>&1
	eractl diff pv0 --lv vg/thin --since 1 > /dev/null 2> "$T/err" && fail "diff --lv translated a thin volume"
	grep -q "is a thin volume.*thin_delta" "$T/err" || fail "$(cat "$T/err")"
	vgextend -q vg "$third" > /dev/null
	lvextend -q -l +2 vg/pieces "$third" > /dev/null
	eractl diff pv0 --lv vg/pieces --since 1 > /dev/null 2> "$T/err" && fail "diff --lv translated a part that is not tracked"
	grep -q "does not track: copy it in full" "$T/err" || fail "$(cat "$T/err")"
	eractl diff pv0 --lv vg/none --since 1 2> "$T/err" && fail "diff listed a logical volume that does not exist"
	grep -q "vg/none is not an active logical volume" "$T/err" || fail "$(cat "$T/err")"
	eractl diff pv0 --lv vg/between --since 1 --format xml 2> "$T/err" && fail "diff listed blocks of the logical volume"
	grep -q "xml is for whole volumes" "$T/err" || fail "$(cat "$T/err")"
	eractl detach pv1 > /dev/null
	eractl detach pv0 > /dev/null
}

# snapshot_copied TEXT [ARGUMENT...]: copies the snapshot vg/night of the moment $token. Checks that
# the output contains TEXT, and that the restored copy equals the snapshot.
snapshot_copied()
{
	eractl backup data "$T/dir" --device /dev/vg/night --to "$token" "${@:2}" > "$T/said" 2>&1 || fail "exit code $?: $(cat "$T/said")"
	grep -qF -- "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
	eractl restore-backup "$T/dir" "$T/restored" --at "$token" --overwrite > /dev/null
	cmp "$T/restored" /dev/vg/night
}

# snapshot_refused TEXT DEVICE [TOKEN]: checks that a copy of the device fails with TEXT, and that the
# directory does not change.
snapshot_refused()
{
	find "$T/dir" -type f -printf '%p %s %T@\n' | sort > "$T/before"
	eractl backup data "$T/dir" --device "$2" --to "${3-$token}" > "$T/said" 2>&1 && fail "it worked: $(cat "$T/said")"
	grep -qF -- "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
	find "$T/dir" -type f -printf '%p %s %T@\n' | sort | diff "$T/before" -
}

case_timeout["test_lvm_backup_of_a_snapshot"]=300
test_lvm_backup_of_a_snapshot()
{
	DESCRIPTION="backup --device copies a snapshot while the file system on the volume is written: each copy equals its snapshot, fsck finds no error, and writes after the checkpoint are in the next increment, too"
	local pv i token writer init=--init

	new_vg 600M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mkdir "$T/mnt" "$T/dir"
	mount /dev/mapper/data "$T/mnt"
	files "$T/mnt" &
	writer=$!
	for i in 1 2 3; do
		nap 1
		fsfreeze -f "$T/mnt"
		token=$(eractl checkpoint data --token)
		lvcreate -qy -s -n night -L 44M vg/data > /dev/null
		fsfreeze -u "$T/mnt"
		nap 1
		snapshot_copied "$([[ $init ]] && echo "full copy" || echo increment)" $init
		e2fsck -fn "$T/restored" > "$T/fsck" 2>&1 || fail "$(cat "$T/fsck")"
		cp "$T/restored" "$T/copy$i"
		echo "$token" > "$T/token$i"
		lvremove -qy vg/night > /dev/null
		init=
	done
	cmp -s "$T/copy1" "$T/copy2" && fail "nothing was written between the snapshots"
	touch "$T/stop"
	wait $writer
	[[ ! -e $T/failed ]] || fail "files: $(cat "$T/failed")"
	umount "$T/mnt"
	for i in 1 2 3; do
		eractl restore-backup "$T/dir" "$T/restored" --at "$(< "$T/token$i")" --overwrite > /dev/null
		cmp "$T/restored" "$T/copy$i"
	done

	# A block that is written between the checkpoint and the snapshot is in both copies. A block
	# that is written after the snapshot is in the second copy only.
	token=$(eractl checkpoint data --token)
	write_at data 16777216 65536
	lvcreate -qy -s -n night -L 44M vg/data > /dev/null
	write_at data 20971520 65536
	snapshot_copied increment
	snapshot_refused "expected a snapshot, or leave out --device" /dev/mapper/data
	snapshot_refused "/dev/vg/data is the origin of volume data" /dev/vg/data
	snapshot_refused "run 'eractl checkpoint data --token', then make a new snapshot" /dev/vg/night "${token%:*}:99999"
	cmp /dev/vg/night /dev/mapper/data > /dev/null && fail "the snapshot has the later block"
	lvremove -qy vg/night > /dev/null
	token=$(eractl checkpoint data --token)
	lvcreate -qy -s -n night -L 44M vg/data > /dev/null
	snapshot_copied "increment, 128 KiB"
	cmp "$T/restored" /dev/mapper/data
	lvremove -qy vg/night > /dev/null

	# Refuse other devices, and a snapshot that has overflowed.
	token=$(eractl checkpoint data --token)
	new_lv small 28M
	new_lv large 36M
	new_lv same 32M
	snapshot_refused "/dev/vg/small has 29360128 bytes, expected a snapshot of volume data with 33554432 bytes" /dev/vg/small
	snapshot_refused "/dev/vg/large has 37748736 bytes, expected" /dev/vg/large
	dd if=/var/lib/erad/data.erad of=/dev/vg/same conv=nocreat,fsync status=none
	snapshot_refused "it is metadata of erad" /dev/vg/same
	lvcreate -qy -s -n night -L 4M vg/data > /dev/null
	write_at data 0 8388608
	snapshot_refused "/dev/vg/night: cannot read at byte" /dev/vg/night
	# Make the volume smaller than its origin and than the snapshot: backup must copy only as
	# many bytes as the volume has.
	lvremove -qy vg/night > /dev/null
	eractl resize data --size 24M > /dev/null
	token=$(eractl checkpoint data --token)
	lvcreate -qy -s -n night -L 44M vg/data > /dev/null
	eractl backup data "$T/dir" --device /dev/vg/night --to "$token" > "$T/said"
	grep -F "the volume has 25165824 bytes now" "$T/said"
	eractl restore-backup "$T/dir" "$T/restored" --overwrite > /dev/null
	cmp "$T/restored" /dev/mapper/data
	eractl close data
	eractl forget data
	vgremove -qfy vg > /dev/null
}
