# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2046
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl backup --lvm: backups of snapshots of LVM below live volumes.

# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

# snapshots: prints the logical volumes with the tag of an image
snapshots()
{
	lvs --noheadings -o vg_name,lv_name --separator / @erad-image | tr -d ' '
}

snapshots_are()
{
	[[ $(snapshots) == "$1" ]]
}

# says TEXT ARGUMENT…: checks that eractl fails with the text
says()
{
	eractl "${@:2}" > "$T/said" 2>&1 && fail "it worked, expected a failure: eractl ${*:2}"
	grep -qF -e "$1" "$T/said" || fail "got '$(cat "$T/said")' from eractl ${*:2}, expected '$1'"
}

# lvcreate_ended: succeeds if no lvm runs that eractl, the process $backup, has started. If eractl is
# stopped, an lvm that has ended is a zombie.
lvcreate_ended()
{
	local pid

	for pid in $(< "/proc/$backup/task/$backup/children"); do
		[[ $(< "/proc/$pid/comm") != lvm ]] || ! is_running "$pid" || return
	done
}

# stopped_backup [OPTION]…: begins a backup, and stops eractl with SIGSTOP when the snapshot is made. Sets
# backup to the process number of eractl.
stopped_backup()
{
	eractl backup data "$T/dir" --full --lvm "$@" > "$T/said" 2>&1 &
	backup=$!
	while [[ ! -e /dev/vg/data-erad-image ]]; do
		is_running $backup || fail "$(cat "$T/said")"
		nap 0.01
	done
	kill -STOP $backup
	wait_until "lvcreate has ended" lvcreate_ended
}

# copies_of LV [OPTION]…: makes backups of the volume data on vg/LV while its file system is written, and
# compares each with the snapshot, or with a file that was written before.
copies_of()
{
	local writer backup sum i

	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	files "$T/mnt" &
	writer=$!
	for ((i = 0; i < 2; i++)); do
		nap 0.5
		echo "copy $i" > "$T/mnt/kept"
		eractl backup data "$T/dir" $( ((i)) || echo --init) --lvm "${@:2}" --verify > "$T/said" 2>&1 || fail "$(cat "$T/said")"
		grep -q "$( ((i)) && echo increment || echo "full copy"), .*, frozen for .* s" "$T/said" || fail "got '$(cat "$T/said")'"
		same "$(snapshots)" ""
		rm -f "$T/restored"
		eractl restore-backup "$T/dir" "$T/restored" > /dev/null
		e2fsck -fn "$T/restored" > "$T/fsck" 2>&1 || fail "copy $i is damaged: $(cat "$T/fsck")"
		dumpe2fs -h "$T/restored" 2> /dev/null | grep -q needs_recovery && fail "the file system in copy $i is not clean"
		same "$(debugfs -R 'cat /kept' "$T/restored" 2> /dev/null)" "copy $i"
	done
	# An increment, whose snapshot is read by this case, too.
	eractl backup data "$T/dir" --lvm "${@:2}" > "$T/said" 2>&1 &
	backup=$!
	while [[ ! -e /dev/vg/$1-erad-image ]]; do
		is_running $backup || fail "$(cat "$T/said")"
		nap 0.01
	done
	kill -STOP $backup
	wait_until "lvcreate has ended" lvcreate_ended
	sum=$(md5sum < "/dev/vg/$1-erad-image")
	kill -CONT $backup
	wait $backup || fail "$(cat "$T/said")"
	grep -q increment "$T/said" || fail "got '$(cat "$T/said")'"
	touch "$T/stop"
	wait $writer
	[[ ! -e $T/failed ]] || fail "$(cat "$T/failed")"
	rm "$T/restored" "$T/stop"
	eractl restore-backup "$T/dir" "$T/restored" > /dev/null
	same "$(md5sum < "$T/restored")" "$sum"
	same "$(snapshots)" ""
	umount "$T/mnt"
	no_gap data
}

case_timeout["test_image_lvm_backup_under_load"]=300
test_image_lvm_backup_under_load()
{
	DESCRIPTION="backup --lvm of a mounted ext4 under load, on a linear logical volume, makes copies that equal the snapshot; the file system in them is clean; the snapshot is removed"

	new_vg 200M
	new_lv data 64M
	eractl create data /dev/vg/data > /dev/null
	mkdir "$T/mnt" "$T/dir"
	copies_of data --size 68M
	# Without a file system, nothing is frozen.
	wipefs -qa /dev/mapper/data
	same "$(eractl backup data "$T/dir" --lvm --size 8M --json | field .frozen_seconds .stood_still_seconds .image_left)" "null null 0"
}

case_timeout["test_image_lvm_backup_of_a_thin_volume"]=300
test_image_lvm_backup_of_a_thin_volume()
{
	DESCRIPTION="backup --lvm of a mounted ext4 under load, on a thin volume, makes copies that equal the snapshot; the snapshot is removed"

	new_vg 300M
	lvcreate -qy -T -L 160M vg/pool > /dev/null
	lvcreate -qy -V 64M -T vg/pool -n thin > /dev/null
	eractl create data /dev/vg/thin > /dev/null
	mkdir "$T/mnt" "$T/dir"
	copies_of thin
}

case_timeout["test_image_lvm_backup_that_is_killed"]=300
test_image_lvm_backup_that_is_killed()
{
	DESCRIPTION="if backup --lvm is killed, its guardian process removes the snapshot, also if lvcreate has not begun its work; if both are killed, the next backup removes the snapshot; a snapshot of a user is kept"
	local backup

	new_vg 200M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	mkdir "$T/dir"
	eractl backup data "$T/dir" --init --lvm --size 8M > /dev/null
	stopped_backup --size 8M
	same "$(snapshots)" vg/data-erad-image
	kill -KILL $backup
	wait_until "the snapshot is removed" snapshots_are ""

	stopped_backup --size 8M
	kill -KILL $(pgrep -P $backup) $backup
	same "$(snapshots)" vg/data-erad-image
	says "there is the snapshot vg/data-erad-image already, which 'eractl backup --lvm' has made" image create data --lvm --size 8M
	eractl backup data "$T/dir" --lvm --size 8M > /dev/null
	same "$(snapshots)" ""

	# A script in place of lvm, in a mount namespace, delays lvcreate.
	cp "$(realpath /usr/sbin/lvm)" "$T/lvm.real"
	printf '%s\n' '#!/bin/bash' "[[ \$1 != lvcreate ]] || { echo \$\$ > $T/lvcreate; while [[ ! -e $T/go ]]; do sleep 0.1; done; }" \
		"exec -a lvm $T/lvm.real \"\$@\"" > "$T/lvm"
	chmod +x "$T/lvm"
	unshare --mount bash -c "mount --bind $T/lvm $(realpath /usr/sbin/lvm) && exec eractl backup data $T/dir --lvm --size 8M" > "$T/said" 2>&1 &
	backup=$!
	wait_until "lvcreate has begun" test -s "$T/lvcreate"
	kill -KILL $backup
	# Time for a guardian that does not wait for lvcreate.
	nap 3
	touch "$T/go"
	wait_until "lvcreate has ended" eval '! is_running $(< $T/lvcreate)'
	wait_until "the guardian has ended" eval '! pgrep -x erad-guardian'
	same "$(snapshots)" ""

	eractl image create data --lvm --size 8M > /dev/null
	says "there is the snapshot vg/data-erad-image already, which 'eractl image create --lvm' has made" backup data "$T/dir" --lvm --size 8M
	same "$(snapshots)" vg/data-erad-image
	eractl image drop data > /dev/null
	no_gap data
}

case_timeout["test_image_lvm_backup_beside_another"]=300
test_image_lvm_backup_beside_another()
{
	DESCRIPTION="a second backup --lvm of a volume is refused, and the first one goes on; a backup goes on if the guardian of a killed backup removes the snapshot at the same time"
	local backup

	new_vg 200M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	mkdir "$T/dir" "$T/dir2"
	eractl backup data "$T/dir" --init --lvm --size 8M > /dev/null
	stopped_backup --size 8M
	eractl backup data "$T/dir2" --init --lvm --size 8M > "$T/said2" 2>&1 && fail "two backups at the same time"
	grep -qF "volume data: another 'eractl backup --lvm' of this volume is running" "$T/said2" || fail "got '$(cat "$T/said2")'"
	same "$(snapshots)" vg/data-erad-image
	kill -CONT $backup
	wait $backup || fail "$(cat "$T/said")"
	same "$(snapshots)" ""

	stopped_backup --size 8M
	kill -KILL $(pgrep -P $backup) $backup
	same "$(snapshots)" vg/data-erad-image
	# This lvm does what the guardian does, between the looks of the next backup and its lvremove.
	cp /usr/sbin/lvm "$T/lvm"
	cat > "$T/wrapper" << END
#!/bin/bash
if [[ " \$* " == *" lv_role "* && ! -e $T/removed ]]; then
	> $T/removed
	$T/lvm lvremove -f vg/data-erad-image > /dev/null
fi
exec $T/lvm "\$@"
END
	chmod +x "$T/wrapper"
	unshare -m bash -c "mount --bind $T/wrapper /usr/sbin/lvm && exec eractl backup data $T/dir --lvm --size 8M" > "$T/said" 2>&1 || fail "$(cat "$T/said")"
	[[ -e $T/removed ]] || fail "the snapshot was not removed meanwhile"
	same "$(snapshots)" ""
	no_gap data
}

# backup_fails TEXT: lets the stopped backup go on. Checks that the backup fails with the text, and that
# the copies are as before.
backup_fails()
{
	kill -CONT $backup
	wait $backup && fail "the backup worked, expected a failure: $(cat "$T/said")"
	grep -q "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
	same "$(md5sum "$T"/dir/*)" "$copies"
	wait_until "the snapshot is removed" snapshots_are ""
}

case_timeout["test_image_lvm_backup_of_a_lost_snapshot"]=300
test_image_lvm_backup_of_a_lost_snapshot()
{
	DESCRIPTION="if the snapshot becomes full, is replaced or removed during the copy, backup --lvm fails, and the earlier copies are unchanged; if the snapshot is in use at the end, the guardian removes it later"
	local backup copies opened code=0

	new_vg 200M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	mkdir "$T/dir"
	eractl backup data "$T/dir" --init --lvm --size 32M > /dev/null
	copies=$(md5sum "$T"/dir/*)
	stopped_backup --size 4M
	write_at data 0 $((16 << 20))
	backup_fails "vg/data-erad-image"
	# Each read works, but the content is not that of the moment.
	stopped_backup --size 8M
	dmsetup load --readonly vg-data--erad--image --table "0 65536 linear $(lsblk -dno MAJ:MIN "$pv") 0"
	dmsetup resume vg-data--erad--image
	backup_fails "the snapshot /dev/vg/data-erad-image has become invalid while it was copied"

	eractl backup data "$T/dir" --lvm > "$T/said" 2>&1 && fail "a backup without --size worked"
	grep -q "volume data: --size is missing" "$T/said" || fail "got '$(cat "$T/said")'"
	eractl backup data "$T/dir" --lvm --image > /dev/null 2>&1 || code=$?
	same "$code" 2
	eractl image create data > /dev/null
	says "it has an image already; run 'eractl image drop data'" backup data "$T/dir" --lvm --size 8M
	eractl image drop data > /dev/null
	same "$(snapshots)" ""
	same "$(md5sum "$T"/dir/*)" "$copies"

	stopped_backup --size 8M
	exec {opened}< /dev/vg/data-erad-image
	kill -CONT $backup
	wait $backup || fail "$(cat "$T/said")"
	grep -q "a process in the background tries again for an hour" "$T/said" || fail "$(cat "$T/said")"
	same "$(snapshots)" vg/data-erad-image
	exec {opened}<&-
	wait_until "the snapshot is removed" snapshots_are ""
	no_gap data
}
