# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# erad overwrites only content that the user has told it to overwrite. A command that is refused, or
# that fails midway, leaves every other byte unchanged.

# shellcheck source=tests/content.sh
. tests/content.sh

# disk_with TYPE: sets disk to a device with content of this type. $T/TYPE.before contains the same
# bytes.
disk_with()
{
	truncate -s 32M "$T/$1"
	disk=$(losetup --find --show --direct-io=off "$T/$1")
	content "$1" "$disk"
	blockdev --flushbufs "$disk"
	cp --sparse=always "$T/$1" "$T/$1.before"
}

# drop_disk TYPE: removes the device of disk_with, after a check that all its bytes are as before.
drop_disk()
{
	same_bytes "$1" "one of the commands"
	losetup -d "$disk"
	rm "$T/$1" "$T/$1.before"
}

# same_bytes TYPE WHAT: checks that the device has the same bytes as before. WHAT is for the
# message.
same_bytes()
{
	blockdev --flushbufs "$disk"
	cmp "$T/$1" "$T/$1.before" || fail "$1: changed by $2"
}

# untouched TYPE TEXT COMMAND...: checks that the command fails with TEXT in its message, and that
# there is no volume afterwards. drop_disk checks that no byte has changed.
untouched()
{
	local type=$1 text=$2 out

	shift 2
	out=$("$@" 2>&1 > /dev/null) && fail "$type: it worked: $*"
	[[ $out == *"$text"* ]] || fail "$type: got '$out' from $*, expected '$text'"
	[[ ! -e /dev/mapper/data ]] || fail "$type: a device is left of $*"
	! grep -qs '^data' /etc/eratab || fail "$type: eratab has a line of $*"
}

case_timeout["test_untouched_place"]=240
test_untouched_place()
{
	DESCRIPTION="no command writes to a device that is not blank, unless it is told to overwrite the device; a refused command never writes to the device"
	local origin disk type huge

	origin=$(new_disk 64M)
	dmsetup create huge --table "0 $((1 << 41)) zero"
	huge=/dev/mapper/huge
	eractl create other "$(new_disk 16M)"
	write_at other 0 4096
	eractl dump other > "$T/xml"
	sed 's/sectors="[0-9]*"//; s/nr_blocks="[0-9]*"/nr_blocks="4294967296"/' "$T/xml" > "$T/huge"
	for type in "${CONTENTS[@]}" lvm late; do
		disk_with "$type"
		untouched "$type" "--overwrite-metadata overwrites it" eractl create data "$origin" --metadata "$disk"
		untouched "$type" "--overwrite-metadata overwrites it" eractl create data "$origin" --metadata "$disk" --force
		untouched "$type" "--overwrite-metadata overwrites it" eractl restore "$disk" --input "$T/xml" --force
		untouched "$type" "$disk" eractl repair "$disk"
		# The commands below may overwrite the content, but fail for reasons that do not
		# depend on the content. So two types of content are enough.
		[[ $type == @(btrfs|random) ]] || {
			drop_disk "$type"
			continue
		}
		untouched "$type" "the metadata needs at least" \
			eractl create data $huge --block-size 4K --metadata "$disk" --overwrite-metadata
		untouched "$type" "lies on" eractl create data "$disk" --metadata "$disk" --overwrite-metadata
		untouched "$type" "No such file" eractl create data /dev/none --metadata "$disk" --overwrite-metadata
		untouched "$type" "not a block device" eractl create data /etc/passwd --metadata "$disk" --overwrite-metadata
		untouched "$type" "" eractl create other "$origin" --metadata "$disk" --overwrite-metadata
		dmsetup create holder --table "0 8 linear $disk 0"
		untouched "$type" "held by" eractl create data "$origin" --metadata "$disk" --overwrite-metadata
		untouched "$type" "in use" eractl restore "$disk" --input "$T/xml" --overwrite-metadata
		untouched "$type" "in use" eractl import "$disk" "$disk" --overwrite-metadata
		untouched "$type" "in use" eractl repair "$disk"
		dmsetup remove holder
		drop_disk "$type"
	done
}

test_untouched_mounted()
{
	DESCRIPTION="no option makes erad overwrite a mounted device, or a device with a mounted partition or swap"
	local origin disk

	origin=$(new_disk 64M)
	mkdir "$T/mnt"
	disk_with ext4
	mount -o ro "$disk" "$T/mnt"
	untouched ext4 "mounted on $T/mnt" eractl create data "$origin" --metadata "$disk" --overwrite-metadata
	untouched ext4 "mounted on $T/mnt" eractl create data "$disk"
	umount "$T/mnt"
	drop_disk ext4
	truncate -s 32M "$T/swap"
	disk=$(losetup --find --show --direct-io=off "$T/swap")
	mkswap -q "$disk"
	swapon "$disk"
	blockdev --flushbufs "$disk"
	cp "$T/swap" "$T/swap.before"
	untouched swap "used for swap" eractl create data "$origin" --metadata "$disk" --overwrite-metadata
	same_bytes swap create
	swapoff "$disk"
}

case_timeout["test_untouched_origin"]=240
test_untouched_origin()
{
	DESCRIPTION="tracking a device that has data needs no option and changes no byte of the data, whether create succeeds or fails"
	local disk type

	# erad only reads the origin, so three types of content are enough. test_untouched_place
	# tests the other types, for the metadata.
	for type in ext4 lvm random; do
		disk_with "$type"
		eractl create data "$disk" > /dev/null
		cmp /dev/mapper/data "$T/$type.before" || fail "$type: the volume has not what the origin has"
		[[ $type != random ]] || eractl resize data --size 16M > /dev/null
		eractl close data
		eractl forget data > /dev/null
		[[ $type != random ]] || untouched "$type" "" eractl create data "$disk" --metadata /proc/data.erad
		drop_disk "$type"
	done
}

case_timeout["test_untouched_by_table"]=240
test_untouched_by_table()
{
	DESCRIPTION="a metadata device in a table that was loaded by hand is formatted only if it is blank"
	local origin disk type

	origin=$(new_disk 64M)
	# erad makes the same check as in test_untouched_place, so four types of content are enough.
	for type in ext4 random lvm late; do
		disk_with "$type"
		dmsetup create byhand --table "0 131072 erad $disk $origin 128"
		wait_until "$type: status says what is wrong" by_hand_refused
		dmsetup remove byhand
		drop_disk "$type"
	done
}

by_hand_refused()
{
	eractl status --json byhand | field error | grep -q "$disk: \|$disk carries\|$disk is not empty"
}

# undone TEXT COMMAND…: checks that the command fails with TEXT in its message, that the file $T/place
# has its former size and contains only zeros, and that /dev/mapper/data does not exist. $T/place is
# the metadata file, or the file behind the loop device of the metadata.
undone()
{
	local text=$1 out size

	shift
	size=$(stat -c %s "$T/place")
	out=$("$@" 2>&1 > /dev/null) && fail "the command succeeded, expected a failure: $*"
	[[ $out == *"$text"* ]] || fail "got '$out' from $*, expected '$text'"
	same "$(stat -c %s "$T/place")" "$size"
	cmp -n "$size" "$T/place" /dev/zero || fail "not zeros any more after $*"
	[[ ! -e /dev/mapper/data ]] || fail "a device is left of $*"
}

test_untouched_undone()
{
	DESCRIPTION="a create that fails late undoes its writes: a blank place is blank again, and a metadata file has its old content"
	local origin disk zoned place

	origin=$(new_disk 64M)
	modprobe null_blk nr_devices=0
	mkdir /sys/kernel/config/nullb/zoned
	(cd /sys/kernel/config/nullb/zoned && echo 64 > size && echo 4 > zone_size && echo 1 > zoned && echo 1 > memory_backed && echo 1 > power)
	zoned=/dev/zoned
	truncate -s 32M "$T/place"
	disk=$(losetup --find --show --direct-io=off "$T/place")
	: > /etc/eratab

	# In the first case, eratab cannot be replaced.  In the second case, the module refuses the
	# table, because the device is zoned.
	mount --bind /etc/eratab /etc/eratab
	undone "/etc/eratab" eractl create data "$origin" --metadata "$disk"
	umount /etc/eratab
	undone "data" eractl create data $zoned --metadata "$disk"
	losetup -d "$disk"

	truncate -s 5000 "$T/place"
	mount --bind /etc/eratab /etc/eratab
	undone "/etc/eratab" eractl create data "$origin" --metadata "$T/place"
	umount /etc/eratab
	undone "data" eractl create data $zoned --metadata "$T/place"

	mkdir "$T/dir"
	eractl create data "$origin" --metadata "$T/dir/m" > /dev/null
	write_at data 0 4096
	eractl close data
	eractl forget data > /dev/null
	cp "$T/dir/m" "$T/before"
	mount --bind /etc/eratab /etc/eratab
	eractl create data "$origin" --metadata "$T/dir/m" --overwrite-metadata 2> "$T/err" && fail "the command succeeded, expected a failure"
	umount /etc/eratab
	cmp "$T/dir/m" "$T/before"
	eractl create data $zoned --metadata "$T/dir/m" --overwrite-metadata 2> "$T/err" && fail "the command succeeded, expected a failure"
	cmp "$T/dir/m" "$T/before"
	eractl create data "$origin" --metadata "$T/dir/m" 2> "$T/err" && fail "the command succeeded, expected a failure"
	grep -q "carries erad metadata; --overwrite-metadata overwrites it" "$T/err" || fail "got $(cat "$T/err")"
	eractl create data "$origin" --metadata "$T/dir/m" --overwrite-metadata > /dev/null
	same "$(changed data 1)" ""
	same "$(ls "$T/dir")" m
	eractl close data
	rmdir /sys/kernel/config/nullb/zoned
	rmmod null_blk
}

# first_era_written: returns whether the journal of the metadata at $T/place has a first page.
first_era_written()
{
	[[ $(od -An -tx8 -j $((3 * 4096)) -N 8 "$T/place") != " 0000000000000000" ]]
}

test_untouched_first_era()
{
	DESCRIPTION="a create whose device is removed after the first era is durable leaves a blank place blank, even with --overwrite-metadata"
	local origin disk option creating

	origin=$(new_disk 64M)
	truncate -s 32M "$T/place"
	disk=$(losetup --find --show --direct-io=off "$T/place")
	# The slow disk gives the test time to remove the device between the write of the first era
	# and the end of its flush.
	slow_disk slow "$disk" $((250 * SLOWNESS))
	for option in "" --overwrite-metadata; do
		eractl create data "$origin" --metadata /dev/mapper/slow $option > /dev/null 2> "$T/err" &
		creating=$!
		wait_until "the first era is written" first_era_written
		dmsetup remove data
		wait $creating && fail "create$option worked without its device"
		grep -q "era 1" "$T/err" || fail "got '$(cat "$T/err")', expected that era 1 cannot begin"
		cmp -n $((32 << 20)) "$T/place" /dev/zero || fail "not zeros any more after create $option"
		! grep -qs '^data' /etc/eratab || fail "eratab has a line of it"
	done
}

# slow_file_system DISK: makes an ext4 on the disk, and mounts it at $T/fs.  From then on, each
# write of the file system takes half a second.
slow_file_system()
{
	mkfs.ext4 -q "$1"
	slow_disk slow "$1" 0
	mkdir -p "$T/fs"
	mount /dev/mapper/slow "$T/fs"
	dmsetup load slow --table "0 $(blockdev --getsz "$1") delay $1 0 0 $1 0 $((500 * SLOWNESS))"
	dmsetup suspend slow
	dmsetup resume slow
}

test_untouched_replaced()
{
	DESCRIPTION="a create that fails removes the file that it has made, but no other file at the same path"
	local origin creating

	origin=$(new_disk 64M)
	slow_file_system "$(new_disk 64M)"
	: > /etc/eratab
	mount --bind /etc/eratab /etc/eratab
	eractl create data "$origin" --metadata "$T/fs/m" > /dev/null 2> "$T/err" &
	creating=$!
	wait_until "the file is made" test -s "$T/fs/m"
	mv "$T/fs/m" "$T/fs/made"
	echo precious > "$T/fs/m"
	wait $creating && fail "the command succeeded, expected a failure"
	umount /etc/eratab
	same "$(cat "$T/fs/m")" precious
	grep -q "another process has replaced" "$T/err" || grep -q "/etc/eratab" "$T/err" || fail "got '$(cat "$T/err")'"
	rm "$T/fs/made" "$T/fs/m"

	# eractl restore also removes only its own file.
	eractl create other "$origin" > /dev/null
	write_at other 0 4096
	eractl dump other > "$T/xml"
	eractl close other
	eractl restore "$T/fs/m" --input "$T/xml" > /dev/null 2> "$T/err" &
	creating=$!
	wait_until "the file is made" test -s "$T/fs/m"
	mv "$T/fs/m" "$T/fs/made"
	echo precious > "$T/fs/m"
	wait $creating || :
	same "$(cat "$T/fs/m")" precious
	umount "$T/fs"
}

# told_to_stop WHEN...: creates the volume "data", stops erad as soon as the command WHEN succeeds,
# and then starts erad.
told_to_stop()
{
	local creating

	eractl create data "$origin" --metadata "$disk" > /dev/null 2> "$T/err" &
	creating=$!
	wait_until "$*" "$@"
	stop_erad
	wait $creating && created=1 || created=
	start_erad
}

superblock_written()
{
	[[ $(od -An -tx8 -N 8 "$T/place") != " 0000000000000000" ]]
}

test_untouched_by_a_stop()
{
	DESCRIPTION="if erad is told to stop during a create, the create is completed, or all bytes are as before"
	local origin disk created when

	origin=$(new_disk 64M)
	truncate -s 32M "$T/place"
	disk=$(losetup --find --show --direct-io=off "$T/place")
	slow_disk slow "$disk" $((250 * SLOWNESS))
	disk=/dev/mapper/slow
	for when in true superblock_written first_era_written "grep -q ^data /etc/eratab" "test -e /dev/mapper/data"; do
		# shellcheck disable=SC2086 # words
		told_to_stop $when
		if [[ -e /dev/mapper/data ]]; then
			echo "# $when: complete"
			wait_until "$when: it is served" eractl_state_is data active
			bounded 60 write_at data 0 4096 || fail "$when: the write still waits"
			same "$(changed data 1)" "0 65536"
			eractl close data
			eractl forget data > /dev/null
			eractl check "$disk"
			dd if=/dev/zero of="$T/place" bs=1M count=32 conv=notrunc status=none
			blockdev --flushbufs "$disk"
			blockdev --flushbufs "$(losetup -j "$T/place" | cut -d : -f 1)"
		else
			echo "# $when: taken back"
			[[ ! $created ]] || fail "$when: eractl says that it worked"
			cmp -n $((32 << 20)) "$T/place" /dev/zero || fail "$when: not zeros any more"
			! grep -qs ^data /etc/eratab || fail "$when: eratab has a line of it"
		fi
	done
}

test_untouched_while_formatted()
{
	DESCRIPTION="while metadata is written to a device, no other program can claim the device, udev ignores it, and another node of the device is recognized as the same device"
	local origin disk slow creating command out twin=/dev/twin

	origin=$(new_disk 64M)
	disk=$(new_disk 32M)
	slow_disk slow "$disk" 0
	slow=/dev/mapper/slow
	mknod $twin b $((0x$(stat -Lc %t $slow))) $((0x$(stat -Lc %T $slow)))
	eractl create data "$origin" --metadata $slow > /dev/null
	eractl close data
	eractl dump $slow > "$T/xml"
	# The program `metadata` holds the device open. No target of erad uses the device.
	metadata $slow hold < <(sleep 120) > "$T/held" &
	wait_until "it is held" test -s "$T/held"
	for command in check repair dump "restore --input $T/xml --overwrite-metadata"; do
		# shellcheck disable=SC2086 # words
		out=$(eractl $command $twin 2>&1 > /dev/null) && fail "$command of another node worked"
		[[ $out == *"another process has it open"* ]] || fail "got '$out' from $command"
	done
	kill $!

	dmsetup load slow --table "0 65536 delay $disk 0 0 $disk 0 $((1000 * SLOWNESS))"
	dmsetup suspend --nolockfs slow
	dmsetup resume slow
	eractl restore $slow --input "$T/xml" --overwrite-metadata > /dev/null &
	creating=$!
	# eractl takes this lock after it has claimed the device, so wait for the lock.
	wait_until "the device is claimed" grep -q "FLOCK .* $creating " /proc/locks
	dmsetup create holder --table "0 8 linear $slow 0" 2> /dev/null && fail "dmsetup made a table with the device meanwhile"
	flock -n $slow true && fail "udev would examine the device"
	is_running $creating || fail "the create ended before the check"
	wait $creating || :
	dmsetup create holder --table "0 8 linear $slow 0"
	dmsetup remove holder
	rm $twin
}
