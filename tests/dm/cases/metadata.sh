# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# If metadata is too small, is full or fails, each write waits or is recorded.

# broken_behind NAME DEVICE SECTORS: reloads /dev/mapper/NAME onto DEVICE.  I/O to its first SECTORS
# works, and all other I/O fails.
broken_behind()
{
	local size

	size=$(blockdev --getsz "$2")
	dmsetup load "$1" <<- EOT
		0 $3 linear $2 0
		$3 $((size - $3)) error
	EOT
	dmsetup suspend --nolockfs "$1"
	dmsetup resume "$1"
}

error_shown()
{
	eractl status --json data | field error | grep -q "$1"
}

test_metadata_ring_full()
{
	DESCRIPTION="if the era array cannot be written, writes are recorded until the journal is full, and then wait; no record is lost"
	local origin meta writer size

	origin=$(new_disk 64M)
	# The metadata consists of 2 superblocks, the degrade record, the history, a journal of 24
	# pages, and 17 pages of the array for 16384 blocks.
	meta=$(new_disk $(((19 + 24 + 17) * 4))K)
	size=$(blockdev --getsz "$meta")
	dmsetup create flaky --table "0 $size linear $meta 0"
	eractl create data "$origin" --metadata /dev/mapper/flaky --block-size 4K
	broken_behind flaky "$meta" $(((19 + 24) * 8))
	load -t 2 -n 60 -s 100 -r 3 -b 4096 -d /dev/mapper/data > "$T/touched" 2> "$T/load" &
	writer=$!
	wait_until "the error is shown" error_shown "era array"
	sleep 2
	is_running $writer || fail "writes passed although they could not be recorded"
	eractl checkpoint data 2> "$T/err" && fail "a checkpoint was made durable in a ring without room"
	grep -q "the metadata does not work" "$T/err" || fail "the checkpoint does not say why: $(cat "$T/err")"
	# A restarted erad cannot write the array either, but it must lose no record.
	kill_erad
	start_erad
	is_running $writer || fail "writes passed although they could not be recorded"
	dmsetup load flaky --table "0 $size linear $meta 0"
	dmsetup suspend --nolockfs flaky
	dmsetup resume flaky
	wait $writer || fail "the load failed: $(cat "$T/load")"
	wait_until "no error shown" eractl_error_is data null
	same "$(changed data 1)" "$(cat "$T/touched")"
	eractl close data
	eractl check /dev/mapper/flaky
}

test_metadata_no_space()
{
	DESCRIPTION="if the file system of a metadata file is full, create is refused and folds wait for room; no record is lost"
	local origin writer

	origin=$(new_disk 64M)
	mkdir "$T/small" "$T/large"
	mount -t tmpfs -o size=2M small "$T/small"
	eractl create data "$origin" --metadata "$T/small/meta" 2> "$T/err" && fail "create succeeded without room"
	grep -q "No space left on device" "$T/err" || fail "the error has no reason: $(cat "$T/err")"
	[[ -z $(ls "$T/small") ]] || fail "left behind: $(ls "$T/small")"
	grep -q '^data' /etc/eratab && fail "the table has a line of it"

	# The space of the journal is allocated from the start.  The space of the 17 pages of the
	# array is allocated only when they are written.
	mount -t tmpfs -o size=5M large "$T/large"
	eractl create data "$origin" --metadata "$T/large/meta" --block-size 4K
	dd if=/dev/zero of="$T/large/filler" bs=4K status=none 2> /dev/null || :
	load -t 4 -n 50 -s 100 -r 4 -b 4096 -d /dev/mapper/data > "$T/touched" || fail "the load failed"
	# The fold of the close fails.  The device is still removed, and the journal keeps all
	# marks.
	eractl close data 2> "$T/err" && fail "the close did not say that it was not clean"
	grep -q "volume data: the device is removed, but its metadata $T/large/meta was not closed cleanly: .*No space left on device" "$T/err" ||
		fail "got $(cat "$T/err")"
	log_has "data: closed, but not cleanly: .*No space left on device"
	eractl open data
	same "$(changed data 1)" "$(cat "$T/touched")"
	rm "$T/large/filler"
	eractl close data
	eractl check "$T/large/meta"
	eractl open data
	same "$(changed data 1)" "$(cat "$T/touched")"
	eractl close data
}

test_metadata_least_size()
{
	DESCRIPTION="metadata of the least size or a larger one is accepted; a size of one page less is refused"
	local origin meta k least=$((19 + 16 + 2))

	# 1024 blocks need two pages of the array.
	origin=$(new_disk 64M)
	meta=$(new_disk $(((least - 1) * 4))K)
	eractl create data "$origin" --metadata "$meta" 2> "$T/err" && fail "create on a device that is too small succeeded"
	grep -q "needs at least $((least * 4)) KiB" "$T/err" || fail "the error does not have the needed size: $(cat "$T/err")"
	# Try only some values of k here: the unit tests try each k from 0 to 20.
	for k in 0 1 5 20; do
		meta=$(new_disk $(((least + k) * 4))K)
		eractl create data "$origin" --metadata "$meta" --overwrite-metadata > /dev/null
		load -t 4 -n 15 -s 100 -r $k -d /dev/mapper/data > "$T/touched" 2> "$T/load" ||
			fail "the load failed with $k pages more"
		kill_erad
		start_erad
		same "$(changed data 1)" "$(cat "$T/touched")"
		eractl close data
		eractl check "$meta" > "$T/out" || fail "$k pages more: $(cat "$T/out")"
		eractl forget data > /dev/null
	done
}

# refuses_live METADATA TEXT: checks that dump, check, repair and restore refuse the metadata with
# TEXT in their messages.
refuses_live()
{
	local command out

	for command in dump check repair "restore --overwrite-metadata --input $T/xml"; do
		# shellcheck disable=SC2086 # words
		out=$(eractl $command "$1" 2>&1 > /dev/null) && fail "$command of $1 worked"
		[[ $out == *"$2: close the volume first" ]] || fail "got '$out' from $command, expected '$2'"
	done
}

test_metadata_of_live_volume()
{
	DESCRIPTION="dump, check, repair and restore refuse metadata of a live volume while erad is dead, but not a copy"
	local file=/var/lib/erad/data.erad meta

	meta=$(new_disk 16M)
	eractl create data "$(new_disk 64M)"
	eractl create other "$(new_disk 16M)" --metadata "$meta"
	write_at data 0 4096
	kill_erad
	cp "$file" "$T/before"
	cp "$file" "$T/copy"
	eractl dump "$T/copy" > "$T/xml"
	eractl repair "$T/copy"
	refuses_live "$file" "this is the metadata of the live volume data"
	refuses_live "$meta" "it is in use by another program or device"
	cmp "$file" "$T/before"

	# eractl must recognize live metadata by its UUID if eratab is missing, and by its line in
	# eratab if its superblocks are overwritten.
	mv /etc/eratab "$T/eratab"
	refuses_live "$file" "this is the metadata of the live volume data"
	mv "$T/eratab" /etc/eratab
	dd if=/dev/zero of="$file" bs=4096 count=2 conv=notrunc status=none
	refuses_live "$file" "this is the metadata of the live volume data"
	cp "$T/before" "$file"

	start_erad
	write_at data 65536 4096
	same "$(changed data 1)" "0 131072"
	eractl close data
	eractl check "$file"
}

# flushes_of_first_writes FIRST: makes 20 first writes from block FIRST on, and prints how many
# flushes /dev/cached has received during these writes.
flushes_of_first_writes()
{
	local before after i

	read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ before _ < /sys/block/cached/stat
	for ((i = $1; i < $1 + 20; i++)); do
		write_at data $((i * 65536)) 4096
	done
	read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ after _ < /sys/block/cached/stat
	echo $((after - before))
}

test_metadata_one_command()
{
	DESCRIPTION="a first write costs one command to the metadata on a disk with a write cache, and no flush; without asynchronous I/O, it costs a write and a flush"
	local disk=/sys/kernel/config/nullb/cached aio

	modprobe null_blk nr_devices=0
	mkdir $disk
	(cd $disk && echo 64 > size && echo 1 > memory_backed && echo 8 > cache_size && echo 1 > power)
	same "$(cat /sys/block/cached/queue/write_cache)" "write back"
	eractl create data "$(new_disk 64M)" --metadata /dev/cached > /dev/null
	same "$(flushes_of_first_writes 0)" 0

	aio=$(sysctl -n fs.aio-max-nr)
	sysctl -qw fs.aio-max-nr=0
	eractl close data
	eractl open data
	same "$(flushes_of_first_writes 100)" 20
	sysctl -qw fs.aio-max-nr="$aio"
	same "$(changed data 1)" "0 1310720
6553600 1310720"
	eractl close data
	eractl forget data > /dev/null

	mkfs.ext4 -qF /dev/cached
	mkdir "$T/ext4"
	mount /dev/cached "$T/ext4"
	eractl create data "$(new_disk 64M)" --metadata "$T/ext4/data.era" > /dev/null
	# ext4 commits its own journal from time to time, so allow some flushes.
	(($(flushes_of_first_writes 0) < 10)) || fail "a first write flushes a file on ext4"
	eractl close data
	umount "$T/ext4"
	rmdir $disk
	rmmod null_blk
}
