# shellcheck shell=bash disable=SC2016,SC2034,SC2119
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl image create --lvm: snapshots of LVM below live volumes.

# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

# snapshots: prints the logical volumes with the tag of an image
snapshots()
{
	lvs --noheadings -o vg_name,lv_name --separator / @erad-image | tr -d ' '
}

# says TEXT ARGUMENT…: checks that eractl fails with the text
says()
{
	eractl "${@:2}" > "$T/said" 2>&1 && fail "it worked, expected a failure: eractl ${*:2}"
	grep -qF -e "$1" "$T/said" || fail "got '$(cat "$T/said")' from eractl ${*:2}, expected '$1'"
}

# mount_ext4: makes an ext4 file system on the volume "data", and mounts it at $T/mnt.
mount_ext4()
{
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
}

# mounted_lv: creates the volume "data" on the logical volume vg/data, with a mounted ext4 file
# system.
mounted_lv()
{
	new_vg 100M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	mkdir "$T/mnt"
	mount_ext4
}

# lvm_image LV [OPTION]…: makes the image of the volume "data" on vg/LV, while its file system is
# written. Checks that a copy of an earlier era, with the blocks of the diff from the image, is
# equal to the image, and that the file system in the image is clean.
lvm_image()
{
	local device=/dev/vg/$1-erad-image base writer sum offset length

	mount_ext4
	base=$(eractl checkpoint data)
	fsfreeze -f "$T/mnt"
	cp /dev/mapper/data "$T/copy"
	fsfreeze -u "$T/mnt"
	files "$T/mnt" &
	writer=$!
	nap 1
	echo before > "$T/mnt/kept"
	eractl image create data --lvm "${@:2}" > "$T/said" 2> "$T/err" || fail "$(cat "$T/err")"
	echo later > "$T/mnt/kept"
	grep -q "^data: $device, token [-0-9a-f]*:[0-9a-f]*:[0-9]*$" "$T/said" || fail "got '$(cat "$T/said")'"
	grep -q "^data: the file system was frozen for .* s$" "$T/said" || fail "got '$(cat "$T/said")'"
	same "$(snapshots)" "vg/$1-erad-image"
	same "$(blockdev --getro "$device")" 1
	sum=$(md5sum < "$device")
	nap 1
	changed data "$base" | while read -r offset length; do
		dd if="$device" of="$T/copy" bs=64K iflag=skip_bytes,count_bytes oflag=seek_bytes skip="$offset" seek="$offset" count="$length" conv=notrunc status=none
	done
	cmp "$T/copy" "$device"
	same "$(md5sum < "$device")" "$sum"
	touch "$T/stop"
	wait "$writer"
	[[ ! -e $T/failed ]] || fail "$(cat "$T/failed")"
	e2fsck -fn "$T/copy" > "$T/fsck" 2>&1 || fail "the file system is damaged: $(cat "$T/fsck")"
	dumpe2fs -h "$T/copy" 2> /dev/null | grep -q needs_recovery && fail "the file system is not clean"
	same "$(debugfs -R 'cat /kept' "$T/copy" 2> /dev/null)" before
	# A write since the image is in the next diff.
	[[ $(eractl diff data --since "$(sed -n 's/.*, token //p' "$T/said")" --format ranges) ]] || fail "nothing is written since the image"
	says "there is the snapshot vg/$1-erad-image already" image create data --lvm "${@:2}"
	eractl image drop data > "$T/said"
	same "$(cat "$T/said")" "data: the snapshot vg/$1-erad-image is removed"
	same "$(snapshots)" ""
	says "the volume has no image" image drop data
	umount "$T/mnt"
	no_gap data
}

test_image_lvm_of_a_linear_volume()
{
	DESCRIPTION="image create --lvm under load makes a read-only snapshot of LVM of one moment with a clean file system; image drop removes it; the volume has no gap, also when it is closed with the snapshot"
	local before fd

	new_vg 200M
	new_lv data 64M
	eractl create data /dev/vg/data > /dev/null
	mkdir "$T/mnt"
	before=$(dmsetup table | sort)
	lvm_image data --size 68M
	same "$(dmsetup table | sort)" "$before"
	# Without a file system, nothing is frozen.
	wipefs -qa /dev/mapper/data
	write_at data 0 1048576
	same "$(eractl image create data --lvm --size 8M --json | field .frozen_seconds)" null
	cmp /dev/mapper/data /dev/vg/data-erad-image
	exec {fd}< /dev/vg/data-erad-image
	says "lvremove of its image failed: Logical volume vg/data-erad-image in use" image drop data
	exec {fd}<&-
	eractl close data
	eractl open data > /dev/null
	no_gap data
	eractl image drop data > /dev/null
	same "$(snapshots)" ""
	no_gap data
}

# is_kept LV: checks that image drop refuses to remove the image of vg/thin and keeps vg/LV, which depends
# on the image. Then removes vg/LV.
is_kept()
{
	says "other logical volumes depend on vg/thin-erad-image, and lvremove would remove them, too; remove them first" image drop data
	lvs "vg/$1" vg/thin-erad-image > /dev/null || fail "image drop has removed a logical volume"
	lvremove -qy "vg/$1" > /dev/null
}

test_image_lvm_of_a_thin_volume()
{
	DESCRIPTION="image create --lvm of a volume on a thin volume makes a thin snapshot, without a size; image drop keeps a logical volume that depends on the snapshot, and says so"

	new_vg 300M
	lvcreate -qy -T -L 160M vg/pool > /dev/null
	lvcreate -qy -V 64M -T vg/pool -n thin > /dev/null
	eractl create data /dev/vg/thin > /dev/null
	mkdir "$T/mnt"
	says "vg/thin is a thin volume, whose snapshot has no size of its own; leave out --size" image create data --lvm --size 8M
	lvm_image thin
	wipefs -qa /dev/mapper/data
	eractl image create data --lvm > /dev/null
	# lvremove -f of the image would remove a classic snapshot of the image, without a question.
	lvcreate -qy -s -L 8M -n work vg/thin-erad-image > /dev/null
	is_kept work
	# lvremove -f would also remove a thin volume of another pool whose external origin is the
	# image. LVM accepts an external origin only if it is not active.
	lvchange -an vg/thin-erad-image
	lvcreate -qy -T -L 32M vg/pool2 > /dev/null
	lvcreate -qy -s -n work --thinpool vg/pool2 vg/thin-erad-image > /dev/null
	is_kept work
	# A thin snapshot of the image in the same pool does not depend on the image.
	lvcreate -qy -s -n work vg/thin-erad-image > /dev/null
	eractl image drop data > "$T/said"
	same "$(cat "$T/said")" "data: the snapshot vg/thin-erad-image is removed"
	lvs vg/work > /dev/null
	lvs vg/thin-erad-image > /dev/null 2>&1 && fail "vg/thin-erad-image is still there"
	no_gap data
}

test_image_lvm_refusals()
{
	DESCRIPTION="image create --lvm refuses an origin that is no logical volume, a volume below logical volumes, and a classic snapshot without a size; nothing is left; with both kinds of images, two drops remove both"
	local code=0

	new_vg 100M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	eractl create plain "$(new_disk 32M)" > /dev/null
	says "--size is missing: a snapshot of vg/data, which is not a thin volume, needs a size" image create data --lvm
	new_lv other 60M
	says "lvcreate -s failed: Volume group \"vg\" has insufficient free space" image create data --lvm --size 32M
	lvremove -qy vg/other > /dev/null
	says "is not a logical volume, so LVM cannot make a snapshot of it" image create plain --lvm --size 8M
	says "the volume has no image" image drop plain
	eractl image create data --size 8M > "$T/said" 2>&1 || code=$?
	same "$code" 2
	eractl image create data > /dev/null
	says "it has an image already; run 'eractl image drop data'" image create data --lvm --size 8M
	eractl image drop data > /dev/null
	# With both kinds of images, the first drop takes the image of erad, and the second one the snapshot.
	eractl image create data --lvm --size 8M > /dev/null
	eractl image create data > /dev/null
	eractl image drop data > "$T/said"
	grep -q "^data: I/O stood still for " "$T/said" || fail "got '$(cat "$T/said")'"
	same "$(snapshots)" "vg/data-erad-image"
	eractl image drop data > "$T/said"
	same "$(cat "$T/said")" "data: the snapshot vg/data-erad-image is removed"
	same "$(snapshots)" ""
	# What an lvcreate has left that was interrupted before the logical volume became a snapshot.
	new_lv data-erad-image 8M --addtag erad-image
	says "there is the snapshot vg/data-erad-image already" image create data --lvm --size 8M
	eractl image drop data > /dev/null
	same "$(snapshots)" ""
	eractl close data
	says "it is closed; open it first" image create data --lvm --size 8M
	eractl forget data > /dev/null
	attach
	says "take a snapshot of one of them with 'lvcreate -s', and give it to 'eractl backup --device'" image create pv0 --lvm --size 8M
	eractl detach pv0 > /dev/null
}

# slow_image: makes the image of the volume "data" on vg/data, but holds LVM's lock, so that
# lvcreate waits. lvs shares the lock. Returns when the file system is frozen. Sets create to the
# process number of eractl. The caller ends the wait with lvcreate_goes_on.
slow_image()
{
	local era

	era=$(eractl status --json data | field era)
	exec {lock}>> /run/lock/lvm/V_vg
	flock -s "$lock"
	eractl image create data --lvm --size 8M > "$T/said" 2>&1 {lock}>&- &
	create=$!
	wait_until "lvcreate waits for LVM's lock" grep -q -e "-> FLOCK" /proc/locks
	# If the era began after the snapshot, writes between the two would be in no copy.
	same "$(eractl status --json data | field era)" $((era + 1))
	touch "$T/mnt/file" {lock}>&- &
	touch=$!
	nap 1
	is_running "$touch" || fail "the file system is not frozen while lvcreate runs"
}

lvcreate_goes_on()
{
	exec {lock}>&-
}

test_image_lvm_when_eractl_is_killed()
{
	DESCRIPTION="the era begins before lvcreate runs; if eractl is killed while lvcreate runs, the file system is thawed; the snapshot that is left is named by the next image create, and image drop removes it"
	local lock create touch

	mounted_lv
	slow_image
	kill -KILL "$create"
	wait "$touch" || fail "a write failed"
	lvcreate_goes_on
	wait_until "lvcreate has made the snapshot" eval '[[ $(snapshots) == vg/data-erad-image ]]'
	says "there is the snapshot vg/data-erad-image already, which 'eractl image create --lvm' has made; run 'eractl image drop data' to remove it" image create data --lvm --size 8M
	eractl image drop data > /dev/null
	eractl image create data --lvm --size 8M > /dev/null
	eractl image drop data > /dev/null
	same "$(snapshots)" ""
	umount "$T/mnt"
	no_gap data
}

test_image_lvm_that_takes_too_long()
{
	DESCRIPTION="if lvcreate takes longer than 30 seconds, the file system is thawed; then image create fails, says why, and removes the snapshot"
	local lock create touch

	mounted_lv
	slow_image
	wait "$touch" || fail "a write failed"
	is_running "$create" || fail "eractl has ended: $(cat "$T/said")"
	lvcreate_goes_on
	wait "$create" && fail "the image was made: $(cat "$T/said")"
	grep -qF "the file system on it was thawed before lvcreate had ended, so it is not clean in the snapshot; try again" "$T/said" || fail "$(cat "$T/said")"
	same "$(snapshots)" ""
	umount "$T/mnt"
	no_gap data
}

test_image_lvm_when_the_guardian_is_killed()
{
	DESCRIPTION="if eractl's guardian process is killed before lvcreate runs, the file system is thawed, no snapshot is made, and image create fails and says why"
	local create guardian

	mounted_lv
	stop_erad
	start_erad_armed ROLL_PREPARED 1000
	wait_until "active" eractl_state_is data active
	# Stop erad in the checkpoint, which is between the freeze and lvcreate.
	echo "ROLL_PREPARED 1 stop" > "$T/armed"
	eractl image create data --lvm --size 8M > "$T/said" 2>&1 &
	create=$!
	wait_until "erad has stopped" grep -q "failpoint ROLL_PREPARED" "$T/life"
	read -r guardian < "/proc/$create/task/$create/children" || :
	kill -KILL "$guardian"
	wait_until "the guardian has ended" eval '! is_running $guardian'
	kill -CONT "$(erad_pid)"
	wait "$create" && fail "the image was made: $(cat "$T/said")"
	grep -qF "the process that keeps the file system frozen has ended before lvcreate began" "$T/said" || fail "got $(cat "$T/said")"
	same "$(snapshots)" ""
	bounded 20 touch "$T/mnt/file" || fail "the file system is frozen"
	eractl image create data --lvm --size 8M > /dev/null
	eractl image drop data > /dev/null
	umount "$T/mnt"
	no_gap data
}

case_timeout["test_image_lvm_when_the_thaw_hangs"]=240
test_image_lvm_when_the_thaw_hangs()
{
	DESCRIPTION="if the file system is not thawed in time after lvcreate, image create removes the snapshot, fails, and says that the file system may still be frozen"
	local create guardian

	mounted_lv
	stop_erad
	start_erad_armed ROLL_PREPARED 1000
	wait_until "active" eractl_state_is data active
	echo "ROLL_PREPARED 1 stop" > "$T/armed"
	eractl image create data --lvm --size 8M > "$T/said" 2>&1 &
	create=$!
	wait_until "erad has stopped" grep -q "failpoint ROLL_PREPARED" "$T/life"
	read -r guardian < "/proc/$create/task/$create/children" || :
	kill -STOP "$guardian"
	kill -CONT "$(erad_pid)"
	wait "$create" && fail "exit code 0 although the file system is still frozen: $(cat "$T/said")"
	grep -qF "volume data: the file system on it was not thawed within 10 seconds, so no snapshot is made; check whether" "$T/said" || fail "got $(cat "$T/said")"
	same "$(snapshots)" ""
	kill -CONT "$guardian"
	bounded 20 touch "$T/mnt/file" || fail "the file system is frozen"
	eractl image create data --lvm --size 8M > /dev/null
	eractl image drop data > /dev/null
	umount "$T/mnt"
	no_gap data
}

test_image_lvm_with_many_warnings()
{
	DESCRIPTION="warnings of LVM that are longer than any buffer do not hinder image create --lvm and image drop"
	local i

	new_vg 100M
	new_lv data 32M
	eractl create data /dev/vg/data > /dev/null
	# For each section that lvm does not know, lvm prints a line before its answer.
	for ((i = 0; i < 500; i++)); do
		echo "no_section_of_lvm_has_this_name_$i { a=1 }"
	done >> /etc/lvm/lvmlocal.conf
	lvs vg > /dev/null 2> "$T/err"
	(($(wc -c < "$T/err") > 10000)) || fail "lvs prints no warnings: $(cat "$T/err")"
	eractl image create data --lvm --size 8M > /dev/null
	says "there is the snapshot vg/data-erad-image already" image create data --lvm --size 8M
	eractl image drop data > "$T/said"
	same "$(cat "$T/said")" "data: the snapshot vg/data-erad-image is removed"
	same "$(snapshots 2> /dev/null)" ""
}
