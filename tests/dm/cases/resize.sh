# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# A volume gets another size, by eractl or only by dmsetup: the metadata gets the size of the
# volume, and no write is missing.

# change_length NAME SECTORS: changes the length of the live table by hand, without waiting for held
# writes.
change_length()
{
	dmsetup load "$1" --table "$(dmsetup table "$1" | sed "s/^0 [0-9]* /0 $2 /")"
	dmsetup suspend --noflush --nolockfs "$1"
	dmsetup resume "$1"
}

# linear NAME DEVICE SECTORS: makes /dev/mapper/NAME from the first SECTORS of DEVICE, or changes
# its table.
linear()
{
	if dmsetup info "$1" > /dev/null 2>&1; then
		dmsetup load "$1" --table "0 $3 linear $2 0"
		dmsetup suspend --nolockfs "$1"
		dmsetup resume "$1"
	else
		dmsetup create "$1" --table "0 $3 linear $2 0"
	fi
}

# least_metadata SIZE: makes $origin with SIZE, and creates the volume "data" from its first 32 MiB,
# in blocks of 4 KiB.  The metadata is as small as possible, $pages pages, with the shortest journal
# and an array of 9 pages.  For 64 MiB, the array would have 17 pages.
least_metadata()
{
	pages=$((19 + 24 + 9))
	origin=$(new_disk "$1")
	meta=$(new_disk 1M)
	linear part "$origin" 65536
	linear small "$meta" $((pages * 8))
	eractl create data /dev/mapper/part --metadata /dev/mapper/small --block-size 4K
}

# gained FILE FROM TO: prints the ranges of FILE, and then the range from FROM to TO, merged with a
# range of FILE that ends at FROM.  No range of FILE may end after FROM.
gained()
{
	awk -v from="$2" -v to="$3" '$1 + $2 < from { print; next } { from = $1 } END { print from, to - from }' "$1"
}

# resized NAME BYTES: returns whether erad serves the volume with this size.
resized()
{
	eractl_state_is "$1" active && [[ $(eractl status --json "$1" | field size) == "$2" ]]
}

test_resize()
{
	DESCRIPTION="eractl resize grows and shrinks a volume, open and closed; blocks that are cut off are forgotten, and new blocks count as written"
	local origin uuid

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 0 4096
	write_at data $((60 << 20)) 4096
	same "$(eractl resize data --size 32M)" "data: 32 MiB, was 64 MiB; in era 2"
	same "$(blockdev --getsize64 /dev/mapper/data)" 33554432
	same "$(changed data 1)" "0 65536"
	same "$(changed data 0)" "0 33554432"
	write_at data $(((32 << 20) - 4096)) 4096
	same "$(eractl resize data)" "data: 64 MiB, was 32 MiB; in era 3"
	same "$(eractl resize data)" "data: 64 MiB, was 64 MiB; in era 3"
	same "$(changed data 3)" ""
	same "$(changed data 2)" "33488896 $((65536 + (32 << 20)))"
	write_at data $((60 << 20)) 4096
	same "$(changed data 3)" "62914560 65536"

	eractl resize data --size 65M 2> "$T/err" && fail "a size larger than the origin was accepted"
	grep -q "got a size of 65 MiB, expected at least 512 bytes and at most the 64 MiB of origin $origin" "$T/err" || fail "$(cat "$T/err")"
	dmsetup suspend data
	eractl resize data --size 32M 2> "$T/err" && fail "resize of a suspended volume succeeded"
	grep -q "data: .*suspended" "$T/err" || fail "$(cat "$T/err")"
	dmsetup resume data
	same "$(blockdev --getsize64 /dev/mapper/data)" 67108864

	eractl close data
	eractl check /var/lib/erad/data.erad
	same "$(eractl resize data --size 48M)" "data: 48 MiB, was 64 MiB; in era 3"
	same "$(eractl dump /var/lib/erad/data.erad | grep -o 'nr_sectors="[0-9]*"\|<era block.*' | sed -n '1,3p; $p')" 'nr_sectors="98304"
<era block="0" era="1"/>
<era block="511" era="2"/>
<era block="767" era="2"/>'
	linear tiny "$origin" 65536
	sed -i "s|$origin|/dev/mapper/tiny|" /etc/eratab
	eractl open data 2> "$T/err" && fail "open with an origin that is too small succeeded"
	grep -q "data: origin /dev/mapper/tiny has 32 MiB, .* 48 MiB" "$T/err" || fail "$(cat "$T/err")"
	dmsetup remove tiny
	sed -i "s|/dev/mapper/tiny|$origin|" /etc/eratab
	eractl open data
	same "$(blockdev --getsize64 /dev/mapper/data)" 50331648
	same "$(changed data 1)" "0 65536
33488896 $((50331648 - 33488896))"
	uuid=$(eractl status --json data | field uuid)
	eractl close data
	dmsetup create data <<- EOT
		0 8 zero
		8 65536 erad - $origin 128 2 uuid $uuid
	EOT
	wait_until "taken in" resized data 33554432
	eractl resize data 2> "$T/err" && fail "a table with several targets was replaced"
	grep -q "data: .*not one erad target alone" "$T/err" || fail "$(cat "$T/err")"
	same "$(blockdev --getsz /dev/mapper/data)" 65544
	same "$(changed data 1)" "0 65536
33488896 65536"
	eractl close data
	eractl resize data > /dev/null
	eractl open data
	same "$(changed data 1)" "0 65536
33488896 $((67108864 - 33488896))"
	same "$(changed data "$(eractl checkpoint data)")" ""
}

test_resize_by_dmsetup()
{
	DESCRIPTION="dmsetup alone changes the length of a volume, with suspend and load in either order, and while erad is dead; a table that is cleared before its resume changes nothing"
	local origin meta before writer

	origin=$(new_disk 64M)
	meta=$(new_disk 20M)
	eractl create data "$origin" --metadata "$meta"
	write_at data 0 4096
	write_at data $((60 << 20)) 4096
	same "$(changed data 1)" "0 65536
62914560 65536"

	before=$(cksum < "$meta")
	dmsetup load data --table "$(dmsetup table data | sed 's/^0 131072 /0 65536 /')"
	dmsetup clear data
	dmsetup suspend data
	dmsetup resume data
	same "$(eractl status --json data | field era)" 1
	same "$(changed data 1)" "0 65536
62914560 65536"
	blockdev --flushbufs "$meta"
	same "$(cksum < "$meta")" "$before"

	# Suspend first, and load the table afterwards.
	dmsetup suspend data
	dmsetup load data --table "$(dmsetup table data | sed 's/^0 131072 /0 65536 /')"
	same "$(cksum < "$meta")" "$before"
	dmsetup resume data
	wait_until "resized" resized data 33554432
	same "$(eractl status --json data | field era)" 2
	same "$(changed data 1)" "0 65536"

	kill_erad
	write_at data 1048576 4096 &
	writer=$!
	sleep 0.2
	change_length data 131072
	write_at data $((40 << 20)) 4096 &
	writer+=" $!"
	sleep 0.3
	dmsetup status data | grep -q detached || fail "status: $(dmsetup status data)"
	start_erad
	# shellcheck disable=SC2086 # two
	wait $writer || fail "a write failed"
	same "$(changed data 3)" "1048576 65536
41943040 65536"
	same "$(changed data 1)" "0 65536
1048576 65536
33554432 33554432"
	eractl close data
	eractl check "$meta"
}

has_released()
{
	(($(eractl status --json data | field released) > 0))
}

test_resize_under_load()
{
	DESCRIPTION="a volume is grown and shrunk again and again under load, with pending folds and kills of erad: no write fails, and exactly the written blocks are recorded"
	local origin meta pages writer i

	# The journal is very short, so that a fold is always under way.
	least_metadata 96M
	linear part "$origin" 196608
	linear small "$meta" 2048
	load -t 2 -s 1000 -r 7 -b 4096 -d /dev/mapper/data > "$T/touched" 2> "$T/load" &
	writer=$!
	wait_until "the load writes" has_released
	for ((i = 0; i < 4; i++)); do
		eractl resize data --size $((40 + i * 14))M > /dev/null
		sleep 0.1
		if ((i == 2)); then
			kill_erad
			change_length data 65536
			start_erad
			wait_until "resized" resized data 33554432
		else
			eractl resize data --size 32M > /dev/null
		fi
	done
	kill $writer || fail "the load ended: $(cat "$T/load")"
	wait $writer || fail "the load failed: $(cat "$T/load")"
	same "$(changed data 1)" "$(cat "$T/touched")"
	eractl resize data > /dev/null
	changed data 1 > "$T/changed"
	gained "$T/touched" 33554432 $((96 << 20)) | cmp - "$T/changed" || fail "after it has grown: $(cat "$T/changed")"
	(($(eractl status --json data | field folds) > 1)) || fail "nothing was folded"
	eractl close data
	eractl check /dev/mapper/small
}

too_small()
{
	eractl status --json data | field error | grep -q "small has .* needs at least"
}

test_resize_metadata_too_small()
{
	DESCRIPTION="if the metadata device has no room for the new size, eractl changes nothing; after a resize by dmsetup, writes wait until the device has grown"
	local origin meta pages writer

	least_metadata 64M
	write_at data 0 4096
	linear part "$origin" 131072

	eractl resize data 2> "$T/err" && fail "resize without room for the metadata succeeded"
	grep -q "volume data: /dev/mapper/small has $((pages * 4)) KiB, but the metadata of a volume of 64 MiB needs at least $(((pages + 8) * 4)) KiB" \
		"$T/err" || fail "the error does not say what was got and expected: $(cat "$T/err")"
	same "$(blockdev --getsize64 /dev/mapper/data)" 33554432
	same "$(dmsetup info -c --noheadings -o tables_loaded data)" Live
	same "$(eractl status --json data | field era)" 1
	write_at data 4096 4096

	# Resize by dmsetup, and undo this with eractl.
	change_length data 131072
	wait_until "the error is shown" too_small
	write_at data 8192 4096 &
	writer=$!
	sleep 0.3
	is_running $writer || fail "a write passed although it could not be recorded"
	same "$(eractl resize data --size 32M)" "data: 32 MiB, was 64 MiB; in era 2"
	wait $writer || fail "the write failed"

	change_length data 131072
	wait_until "the error is shown" too_small
	write_at data $((40 << 20)) 4096 &
	writer=$!
	linear small "$meta" 2048
	wait $writer || fail "the write failed"
	same "$(changed data 1)" "0 12288
33554432 33554432"
	same "$(changed data 3)" "41943040 4096"
	eractl close data
	eractl check /dev/mapper/small
}

test_resize_ext4()
{
	DESCRIPTION="an ext4 grows with its volume while it is mounted"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin"
	eractl resize data --size 24M > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mkdir "$T/mnt"
	mount /dev/mapper/data "$T/mnt"
	dd if=/dev/urandom of="$T/content" bs=1M count=8 status=none
	cp "$T/content" "$T/mnt/one"
	eractl resize data > /dev/null
	resize2fs /dev/mapper/data > "$T/out" 2>&1 || fail "$(cat "$T/out")"
	for name in two three four; do
		cp "$T/content" "$T/mnt/$name" || fail "the file system did not grow"
	done
	umount "$T/mnt"
	e2fsck -fn /dev/mapper/data > "$T/out" 2>&1 || fail "$(cat "$T/out")"
	mount /dev/mapper/data "$T/mnt"
	for name in one two three four; do
		cmp "$T/content" "$T/mnt/$name"
	done
	umount "$T/mnt"
	changed data 3 > "$T/changed"
	awk '$1 + $2 > 24 * 1024 * 1024 { n++ } END { exit !n }' "$T/changed" ||
		fail "no block that the file system has gained is reported: $(cat "$T/changed")"
}
