# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2046
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl image: read-only views of live volumes at one moment.

# shellcheck source=tests/dm/image.sh
. tests/dm/image.sh

# lies_on: prints the numbers MAJOR:MINOR of the device on which the volume "data" lies
lies_on()
{
	dmsetup table data | awk '{ print $5 }'
}

# image_create [OPTION]…: makes an image of the volume "data", and sets token
image_create()
{
	local said

	said=$(eractl image create data "$@")
	[[ $said == "data: /dev/mapper/data-image, token "*$'\n'"data: I/O stood still for "*" ms" ]] || fail "image create said '$said'"
	token=${said#*token }
	token=${token%%$'\n'*}
}

# patched COPY ERA: copies the blocks that the diff since ERA lists from data-image into the file
# COPY
patched()
{
	local offset length

	changed data "$2" | while read -r offset length; do
		dd if=/dev/mapper/data-image of="$1" bs=64K iflag=skip_bytes,count_bytes oflag=seek_bytes skip="$offset" seek="$offset" count="$length" conv=notrunc status=none
	done
}

case_share["test_image_is_the_moment_under_load"]=both
test_image_is_the_moment_under_load()
{
	DESCRIPTION="an image of a mounted ext4 under load does not change; a base that gets the blocks of the diff from the image is equal to the image; after the drop, the volume lies on its origin again without a gap"
	local origin before base token writer sum

	origin=$(new_disk 64M)
	mkdir "$T/mnt"
	eractl create data "$origin" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	before=$(devices)
	echo first > "$T/mnt/kept"
	sync -f "$T/mnt"
	base=$(eractl checkpoint data)
	fsfreeze -f "$T/mnt"
	cp /dev/mapper/data "$T/copy"
	fsfreeze -u "$T/mnt"
	files &
	writer=$!
	nap 1
	echo second > "$T/mnt/kept"
	image_create --cow 68M
	echo third > "$T/mnt/kept"
	same "$(image_state)" valid
	sum=$(md5sum < /dev/mapper/data-image)
	[[ $(blockdev --getro /dev/mapper/data-image) == 1 ]] || fail "the image can be written"
	same "$(blockdev --getsize64 /dev/mapper/data-image)" $((64 << 20))
	nap 1
	patched "$T/copy" "$base"
	cmp "$T/copy" /dev/mapper/data-image
	same "$(image_state)" valid
	# Later writes are in the next diff, and have not changed the image.
	[[ $(eractl diff data --since "$token" --format ranges) ]] || fail "nothing is written since the image"
	same "$(md5sum < /dev/mapper/data-image)" "$sum"
	e2fsck -fn "$T/copy" > "$T/fsck" 2>&1 || fail "the image is damaged: $(cat "$T/fsck")"
	same "$(debugfs -R 'cat /kept' "$T/copy" 2> /dev/null)" second
	eractl image drop data > "$T/said"
	grep -q "^data: I/O stood still for .* ms$" "$T/said"
	nap 0.5
	touch "$T/stop"
	wait $writer
	[[ ! -e $T/failed ]] || fail "$(cat "$T/failed")"
	umount "$T/mnt"
	same "$(devices)" "$before"
	same "$(image_state)" none
	no_gap data
	e2fsck -fn /dev/mapper/data > "$T/fsck" 2>&1 || fail "the volume is damaged: $(cat "$T/fsck")"
	reopened true
	no_gap data
}

case_share["test_image_store_that_is_full"]=both
test_image_store_that_is_full()
{
	DESCRIPTION="when the copy-on-write store is full, the image is invalid and status says so; the volume goes on, and a new image can be made"
	local origin said

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	eractl image create data --cow 8M > /dev/null
	same "$(image_state)" valid
	write_at data 0 4194304
	same "$(image_state)" valid
	write_at data 4194304 16777216
	wait_until "invalid" image_state_is invalid
	dd if=/dev/mapper/data-image of=/dev/null bs=64K count=1 iflag=direct 2> /dev/null && fail "the invalid image was read"
	eractl status data > "$T/said"
	grep -F "data: the image is invalid, because its copy-on-write store is full or failed; the volume goes on; run 'eractl image drop data' to drop the image" "$T/said"
	eractl doctor > "$T/said" || :
	grep -F "/dev/mapper/data-image is invalid" "$T/said"
	write_at data 33554432 1048576
	eractl checkpoint data > /dev/null
	eractl image drop data > /dev/null
	same "$(image_state)" none
	eractl image create data > /dev/null
	cmp /dev/mapper/data /dev/mapper/data-image
	eractl image drop data > /dev/null
	no_gap data
	eractl close data
}

case_share["test_image_drop_while_udev_is_slow"]=oldest
test_image_drop_while_udev_is_slow()
{
	DESCRIPTION="image drop goes on when a device of the image is removed, and only udev has not processed the removal yet"
	local origin before

	origin=$(new_disk 64M)
	stop_erad
	unset DM_DISABLE_UDEV
	start_erad
	eractl create data "$origin" > /dev/null
	before=$(devices)
	eractl image create data > /dev/null
	# There is no udev here. This file makes each process that removes one of the three devices of the
	# image wait for udev. erad itself has looked for the file before.
	mkdir -p /run/udev
	touch /run/udev/control
	eractl image drop data > "$T/said" 2>&1 || fail "$(cat "$T/said")"
	# End the wait.
	dmsetup udevcomplete_all -y > "$T/said" 2>&1
	rm /run/udev/control
	grep -q "^3 semaphores " "$T/said" || fail "other processes wait for udev, expected 3: $(cat "$T/said")"
	same "$(devices)" "$before"
	same "$(image_state)" none
	no_gap data
	stop_erad
	export DM_DISABLE_UDEV=1
	start_erad
}

case_share["test_image_refusals"]=both
test_image_refusals()
{
	DESCRIPTION="image create refuses a store that is in use, has content or lies on the volume, a second image, and a table that erad does not know; close, resize, forget and open refuse a volume with an image"
	local origin other store before major minor

	origin=$(new_disk 64M)
	other=$(new_disk 64M)
	store=$(new_disk 32M)
	mkdir "$T/mnt"
	refused "no volume" image create data
	eractl create data "$origin" > /dev/null
	eractl create other "$other" > /dev/null
	refused "the volume has no image" image drop data
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	truncate -s 16M "$T/mnt/store"
	before=$(devices)
	refused "the copy-on-write store at $T/mnt/store would lie on the volume" image create data --cow "$T/mnt/store"
	refused "would lie on the volume" image create data --cow "$origin"
	refused "is the origin of volume other" image create data --cow "$other"
	refused "/dev/mapper/other would lie on volume other" image create data --cow /dev/mapper/other
	mkfs.ext4 -q /dev/mapper/other
	mkdir "$T/other"
	mount /dev/mapper/other "$T/other"
	truncate -s 16M "$T/other/store"
	refused "$T/other/store would lie on volume other, and writes of the two volumes might wait for each other" image create data --cow "$T/other/store"
	umount "$T/other"
	wipefs -qa /dev/mapper/other
	pvcreate -qy /dev/mapper/other > /dev/null
	refused "the volume is a physical volume of LVM, and its image would be a duplicate of it" image create other
	mkdir "$T/dir"
	refused "take a snapshot of the logical volume with 'lvcreate -s', and give it to 'eractl backup --device'" backup other "$T/dir" --init --image
	wipefs -qa /dev/mapper/other
	mkfs.ext4 -q "$store"
	refused "$store contains a file system, partitions or other content" image create data --cow "$store"
	wipefs -qa "$store"
	echo text > "$T/text"
	refused "$T/text contains data, which the image would overwrite" image create data --cow "$T/text"
	refused "expected at least 8 MiB" image create data --cow 1M
	refused "/var/lib/erad/other.erad is the metadata of volume other" image create data --cow /var/lib/erad/other.erad
	refused "expected a block device, a file that exists, or a size" image create data --cow "$T/none"
	refused "is neither a block device nor a regular file" image create data --cow "$T"
	refused "must stay free; name another size or place with --cow" image create data --cow 1024T
	fsfreeze -f "$T/mnt"
	# Since Linux 6.8, device-mapper can freeze a file system that somebody else has frozen.
	IFS=.- read -r major minor _ < /proc/sys/kernel/osrelease
	if ((major > 6 || (major == 6 && minor >= 8))); then
		eractl image create data --cow "$store" > /dev/null
		eractl image drop data > /dev/null
	else
		refused "the file system on the volume may be frozen already" image create data --cow "$store"
	fi
	fsfreeze -u "$T/mnt"
	dmsetup create data-image --table "0 8 zero"
	refused "there is a /dev/mapper/data-image already" image create data
	dmsetup remove data-image
	dmsetup load data --table "$(dmsetup table data)"
	refused "has a table that is loaded" image create data
	dmsetup clear data
	dmsetup suspend --noflush --nolockfs data
	refused "is suspended" image create data
	dmsetup resume data
	# No refusal has left a device or a loop device.
	same "$(devices)" "$before"
	umount "$T/mnt"
	eractl close data
	refused "it is closed" image create data
}

test_image_stores_and_refusals_with_an_image()
{
	DESCRIPTION="a file and a device can be the store again and again; close, resize, forget, open and a drop of an image that is in use are refused while there is an image"
	local origin store i

	origin=$(new_disk 64M)
	store=$(new_disk 32M)
	mkdir "$T/mnt"
	truncate -s 16M "$T/store"
	eractl create data "$origin" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	fstrim "$T/mnt" || fail "the volume takes no discards without an image"
	# Use a file and a device as the copy-on-write store, each twice. The image writes no
	# signature to the device.
	for ((i = 0; i < 2; i++)); do
		eractl image create data --cow "$T/store" > /dev/null
		write_at data 33554432 1048576
		same "$(image_state)" valid
		eractl image drop data > /dev/null
		eractl image create data --cow "$store" > /dev/null
		head -c 300000 /dev/urandom > "$T/mnt/f$i"
		sync -f "$T/mnt"
		same "$(image_state)" valid
		[[ ! $(blkid -p "$store") ]] || fail "the store has a signature: $(blkid -p "$store")"
		((i)) || eractl image drop data > /dev/null
	done
	refused "the volume has an image already, which is valid" image create data
	fstrim "$T/mnt" 2> /dev/null && fail "the volume takes discards while it has an image, which eractl(8) denies"
	umount "$T/mnt"
	refused "the volume has an image, /dev/mapper/data-image, which is valid; run 'eractl image drop data' first" close data
	refused "'eractl image drop data' first" resize data --size 32M
	exec {image_fd}< /dev/mapper/data-image
	refused "/dev/mapper/data-image is in use" image drop data
	same "$(image_state)" valid
	exec {image_fd}<&-
	# Remove the volume's device with dmsetup, and not through erad.
	dmsetup remove data
	wait_until "closed" eractl_state_is data closed
	same "$(image_state)" interrupted
	refused "'eractl image drop data' first" open data
	refused "'eractl image drop data' first" forget data
	eractl image drop data > /dev/null
	same "$(image_state)" none
	eractl open data > /dev/null
	# The origin could not be sealed, so the open records a gap. The diff must not be too small.
	read_fully data
	eractl close data
}

test_image_stores_are_not_shared()
{
	DESCRIPTION="image create refuses a store that another image, a program or a loop device uses; of two creates with one device at the same time, one works"
	local origin other store loop second i created

	origin=$(new_disk 64M)
	other=$(new_disk 64M)
	store=$(new_disk 32M)
	truncate -s 16M "$T/file"
	eractl create data "$origin" > /dev/null
	eractl create other "$other" > /dev/null
	eractl image create other --cow "$T/file" > /dev/null
	loop=$(losetup --noheadings -O NAME -j "$T/file")
	refused "$T/file is in use: it is the file of $loop, which /dev/mapper/other-image-store uses" image create data --cow "$T/file"
	refused "$loop is in use: held by" image create data --cow "$loop"
	eractl image drop other > /dev/null
	eractl image create other --cow "$store" > /dev/null
	refused "(/dev/mapper/other-image-store)" image create data --cow "$store"
	eractl image drop other > /dev/null
	exec {file_fd}< "$T/file"
	flock "$file_fd"
	refused "$T/file is in use: another program has locked it" image create data --cow "$T/file"
	exec {file_fd}<&-
	loop=$(losetup -f --show "$T/file")
	refused "$T/file is in use: it is the file of $loop" image create data --cow "$T/file"
	second=$(losetup -f --show "$T/file")
	refused "$loop is in use: it is the file of $second" image create data --cow "$loop"
	losetup -d "$loop" "$second"
	for ((i = 0; i < 5; i++)); do
		eractl image create other --cow "$store" > /dev/null 2>&1 &
		created=0
		eractl image create data --cow "$store" > "$T/said" 2>&1 && created=1
		wait $! && ((++created))
		((created == 1)) || fail "$created of two images were made with one store: $(cat "$T/said")"
		eractl image drop data > /dev/null 2>&1 || eractl image drop other > /dev/null
	done
	eractl image create data --cow "$T/file" > /dev/null
	eractl image drop data > /dev/null
}

test_image_dropped_by_a_close()
{
	DESCRIPTION="close --drop-image drops an image first, also if a program has it open for a moment; then the origin is sealed"
	local i

	eractl create data "$(new_disk 64M)" > /dev/null
	for ((i = 0; i < 2; i++)); do
		eractl image create data > /dev/null
		refused "'eractl image drop data' first" close data
		if ((i)); then
			(exec < /dev/mapper/data-image; nap 3) &
			nap 0.5
		fi
		eractl close data --drop-image
		same "$(image_state)" none
		wait
		eractl open data > /dev/null
		no_gap data
	done
	eractl close data --drop-image
}

test_image_while_erad_is_restarted()
{
	DESCRIPTION="an image outlives a restart and a kill of erad; the volume goes on, has no gap, and diff, verify and checkpoint are right; the drop puts the volume back on its origin"
	local origin era token

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 1048576
	dd if=/dev/mapper/data of="$T/base" bs=1M iflag=direct status=none
	image_create
	same "$(image_state)" valid
	era=$(eractl checkpoint data)
	write_at data 1048576 65536
	stop_erad
	write_at data 1048576 65536
	start_erad
	same "$(image_state)" valid
	write_at data 2097152 65536
	kill_erad
	start_erad
	write_at data 3145728 65536
	same "$(image_state)" valid
	cmp "$T/base" /dev/mapper/data-image
	same "$(changed data "$era")" $'1048576 65536\n2097152 65536\n3145728 65536'
	eractl verify data --base "$T/base" --since "$era" > /dev/null
	no_gap data
	eractl image drop data > /dev/null
	same "$(lies_on)" "$(lsblk -dno MAJ:MIN "$origin" | tr -d ' ')"
	no_gap data
	same "$(changed data "$era")" $'1048576 65536\n2097152 65536\n3145728 65536'
	# Writes past erad are still noticed.
	eractl image create data > /dev/null
	while_linear data "$origin" write_at data 33554432 65536
	wait_until "active" eractl_state_is data active
	gap_was written-past-table "sectors were written while the target was out of its table"
	read_fully data
	eractl image drop data > /dev/null
	eractl close data
	dd if=/dev/urandom of="$origin" bs=64K seek=20 count=1 oflag=direct conv=nocreat status=none
	eractl open data > /dev/null
	gap_was written-while-closed ""
	eractl close data
}

case_timeout["test_image_killed_at_every_step"]=300
test_image_killed_at_every_step()
{
	DESCRIPTION="if erad is killed at every step of image create and drop under load, the next erad restores the volume, or the image is complete, and no write fails"
	local origin before point gaps known=0

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	load -t 1 -s 600 /dev/mapper/data > "$T/load" 2>&1 &
	load_pid=$!
	before=$(devices)
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back
	for point in $(points image) $(points image_kept) $(points image_drop); do
		if [[ $point == IMAGE_GONE || $point == IMAGE_RETURNED ]]; then
			eractl image create data --cow 68M > /dev/null
			arm "$point"
			eractl image drop data > /dev/null 2>&1 && fail "drop worked at $point"
		else
			arm "$point"
			eractl image create data --cow 68M > /dev/null 2>&1 && fail "create worked at $point"
		fi
		wait_killed
		wait_back
		if [[ $point == IMAGE_SWAPPED ]]; then
			same "$(image_state)" valid
			eractl image drop data > /dev/null
		fi
		wait_until "$point is undone" image_state_is none
		wait_until "only the devices of before are left" devices_are "$before"
		is_running $load_pid || fail "the load ended at $point: $(cat "$T/load")"
		# At two points, a table with another origin was put into use. If the killed erad had not
		# attached yet, nobody can tell whether a write went past the target, so all blocks count as
		# written.
		gaps=$(eractl status --json data | grep -o '"kind"' | wc -l) || :
		[[ $point != IMAGE_SWAPPED && $point != IMAGE_RETURNED ]] || known=$gaps
		((gaps == known)) || fail "$gaps gaps instead of $known at $point: $(eractl status --json data)"
	done
	kill -TERM $load_pid
	wait $load_pid || fail "$(cat "$T/load")"
}

case_share["test_image_when_erad_dies_while_it_freezes"]=both
test_image_when_erad_dies_while_it_freezes()
{
	DESCRIPTION="image create syncs the file system before it freezes it; if erad is killed while the sync or the freeze writes, and these writes wait for erad, the next erad serves them, and no half image is left"
	local origin before when writeback

	origin=$(new_disk 64M)
	mkdir "$T/mnt"
	eractl create data "$origin" > /dev/null
	# Only image create may write the file below: a write at another time would kill erad too early. So the
	# kernel must have no inode tables to zero.
	mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/data
	mount -o commit=300 /dev/mapper/data "$T/mnt"
	writeback=$(< /proc/sys/vm/dirty_writeback_centisecs)
	echo 0 > /proc/sys/vm/dirty_writeback_centisecs
	before=$(devices)
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back
	# Kill erad when the new table is loaded. At this point, nothing is frozen yet, but the file
	# system was synced, so its data are on the disk.
	echo "written before the image" > "$T/mnt/kept"
	arm IMAGE_LOADED
	bounded 20 eractl image create data > "$T/said" 2>&1 && fail "create worked, although erad was killed"
	wait_killed
	dd if="$origin" of="$T/disk" bs=1M iflag=direct status=none
	grep -qaF "written before the image" "$T/disk" || fail "the file system was not synced"
	wait_back
	wait_until "the volume is as before" image_state_is none
	for when in sync freeze; do
		head -c 3000000 /dev/urandom > "$T/mnt/file"
		[[ $when == sync ]] || sync -f "$T/mnt"
		eractl checkpoint data > /dev/null
		arm COMMIT_WRITTEN
		bounded 20 eractl image create data > "$T/said" 2>&1 && fail "create worked, although erad was killed in the $when"
		wait_killed
		wait_back
		wait_until "the volume is as before, or has a whole image" eval '[[ $(image_state) != interrupted ]]'
		bounded 20 sync -f "$T/mnt" || fail "the file system is still frozen"
		eractl image drop data > /dev/null 2>&1 || :
		wait_until "only the devices of before are left" devices_are "$before"
	done
	echo "$writeback" > /proc/sys/vm/dirty_writeback_centisecs
	umount "$T/mnt"
	e2fsck -fn /dev/mapper/data > "$T/fsck" 2>&1 || fail "the volume is damaged: $(cat "$T/fsck")"
	no_gap data
}
