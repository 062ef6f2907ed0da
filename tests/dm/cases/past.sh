# shellcheck shell=bash disable=SC2034,SC2119
# SPDX-License-Identifier: GPL-2.0-or-later
# Another device on the origin of an open volume, whose writes go past the volume: see
# daemon/erad/volume/past.h.

# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

# said PATTERN: checks that the standard error of the last command, in $T/err, matches PATTERN.
said()
{
	grep -q "$1" "$T/err" || fail "got '$(cat "$T/err")', expected '$1'"
}

# checkpoint [NAME]: makes a checkpoint, which must succeed, and prints its era.  Its standard error is in $T/err.
checkpoint()
{
	eractl checkpoint "${1:-data}" 2> "$T/err" || fail "exit status $?: $(cat "$T/err")"
}

# whole NAME SINCE WHO: checks that a diff lists the whole volume, exits with 0, and names WHO.
whole()
{
	eractl diff "$1" --since "$2" --format ranges > "$T/out" 2> "$T/err" || fail "exit status $?: $(cat "$T/err")"
	same "$(cat "$T/out")" "0 $(blockdev --getsize64 "/dev/mapper/$1")"
	said "(unknown: /dev/mapper/$3"
}

# exact NAME SINCE EXTENTS: checks that a diff lists these extents, and prints nothing to standard
# error.
exact()
{
	eractl diff "$1" --since "$2" --format ranges > "$T/out" 2> "$T/err" || fail "exit status $?"
	same "$(cat "$T/out")" "$3"
	same "$(cat "$T/err")" ""
}

# other_device ORIGIN: makes /dev/mapper/other on the origin.
other_device()
{
	dmsetup create other --table "0 $(blockdev --getsz "$1") linear $1 0"
}

case_timeout["test_other_device_on_the_origin_is_a_gap"]=300
test_other_device_on_the_origin_is_a_gap()
{
	DESCRIPTION="while another device uses the origin, each checkpoint and diff says so, and a diff lists everything; the first checkpoint and diff after the device has gone do the same; then increments are exact again"
	local origin before i

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	before=$(checkpoint)
	same "$(cat "$T/err")" ""
	other_device "$origin"
	write_at other 8388608 4096
	# A diff notices the other device, even if no checkpoint has noticed it before.
	whole data "$before" "other uses the origin itself"
	eractl_error_is data "/dev/mapper/other uses the origin itself, past the volume" || fail "got $(eractl status data)"
	eractl_state_is data active
	for ((i = 0; i < 40; i++)); do
		before=$(checkpoint)
		said "volume data: writes may have gone past erad in era $((before - 1)) (unknown: /dev/mapper/other uses the origin itself"
	done
	# The 40 checkpoints have made one gap, so the history has room for other gaps.
	same "$(nr_gaps data)" 1
	write_at other 16777216 4096
	dmsetup remove other
	i=$(checkpoint)
	said "(unknown: /dev/mapper/other has used the origin itself"
	whole data "$before" "other has used the origin itself"
	same "$(nr_gaps data)" 1
	exact data "$i" ""
	before=$(checkpoint)
	same "$(cat "$T/err")" ""
	write_at data 1048576 4096
	exact data "$before" "1048576 65536"
	eractl_error_is data null || fail "got $(eractl status data)"
	log_has "volume data: writes go past erad: /dev/mapper/other uses the origin itself"
	eractl checkpoint data --json > "$T/json"
	grep -q '"gaps": *\[\]' "$T/json" || fail "got $(cat "$T/json")"
}

test_other_device_that_a_checkpoint_notices_is_a_gap()
{
	DESCRIPTION="a checkpoint notices another device on the origin before it begins the era, so a diff since an earlier era lists everything, even after the device has gone while no erad ran"
	local origin before after

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	before=$(checkpoint)
	other_device "$origin"
	write_at other 8388608 4096
	after=$(checkpoint)
	said "era $before (unknown: /dev/mapper/other uses the origin itself"
	write_at other 16777216 4096
	stop_erad
	write_at other 24117248 4096
	dmsetup remove other
	start_erad
	wait_until "active" eractl_state_is data active
	whole data "$after" "other has used the origin itself"
	after=$(checkpoint)
	write_at data 0 4096
	exact data "$after" "0 65536"
}

case_share["test_loop_device_on_the_origin_is_a_gap"]=both
test_loop_device_on_the_origin_is_a_gap()
{
	DESCRIPTION="a loop device on the origin is a gap until the first look after it has gone, whether it was made before the open or later; a read-only loop device that was never written is no gap"
	local origin loop before

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	before=$(checkpoint)
	# Use a loop device that no other case uses: its write counter is 0. The counter of another
	# loop device may contain writes to a file that it had before.
	loop=/dev/loop200
	losetup --read-only "$loop" "$origin"
	dd if="$loop" of=/dev/null bs=1M status=none
	exact data "$before" ""
	losetup -d "$loop"

	eractl close data
	loop=$(losetup --find --show "$origin")
	eractl open data > /dev/null
	before=$(checkpoint)
	said "(unknown: $loop uses the origin itself"
	dd if=/dev/urandom of="$loop" bs=4096 seek=2048 count=1 oflag=direct conv=notrunc status=none
	eractl_error_is data "$loop uses the origin itself, past the volume" || fail "got $(eractl status data)"
	losetup -d "$loop"
	eractl diff data --since "$before" --format ranges > "$T/out" 2> "$T/err" || fail "exit status $?: $(cat "$T/err")"
	same "$(cat "$T/out")" "0 $(blockdev --getsize64 /dev/mapper/data)"
	said "(unknown: $loop has used the origin itself"
	checkpoint > /dev/null
	before=$(checkpoint)
	write_at data 1048576 4096
	exact data "$before" "1048576 65536"
}

case_share["test_device_that_cannot_write_is_no_gap"]=both
test_device_that_cannot_write_is_no_gap()
{
	DESCRIPTION="a read-only device on the origin is no gap until something is written through it; a device of which only the inactive table uses the origin is no gap until its resume"
	local origin before sectors

	origin=$(new_disk 64M)
	sectors=$(blockdev --getsz "$origin")
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	before=$(checkpoint)

	dmsetup create other --readonly --table "0 $sectors linear $origin 0"
	dd if=/dev/mapper/other of=/dev/null bs=1M status=none
	exact data "$before" ""
	before=$(checkpoint)
	same "$(cat "$T/err")" ""
	# If a writable device lies on a read-only device, the kernel lets the writes of the
	# writable device through.
	dmsetup create top --table "0 $sectors linear /dev/mapper/other 0"
	exact data "$before" ""
	write_at top 8388608 4096
	cmp -s -n 4096 -i 8388608 "$origin" /dev/zero && fail "the kernel refuses the write, so the counter is not needed"
	whole data "$before" "other uses the origin itself"
	dmsetup remove top
	dmsetup remove other
	checkpoint > /dev/null
	said "(unknown: /dev/mapper/other has used the origin itself"

	before=$(checkpoint)
	dmsetup create other --notable
	dmsetup load other --table "0 $sectors linear $origin 0"
	exact data "$before" ""
	dmsetup clear other
	dmsetup load other --table "0 $sectors zero"
	dmsetup resume other
	dmsetup load other --table "0 $sectors linear $origin 0"
	exact data "$before" ""
	dmsetup resume other
	whole data "$before" "other uses the origin itself"
	dmsetup remove other
	checkpoint > /dev/null
	# This device is read-only, but erad trusts only some types of targets. A target of another
	# type, such as delay, may write to the origin itself.
	before=$(checkpoint)
	dmsetup create other --readonly --table "0 $sectors delay $origin 0 0"
	whole data "$before" "other uses the origin itself"
	dmsetup remove other
}

test_other_device_that_comes_during_a_snapshot_request_is_a_gap()
{
	DESCRIPTION="if another device comes after a snapshot request has looked for other devices, and before the snapshot begins, diff --snapshot lists everything and says why; so it does if the device was there before"
	local origin before after taker

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	before=$(checkpoint)
	stop_erad
	start_erad_armed SNAP_ASKED 1 stop
	wait_until "active" eractl_state_is data active
	before=$(eractl status --json data | field era)
	eractl snapshot take data > "$T/taken" 2>&1 &
	taker=$!
	wait_until "erad has stopped" grep -q "failpoint SNAP_ASKED" "$T/life"
	other_device "$origin"
	write_at other 8388608 4096
	kill -CONT "$(erad_pid)"
	wait $taker || fail "got $(cat "$T/taken")"
	eractl diff data --snapshot --since "$before" --format ranges > "$T/out" 2> "$T/err" || fail "exit status $?"
	same "$(cat "$T/out")" "0 67108864"
	said "(unknown: /dev/mapper/other uses the origin itself"
	eractl snapshot drop data
	stop_erad
	start_erad
	wait_until "active" eractl_state_is data active
	before=$(eractl status --json data | field era)
	after=$(eractl snapshot take data 2> /dev/null)
	eractl diff data --snapshot --since "$before" --format ranges > "$T/out" 2> "$T/err" || fail "exit status $?"
	same "$(cat "$T/out")" "0 67108864"
	said "in era $((after - 1)) (unknown: /dev/mapper/other uses the origin itself"
	eractl snapshot drop data
	dmsetup remove other
}

# not_listed NAME|METADATA SINCE WHO: checks that a diff of a closed volume exits with 3, lists nothing, and names WHO.
not_listed()
{
	local status=0

	eractl diff "$1" --since "$2" --format ranges > "$T/out" 2> "$T/err" || status=$?
	same $status 3
	same "$(grep -c '^[0-9]' "$T/out")" 0
	said "/dev/mapper/$3 used the origin itself, past the volume, when erad looked last"
	said "open the volume, which records the gap"
}

test_other_device_that_writes_until_the_close_is_a_gap()
{
	DESCRIPTION="if the last look before a close has found another device on the origin, diff of the closed volume exits with 3, backup fails, dump and map give a warning, and the next open records the gap"
	local origin before metadata=/var/lib/erad/data.erad

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	other_device "$origin"
	before=$(eractl checkpoint data --token 2> "$T/err")
	said "(unknown: /dev/mapper/other uses the origin itself"
	write_at other 8388608 4096
	dmsetup remove other
	# After the device was removed, no checkpoint and no diff has looked for other devices. The
	# close does not look either, so it prints nothing.
	eractl close data 2> "$T/err"
	same "$(cat "$T/err")" ""
	not_listed data "$before" other
	not_listed "$metadata" "$before" other
	mkdir "$T/dir"
	eractl backup "$metadata" "$T/dir" --device "$origin" --init > "$T/out" 2> "$T/err" && fail "backup worked"
	said "$metadata: /dev/mapper/other used the origin itself"
	eractl dump data > "$T/out" 2> "$T/err"
	said "data: /dev/mapper/other used the origin itself"
	grep -q '</superblock>' "$T/out" || fail "the dump has no end"
	eractl map "$metadata" > /dev/null 2> "$T/err"
	said "data.erad: /dev/mapper/other used the origin itself"
	eractl open data > /dev/null
	whole data "$before" "other has used the origin itself"
	before=$(checkpoint)
	eractl close data
	exact data "$before" ""
	exact "$metadata" "$before" ""
	eractl dump data 2>&1 > /dev/null | grep . && fail "dump gives a warning after the gap was recorded"
	eractl backup "$metadata" "$T/dir" --device "$origin" --init > /dev/null
}

# said_once TEXT: checks that $T/err contains exactly one line about gaps, and that this line
# contains TEXT.
said_once()
{
	same "$(grep -c "writes may have gone past erad" "$T/err")" 1
	said "$1"
}

test_copies_and_bookmarks_say_that_another_device_is_on_the_origin()
{
	DESCRIPTION="bookmark, image create, a full send and full and incremental backups, also with --freeze and --image, each say once that another device uses the origin, and exit with 0"
	local origin copy="era [0-9]* (unknown: /dev/mapper/other uses the origin itself.*this copy, the copy may mix data"

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mkdir "$T/mnt" "$T/dir" "$T/frozen"
	mount /dev/mapper/data "$T/mnt"
	eractl backup data "$T/frozen" --init --freeze > /dev/null 2> "$T/err"
	grep "past erad" "$T/err" && fail "there is no gap"
	other_device "$origin"
	eractl bookmark data nightly > /dev/null 2> "$T/err"
	said_once "(unknown: /dev/mapper/other uses the origin itself.*the next increment lists the whole volume"
	eractl backup data "$T/dir" --init --freeze > /dev/null 2> "$T/err"
	said_once "$copy"
	eractl backup data "$T/dir" --full --freeze > /dev/null 2> "$T/err"
	said_once "$copy"
	eractl backup data "$T/frozen" --freeze > "$T/out" 2> "$T/err"
	said_once "the whole volume is listed, because writes may have gone past erad"
	grep -q "full copy" "$T/out" || fail "got $(cat "$T/out")"
	eractl backup data "$T/dir" --full --image --cow "$(new_disk 68M)" > /dev/null 2> "$T/err"
	said_once "$copy"
	eractl image create data --cow "$(new_disk 68M)" --json > "$T/out" 2> "$T/err"
	said_once "(unknown: /dev/mapper/other uses the origin itself"
	grep -q '"kind": *"unknown"' "$T/out" || fail "got $(cat "$T/out")"
	eractl image drop data > /dev/null
	umount "$T/mnt"
	eractl send data 2> "$T/err" > /dev/null
	said_once "$copy"
	dmsetup remove other
	eractl checkpoint data > /dev/null 2>&1
	eractl checkpoint data > /dev/null 2>&1
	eractl send data 2> "$T/err" > /dev/null
	same "$(cat "$T/err")" ""
}

test_status_notices_another_device_on_the_origin()
{
	DESCRIPTION="status, which the exporter requests, too, notices another device on the origin, even if the device is gone at the next checkpoint"
	local origin before

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	before=$(checkpoint)
	other_device "$origin"
	write_at other 8388608 4096
	eractl status data > /dev/null
	wait_until "noticed" eractl_error_is data "/dev/mapper/other uses the origin itself, past the volume"
	dmsetup remove other
	whole data "$before" "other has used the origin itself"
}

test_own_devices_on_the_origin_are_no_gap()
{
	DESCRIPTION="the volume's own device and its image are no gap, also after a reload and a restart of erad; nor is another device of an image of the same volume"
	local origin erad

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	checkpoint > /dev/null
	eractl image create data --cow "$(new_disk 32M)" > /dev/null
	write_at data 1048576 4096
	checkpoint > /dev/null
	same "$(cat "$T/err")" ""
	stop_erad
	start_erad
	wait_until "active" eractl_state_is data active
	checkpoint > /dev/null
	same "$(cat "$T/err")" ""
	eractl image drop data > /dev/null
	erad=$(dmsetup table data)
	swap_table data "$erad"
	wait_until "active" eractl_state_is data active
	checkpoint > /dev/null
	same "$(cat "$T/err")" ""
	no_gap data
	no_alarm data
}

test_image_of_a_table_without_a_uuid_is_no_gap()
{
	DESCRIPTION="the image of a volume whose table names the metadata and no UUID is no other device on the origin"
	local origin meta

	origin=$(new_disk 64M)
	meta=$(new_disk 16M)
	dmsetup create data --table "0 131072 erad $meta $origin 128"
	wait_until "active" eractl_state_is data active
	write_at data 0 4096
	checkpoint > /dev/null
	eractl image create data --cow "$(new_disk 32M)" > /dev/null
	write_at data 1048576 4096
	checkpoint > /dev/null
	same "$(cat "$T/err")" ""
	eractl image drop data > /dev/null
	checkpoint > /dev/null
	same "$(cat "$T/err")" ""
	no_alarm data
}

test_kernel_refuses_other_users_of_the_origin()
{
	DESCRIPTION="while a volume is open, the kernel refuses to mount its origin and to use it as swap, and the same for the partitions of the origin, so erad looks for mapped devices only"
	local origin

	origin=$(new_disk 64M)
	mkfs.ext4 -q "$origin"
	printf 'start=2048, size=40960\n' | sfdisk -q "$origin"
	partx -a "$origin" || fail "there is no partition"
	mkswap "${origin}p1" > /dev/null
	eractl create data "$origin" > /dev/null
	mount "$origin" "$T" 2> "$T/err" && fail "mount worked"
	said "already mounted\|busy"
	swapon "${origin}p1" 2> "$T/err" && fail "swapon worked"
	said "busy"
	dmsetup create other --table "0 2048 linear ${origin}p1 0" 2> "$T/err" && fail "a device on the partition was made"
	said "busy"
	partx -d "$origin"
}

test_lvm_volume_put_back_on_the_origin_is_a_gap()
{
	DESCRIPTION="if a logical volume is put back on the physical volume beside erad's device, the next checkpoint and diff say so and list everything; after it is moved again, increments are exact"
	local pv before after table number

	new_vg 200M
	new_lv a 32M
	new_lv b 32M
	attach
	before=$(checkpoint pv0)
	same "$(cat "$T/err")" ""
	table=$(dmsetup table vg-a)
	number=$(lsblk -dno MAJ:MIN "$pv" | tr -d ' ')
	swap_table vg-a "$(awk -v pv="$number" '{ $4 = pv; print }' <<< "$table")"
	write_at vg-a 4194304 4096
	after=$(checkpoint pv0)
	said "volume pv0: writes may have gone past erad in era $before (unknown: /dev/mapper/vg-a uses the origin itself"
	whole pv0 "$before" "vg-a uses the origin itself"
	write_at vg-a 8388608 4096
	swap_table vg-a "$table"
	whole pv0 "$after" "vg-a has used the origin itself"
	after=$(checkpoint pv0)
	before=$after
	after=$(checkpoint pv0)
	same "$(cat "$T/err")" ""
	exact pv0 "$before" ""
	write_at vg-a 0 4096
	same "$(changed pv0 "$after" | wc -l)" 1
	eractl detach pv0 > /dev/null
}
