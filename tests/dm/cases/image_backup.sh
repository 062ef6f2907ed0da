# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2046
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl backup --image: backups of images of live volumes.

# shellcheck source=tests/dm/image.sh
. tests/dm/image.sh

# stopped_backup: begins a backup, and stops eractl with SIGSTOP as soon as the image exists. Sets
# backup to the process number of eractl.
stopped_backup()
{
	eractl backup data "$T/dir" --full --image > "$T/said" 2>&1 &
	backup=$!
	while [[ ! -e /dev/mapper/data-image ]]; do
		is_running $backup || fail "$(cat "$T/said")"
		nap 0.01
	done
	kill -STOP $backup
	wait_until "the image" image_state_is valid
}

test_image_backup_under_load()
{
	DESCRIPTION="backup --image of a mounted ext4 under load makes copies that restore to a clean file system; if eractl is killed, its guardian process drops the image; if both are killed, the next backup drops the image"
	local origin before writer backup i

	origin=$(new_disk 64M)
	mkdir "$T/mnt" "$T/dir"
	eractl create data "$origin" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	before=$(devices)
	files &
	writer=$!
	nap 0.5
	for ((i = 0; i < 3; i++)); do
		echo "copy $i" > "$T/mnt/kept"
		eractl backup data "$T/dir" $( ((i)) || echo --init) --image --cow 68M --verify > "$T/said" 2>&1 || fail "$(cat "$T/said")"
		grep -q "$( ((i)) && echo increment || echo "full copy"), .*I/O stood still for .* ms" "$T/said" || fail "got '$(cat "$T/said")'"
		same "$(image_state)" none
		rm -f "$T/restored"
		eractl restore-backup "$T/dir" "$T/restored" > /dev/null
		e2fsck -fn "$T/restored" > "$T/fsck" 2>&1 || fail "copy $i is damaged: $(cat "$T/fsck")"
		same "$(debugfs -R 'cat /kept' "$T/restored" 2> /dev/null)" "copy $i"
	done
	touch "$T/stop"
	wait $writer
	same "$(devices)" "$before"

	refused "would lie on the volume" backup data "$T/dir" --image --cow "$origin"
	refused "it contains no backups of erad" backup data "$T" --image
	eractl image create data > /dev/null
	refused "the volume has an image already, which is valid" backup data "$T/dir" --image
	same "$(image_state)" valid
	eractl image drop data > /dev/null

	# If eractl is killed while it copies, its guardian drops the image.  If the guardian is killed, too,
	# the next backup drops the image.
	before=$(devices)
	stopped_backup
	kill -KILL $backup
	wait_until "the image is dropped" image_state_is none
	wait_until "only the devices of before are left" devices_are "$before"
	stopped_backup
	kill -KILL $(pgrep -P $backup) $backup
	same "$(image_state)" valid
	eractl backup data "$T/dir" --image > /dev/null
	same "$(devices)" "$before"
	umount "$T/mnt"
}

# backup_fails TEXT: lets the stopped backup go on. Checks that the backup fails with the text, and that
# the copies are as before.
backup_fails()
{
	kill -CONT $backup
	wait $backup && fail "the backup worked, expected a failure: $(cat "$T/said")"
	grep -qF "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
	same "$(md5sum "$T"/dir/*)" "$copies"
}

test_image_backup_of_a_lost_image()
{
	DESCRIPTION="if the image becomes invalid or is replaced by another image during the copy, backup --image fails although each read works, and the earlier copies are unchanged"
	local origin backup copies

	origin=$(new_disk 64M)
	mkdir "$T/dir"
	eractl create data "$origin" > /dev/null
	write_at data 0 1048576
	eractl backup data "$T/dir" --init --image > /dev/null
	copies=$(md5sum "$T"/dir/*)
	stopped_backup
	dmsetup load --readonly data-image --table "0 131072 linear $(lsblk -dno MAJ:MIN "$origin") 0"
	dmsetup resume data-image
	backup_fails "the image /dev/mapper/data-image has become invalid while it was copied"
	same "$(image_state)" none
	later_backup
	eractl image drop data > /dev/null
	eractl image create data > /dev/null
	backup_fails "/dev/mapper/data-image is not the image that was made for this copy"
	same "$(image_state)" valid
	eractl image drop data > /dev/null
	eractl backup data "$T/dir" --image > /dev/null
}

# later_backup: begins a backup, and stops eractl when the image is made, but before eractl has opened
# the image. If eractl was stopped too late, kills the backup and begins another one.
later_backup()
{
	local i

	for ((i = 0; i < 30; i++)); do
		stopped_backup
		[[ $(dmsetup info -c --noheadings -o open data-image) != 0 ]] || return 0
		kill -KILL $backup
		wait_until "the image is dropped" image_state_is none
	done
	fail "each of 30 backups has opened its image before it was stopped"
}

test_image_of_a_later_backup_stays()
{
	DESCRIPTION="the guardian process of a killed backup does not drop the image of a later backup of the same volume, and ends; the later backup works"
	local backup guardian uuid

	mkdir "$T/dir"
	eractl create data "$(new_disk 64M)" > /dev/null
	eractl backup data "$T/dir" --init --image > /dev/null
	stopped_backup
	guardian=$(pgrep -P $backup)
	kill -STOP $guardian
	kill -KILL $backup
	wait_until "eractl has ended" eval '! is_running $backup'
	eractl image drop data > /dev/null
	later_backup
	uuid=$(dmsetup info -c --noheadings -o uuid data-image)
	kill -CONT $guardian
	wait_until "the guardian has ended" eval '! is_running $guardian'
	same "$(dmsetup info -c --noheadings -o uuid data-image)" "$uuid"
	image_state_is valid || fail "got $(image_state)"
	kill -CONT $backup
	wait $backup || fail "$(cat "$T/said")"
	same "$(image_state)" none
}

test_image_backup_that_cannot_drop_the_image()
{
	DESCRIPTION="if another program has the image open at the end of a backup, the backup works and says that the image is left; the guardian process drops the image as soon as this is possible"
	local backup opened

	mkdir "$T/dir"
	eractl create data "$(new_disk 64M)" > /dev/null
	eractl backup data "$T/dir" --init --image > /dev/null
	stopped_backup
	exec {opened}< /dev/mapper/data-image
	kill -CONT $backup
	wait $backup || fail "$(cat "$T/said")"
	grep -q "the image is not dropped yet" "$T/said" || fail "$(cat "$T/said")"
	same "$(image_state)" valid
	exec {opened}<&-
	wait_until "the image is dropped" image_state_is none
}
