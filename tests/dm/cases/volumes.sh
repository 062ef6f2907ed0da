# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The basic functions of a volume: it records which blocks are written in which era, and passes all
# I/O through.

test_gate_before_durable()
{
	DESCRIPTION="an unrecorded write does not reach the origin before its record is durable"
	local origin meta writer

	origin=$(new_disk 64M)
	meta=$(new_disk 32M)
	dmsetup create slowmeta --table "0 $(blockdev --getsz "$meta") linear $meta 0"
	eractl create data "$origin" --metadata /dev/mapper/slowmeta
	write_at data 0 4096		# erad does more for the first write after an open
	dd if="$meta" bs=1M iflag=direct status=none | cksum > "$T/meta.before"
	dmsetup suspend --noflush --nolockfs slowmeta
	printf 'needle' | dd of=/dev/mapper/data bs=512 seek=2048 conv=sync,nocreat oflag=direct status=none &
	writer=$!
	wait_until "the write is held" held_now_are 1
	# erad waits for the metadata until the resume. Give an erad that does not wait the time to release the write.
	nap 0.7
	dd if="$origin" bs=512 skip=2048 count=1 iflag=direct status=none | grep -q needle &&
		fail "the write is on the origin before its record is durable"
	is_running $writer || fail "the write has completed before its record is durable"
	dmsetup resume slowmeta
	wait $writer || fail "the write failed"
	dd if="$origin" bs=512 skip=2048 count=1 iflag=direct status=none | grep -q needle ||
		fail "the write is not on the origin after it has completed"
	dd if="$meta" bs=1M iflag=direct status=none | cksum > "$T/meta.after"
	cmp -s "$T/meta.before" "$T/meta.after" && fail "the write was released and nothing was recorded"
	same "$(changed data 1)" "0 65536
1048576 65536"
}

test_pass_through()
{
	DESCRIPTION="reads and writes to recorded blocks pass through unchanged, at every offset"
	local origin

	origin=$(new_disk 32M)
	dd if=/dev/urandom of="$origin" bs=1M count=32 oflag=direct status=none
	eractl create data "$origin"
	cmp "$origin" /dev/mapper/data || fail "reads differ from the origin"
	[[ -z $(changed data 1) ]] || fail "a read was recorded as a write: $(changed data 1)"
	dd if=/dev/urandom of="$T/content" bs=1M count=32 status=none
	dd if="$T/content" of=/dev/mapper/data conv=nocreat bs=1M oflag=direct status=none
	dd if="$T/content" of=/dev/mapper/data conv=nocreat bs=4k oflag=direct count=256 status=none
	blockdev --flushbufs "$origin"
	cmp "$T/content" "$origin" || fail "the origin differs from what was written"
	same "$(changed data 1)" "0 33554432"
}

test_eras()
{
	DESCRIPTION="the diff since each era has exactly the blocks written in this era or later"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin"
	same "$(eractl status --json data | field era)" 1
	write_at data 0 4096
	same "$(eractl checkpoint data)" 2
	write_at data 1048576 131072
	same "$(eractl checkpoint data)" 3
	write_at data 65536 1
	write_at data 1048576 1
	same "$(changed data 3)" "65536 65536
1048576 65536"
	same "$(changed data 2)" "65536 65536
1048576 131072"
	same "$(changed data 1)" "0 131072
1048576 131072"
	same "$(changed data 0)" "0 67108864"
	same "$(eractl checkpoint data)" 4
	same "$(changed data 4)" ""
	eractl diff data --since 5 2> "$T/err" && fail "an era that has not begun was accepted"
	grep -q '5.*4' "$T/err" || fail "the error does not say what was got and expected: $(cat "$T/err")"
}

test_many_blocks()
{
	DESCRIPTION="all blocks of a large write, discard or write-zeroes are recorded, including its unaligned ends"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin" --block-size 4K
	write_at data $((8191 * 512)) $((4098 * 512))
	same "$(changed data 1)" "4190208 2105344"
	eractl checkpoint data > /dev/null
	blkdiscard --offset $((20 * 1048576 + 512)) --length $((8 * 1048576)) /dev/mapper/data
	same "$(changed data 2)" "20971520 8392704"
	eractl checkpoint data > /dev/null
	blkdiscard --zeroout --offset $((40 * 1048576 + 3584)) --length $((2 * 1048576)) /dev/mapper/data
	same "$(changed data 3)" "41943040 2101248"
}

test_odd_size()
{
	DESCRIPTION="if the size of the origin is no multiple of the block size, the last block is recorded, and ends at the end of the origin"
	local origin

	origin=$(new_disk $((10 * 1048576 + 12288)))
	eractl create data "$origin" --block-size 64K
	same "$(blockdev --getsize64 /dev/mapper/data)" $((10 * 1048576 + 12288))
	write_at data $((10 * 1048576 + 8192)) 4096
	same "$(changed data 1)" "10485760 12288"
	same "$(changed data 0)" "0 10498048"
}

eractl_era_is()
{
	[[ $(eractl status --json data | field era) == "$1" ]]
}

test_checkpoint_waits()
{
	DESCRIPTION="a checkpoint is not acknowledged while a write that is recorded only in the old era is in flight"
	local origin writer checkpoint

	origin=$(new_disk 32M)
	slow_disk sloworigin "$origin" 0
	eractl create data /dev/mapper/sloworigin
	write_at data 0 4096
	# Delay only writes: the checkpoint reads the origin for its witness, and must not wait
	# there.
	swap_table sloworigin "0 $(blockdev --getsz "$origin") delay $origin 0 0 $origin 0 $((60000 * SLOWNESS))"
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=4096 count=1 oflag=direct status=none &
	writer=$!
	wait_until "the write is in flight" delays_a_write sloworigin
	held_now_are 0 || fail "the write is held"
	eractl checkpoint data > "$T/era" &
	checkpoint=$!
	wait_until "the checkpoint waits for the drain" eractl_era_is 2
	nap 1.5
	is_running $checkpoint || fail "acknowledged with the write still in flight"
	is_running $writer || fail "the write has not waited for its disk"
	# The swap suspends sloworigin. Then dm-delay submits the delayed write at once.
	swap_table sloworigin "0 $(blockdev --getsz "$origin") delay $origin 0 0 $origin 0 0"
	wait $checkpoint || fail "the checkpoint failed"
	same "$(cat "$T/era")" 2
	wait $writer || fail "the write failed"
	same "$(changed data 2)" ""
	write_at data 0 4096
	same "$(changed data 2)" "0 65536"
}

test_two_volumes()
{
	DESCRIPTION="two volumes are independent of each other"
	local one two

	one=$(new_disk 64M)
	two=$(new_disk 64M)
	eractl create one "$one"
	eractl create two "$two" --block-size 16K
	load -t 2 -s 1 -r 1 -d /dev/mapper/one > "$T/one" &
	load -t 2 -s 1 -r 2 -d -b 16384 /dev/mapper/two > "$T/two" || fail "volume two: load failed"
	wait $! || fail "volume one: load failed"
	same "$(changed one 1)" "$(cat "$T/one")"
	same "$(changed two 1)" "$(cat "$T/two")"
	same "$(eractl checkpoint two)" 2
	same "$(eractl checkpoint two one)" "3
2"
	eractl close one
	write_at two 0 4096
	same "$(changed two 3)" "0 16384"
}

test_load_exact()
{
	DESCRIPTION="under load, with checkpoints, exactly the written blocks are reported"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin"
	for round in 1 2 3; do
		load -t 4 -s 1 -r "$round" -d /dev/mapper/data > "$T/touched" || fail "load failed"
		same "$(changed data "$round")" "$(cat "$T/touched")"
		same "$(eractl checkpoint data)" $((round + 1))
	done
}

test_reopen()
{
	DESCRIPTION="the records still exist after a close and an open, and the open begins a new era"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 131072 4096
	eractl close data
	[[ ! -e /dev/mapper/data ]] || fail "the device is still there after close"
	eractl check /var/lib/erad/data.erad
	eractl open data
	same "$(eractl status --json data | field era)" 2
	same "$(changed data 1)" "131072 65536"
	same "$(changed data 2)" ""
	dmsetup remove data		# The volume is closed because dmsetup removes its device.
	wait_until "closed" eractl_state_is data closed
	eractl open data
	same "$(changed data 1)" "131072 65536"
	same "$(eractl status --json data | field era)" 3
}

test_metadata_on_device()
{
	DESCRIPTION="metadata on a block device works like metadata in a file"
	local origin meta

	origin=$(new_disk 64M)
	meta=$(new_disk 16M)
	eractl create data "$origin" --metadata "$meta"
	load -t 2 -s 1 -r 3 -d /dev/mapper/data > "$T/touched"
	same "$(changed data 1)" "$(cat "$T/touched")"
	eractl close data
	eractl check "$meta"
	eractl open data
	same "$(changed data 1)" "$(cat "$T/touched")"
}

case_share["test_refusals"]=oldest
test_refusals()
{
	DESCRIPTION="create refuses an origin or metadata that is mounted, in use or has a signature, and metadata on the origin, and gives the reason"
	local origin other

	origin=$(new_disk 64M)
	other=$(new_disk 64M)
	refuses()
	{
		local expect=$1
		shift
		eractl create data "$@" > "$T/out" 2>&1 && fail "accepted: create data $*"
		grep -qi -- "$expect" "$T/out" || fail "create data $*: the message does not say '$expect': $(cat "$T/out")"
		[[ ! -e /dev/mapper/data && ! -e /var/lib/erad/data.erad ]] || fail "create data $*: left something behind"
		grep -q '^data' /etc/eratab && fail "create data $*: left a line in eratab"
		return 0
	}

	mkfs.ext4 -q "$origin"
	mkdir -p "$T/mnt"
	mount "$origin" "$T/mnt"
	refuses "$T/mnt" "$origin"
	refuses "$T/mnt" "$origin" --overwrite-metadata
	# The metadata is in a file system on the origin.
	refuses "" "$origin" --metadata "$T/mnt/data.erad" --overwrite-metadata
	refuses "$T/mnt" "$other" --metadata "$origin"
	umount "$T/mnt"
	refuses ext4 "$other" --metadata "$origin"
	wipefs -qa "$origin"
	dmsetup create holder --table "0 131072 linear $origin 0"
	refuses holder "$origin"
	refuses "" "$origin" --metadata /dev/mapper/holder --overwrite-metadata	# Origin and metadata are on the same disk.
	dmsetup remove holder
	refuses "" "$origin" --metadata "$origin" --overwrite-metadata
	refuses "" /dev/nonexistent
	refuses "" /etc/passwd
	refuses "" "$origin" --block-size 5000
	eractl create data "$origin"
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	eractl create other "$other" --metadata "$T/mnt/other.erad" || fail "metadata on another volume is allowed"
	eractl close other
	eractl close data 2> "$T/out" && fail "close of a mounted volume succeeded"
	grep -qi "$T/mnt\|in use\|busy" "$T/out" || fail "close does not say why: $(cat "$T/out")"
	umount "$T/mnt"
	eractl create data "$other" 2> "$T/out" && fail "two volumes have the same name"
	eractl create again "$origin" > "$T/out" 2>&1 && fail "two volumes have the same origin"
	return 0
}

case_share["test_list_and_forget"]=oldest
test_list_and_forget()
{
	DESCRIPTION="list shows the volumes in eratab and in the kernel; forget removes a closed volume from the list, and refuses an open one"
	local origin

	origin=$(new_disk 32M)
	eractl create data "$origin"
	eractl list | grep -q '^data .*active' || fail "not in the list: $(eractl list)"
	eractl forget data 2> "$T/err" && fail "forget of an open volume succeeded"
	eractl close data
	eractl list | grep -q '^data .*closed' || fail "not in the list as closed: $(eractl list)"
	eractl forget data
	eractl list | grep -q '^data' && fail "the volume is still in the list"
	eractl open data 2> "$T/err" && fail "open of a forgotten volume succeeded"
	grep -q data "$T/err" || fail "the error does not name the volume: $(cat "$T/err")"
}

case_share["test_adoption_beside_hung_metadata"]=oldest
test_adoption_beside_hung_metadata()
{
	DESCRIPTION="if the metadata of one volume hangs, erad still serves all other volumes, and serves this volume as soon as its metadata works"
	local disk name

	# The volumes whose metadata will hang are created first, so they come first in eratab.
	for name in closed stuck; do
		disk=$(new_disk 32M)
		dmsetup create "below-$name" --table "0 $(blockdev --getsz "$disk") linear $disk 0"
		eractl create $name "$(new_disk 16M)" --metadata "/dev/mapper/below-$name" > /dev/null
	done
	eractl close closed
	eractl create data "$(new_disk 64M)" > /dev/null
	write_at data 0 4096
	stop_erad
	# Rename the devices, so that only the metadata shows to which volumes their targets belong.
	dmsetup rename data renamed
	dmsetup rename stuck lost
	dmsetup suspend --nolockfs below-closed
	dmsetup suspend --nolockfs below-stuck
	start_erad
	wait_until "the other volume is adopted" eractl_state_is data active
	write_at renamed 1048576 4096
	same "$(changed data 1)" $'0 65536\n1048576 65536'
	eractl_state_is stuck active && fail "the volume named stuck is served, although its metadata hangs"
	dmsetup resume below-closed
	dmsetup resume below-stuck
	wait_until "what hung is adopted" eractl_state_is stuck active
	eractl open closed
	eractl close closed
	eractl close stuck
	eractl close data
}

case_share["test_adoption_beside_a_hung_file_system"]=oldest
test_adoption_beside_a_hung_file_system()
{
	DESCRIPTION="if the metadata of a volume in eratab is a file in a file system that hangs, erad still serves a table that names its own metadata device"
	local disk size=131072

	disk=$(new_disk 32M)
	dmsetup create below --table "0 65536 linear $disk 0"
	mkfs.ext4 -q /dev/mapper/below
	mkdir "$T/fs"
	mount /dev/mapper/below "$T/fs"
	mkdir "$T/fs/dir"
	umount "$T/fs"
	mount /dev/mapper/below "$T/fs"
	echo "hangs $(new_disk 16M) $T/fs/dir/metadata" > /etc/eratab
	# Suspend the disk before any part of the directory is in memory, so that reading the
	# directory hangs.
	dmsetup suspend --nolockfs below
	dmsetup create byhand --table "0 $size erad $(new_disk 32M) $(new_disk 64M) 128"
	wait_until "the table made by hand is adopted" eractl_state_is byhand active
	write_at byhand 0 4096
	dmsetup resume below
	same "$(changed byhand 1)" "0 65536"
	eractl close byhand
	wait_until "nobody looks at the file any more" umount "$T/fs"
}

case_share["test_a_table_made_again_while_closing"]=oldest
test_a_table_made_again_while_closing()
{
	DESCRIPTION="if a device that was made by hand is removed and made again while erad still closes its volume, erad serves the new device under the same name"
	local meta table

	meta=$(new_disk 32M)
	slow_disk slow "$meta" 0
	table="0 131072 erad /dev/mapper/slow $(new_disk 64M) 128"
	dmsetup create byhand --table "$table"
	wait_until "it is adopted" eractl_state_is byhand active
	write_at byhand 0 4096
	dmsetup load slow --table "0 65536 delay $meta 0 0 $meta 0 $((400 * SLOWNESS))"
	dmsetup suspend --nolockfs slow
	dmsetup resume slow
	dmsetup remove byhand
	dmsetup create byhand --table "$table"
	wait_until "it is adopted again" eractl_state_is byhand active
	bounded 60 write_at byhand 1048576 4096 || fail "the write still waits"
	same "$(changed byhand 1)" $'0 65536\n1048576 65536'
	dmsetup load slow --table "0 65536 linear $meta 0"
	dmsetup suspend --nolockfs slow
	dmsetup resume slow
}

case_share["test_volume_udev_is_busy"]=oldest
case_timeout["test_volume_udev_is_busy"]=300
test_volume_udev_is_busy()
{
	DESCRIPTION="a volume whose disk was removed can be forgotten while udev processes events for a long time; erad says what it waited for, and names its udev rules only if udev has processed an event"
	local origin number log=$ERAD_OUT/erad.log

	origin=$(new_disk 64M)
	number=$(lsblk -dno MAJ:MIN "$origin" | tr -d ' ')
	eractl create data "$origin"
	eractl close data
	# No udev runs in the VM. The test makes those files of udev that erad reads.
	mkdir -p /run/udev/data
	touch /run/udev/control /run/udev/queue
	eractl open data
	grep -q "waited 3[0-9] seconds for udev to process the event 'change' of $origin" "$log" || fail "$(tail -n 5 "$log")"
	! grep -q "are the rules" "$log" || fail "the rules are named, but udev is slow"
	eractl close data
	rm /run/udev/queue
	(until grep -q "the event 'change'" /run/udev/changed 2> /dev/null; do
		echo "N:$SECONDS" > "/run/udev/data/b$number"
		sleep 0.5
	done) &
	eractl open data
	echo "the event 'change'" > /run/udev/changed
	wait $!
	grep -q "udev has processed an event of $origin, but has not hidden what is on the device within [0-9]* seconds: are the rules" "$log" || fail "$(tail -n 5 "$log")"
	eractl close data
	touch /run/udev/queue

	sed -i "s|^data\t[^\t]*|data\t/dev/gone|; s|^data [^ ]*|data /dev/gone|" /etc/eratab
	grep -q /dev/gone /etc/eratab || fail "$(cat /etc/eratab)"
	eractl forget data
	same "$(grep -c ^data /etc/eratab)" 0
	grep -q "/dev/gone does not exist, but udev still processes events after 30 seconds" "$log" || fail "$(tail -n 5 "$log")"
	rm -rf /run/udev
}
