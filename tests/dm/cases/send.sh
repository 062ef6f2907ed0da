# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl send of an open volume to eractl receive. The cases of streams that are cut, damaged or
# foreign are in tests/tools.

test_send_of_an_open_volume()
{
	DESCRIPTION="send of an open volume begins an era, and receive keeps a copy, in a file and on a device; with --device and --to, send reads a snapshot that shows the moment of an earlier token"
	local origin target token last

	truncate -s 32M "$T/o" "$T/t"
	origin=$(losetup --find --show "$T/o")
	target=$(losetup --find --show "$T/t")
	eractl create data "$origin" > /dev/null
	write_at data 4194304 262144
	eractl send data | eractl receive "$T/copy" --state "$T/state" > "$T/said"
	cmp "$T/copy" /dev/mapper/data
	last=$(tail -n 1 "$T/said")
	same "$last" "$(eractl diff data --since 0 --json | grep -o '"token":"[^"]*' | cut -d '"' -f 4)"
	eractl send data | eractl receive "$target" --overwrite --state "$T/device" > "$T/said"
	cmp "$target" /dev/mapper/data

	write_at data 0 65536
	write_at data 8388608 4096
	eractl send data --since "$last" > "$T/stream"
	(($(stat -c %s "$T/stream") < 400000)) || fail "the increment has $(stat -c %s "$T/stream") bytes"
	eractl receive "$T/copy" --state "$T/state" < "$T/stream" > "$T/said"
	cmp "$T/copy" /dev/mapper/data
	last=$(tail -n 1 "$T/said")
	# This copy of the device stands for a snapshot. The write after the copy must be in the
	# increment since the token.
	write_at data 16777216 65536
	token=$(eractl checkpoint data --token)
	dd if=/dev/mapper/data of="$T/snapshot" bs=1M iflag=direct status=none
	write_at data 25165824 65536
	eractl send data --since "$last" --device "$T/snapshot" --to "$token" |
		eractl receive "$T/copy" --state "$T/state" > "$T/said"
	same "$(tail -n 1 "$T/said")" "$token"
	eractl send data --since "$token" | eractl receive "$T/copy" --state "$T/state" > "$T/said"
	cmp "$T/copy" /dev/mapper/data
}

# not_sent TEXT ARGUMENT…: checks that send fails with the text, and writes nothing to standard output
not_sent()
{
	local text=$1

	shift
	eractl send "$@" > "$T/stream" 2> "$T/said" && fail "send succeeded, expected a failure"
	grep -qF -- "$text" "$T/said" || fail "got '$(cat "$T/said")', expected '$text'"
	[[ ! -s $T/stream ]] || fail "send has written $(stat -c %s "$T/stream") bytes"
}

test_send_refuses_what_is_no_snapshot()
{
	DESCRIPTION="with --device and --to, send refuses the volume itself, its origin, and a device of another size, because they may have another content than at the token's moment"
	local origin token

	origin=$(new_disk 32M)
	eractl create data "$origin" > /dev/null
	token=$(eractl checkpoint data --token)
	not_sent "/dev/mapper/data is volume data itself, which may be written after the checkpoint" data --device /dev/mapper/data --to "$token"
	not_sent "$origin is the origin of volume data, which may be written after the checkpoint" data --device "$origin" --to "$token"
	not_sent "has 34603008 bytes, expected a snapshot of volume data with 33554432 bytes" data --device "$(new_disk 33M)" --to "$token"
	eractl send data --device "$(new_disk 32M)" --to "$token" > "$T/stream"
}

# stated CODE TEXT TARGET STREAM [ARGUMENT…]: checks that receive to TARGET with --state $T/state
# exits with the code and prints the text
stated()
{
	local status=0 out

	out=$(eractl receive "$3" --state "$T/state" "${@:5}" < "$4" 2>&1) || status=$?
	[[ $status == "$1" && $out == *"$2"* ]] || fail "got status $status and '$out', expected $1 and '$2'"
}

# map_copy NAME UUID DEVICE: makes /dev/mapper/NAME with this UUID, which maps DEVICE
map_copy()
{
	dmsetup create "$1" --uuid "$2" --table "0 $(blockdev --getsz "$3") linear $3 0"
}

test_receive_binds_a_state_to_its_device()
{
	DESCRIPTION="receive refuses a block device with another identity than in the state, and a device that was written since the last receive, even if the last stream was cut"
	local origin loop token last

	truncate -s 32M "$T/o" "$T/t"
	origin=$(losetup --find --show "$T/o")
	loop=$(losetup --find --show "$T/t")
	eractl create data "$origin" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	map_copy copy first "$loop"
	eractl send data > "$T/full"
	eractl receive /dev/mapper/copy --state "$T/state" --overwrite < "$T/full" > "$T/said"
	last=$(tail -n 1 "$T/said")
	cmp "$T/t" /dev/mapper/data
	write_at data 16777216 65536
	eractl send data --since "$last" > "$T/increment"

	# receive refuses a device with another UUID, because the content may be of any moment.
	dmsetup remove copy
	map_copy copy second "$loop"
	stated 3 "/dev/mapper/copy: a full copy is due: $T/state contains the state of another copy: expected device-mapper UUID first, 32 MiB, got device-mapper UUID second" \
		/dev/mapper/copy "$T/increment"
	dmsetup remove copy
	map_copy copy first "$loop"
	# Mount the file system on the copy, as if to look at its files.
	cp "$T/t" "$T/as_received"
	mkdir -p "$T/mnt"
	mount /dev/mapper/copy "$T/mnt"
	stated 1 "Device or resource busy" /dev/mapper/copy "$T/increment"
	umount "$T/mnt"
	stated 3 "/dev/mapper/copy: a full copy is due: it was written since the last 'eractl receive'" /dev/mapper/copy "$T/increment"
	dd if="$T/as_received" of=/dev/mapper/copy bs=1M oflag=direct status=none
	# Cut the stream, and then make a file system on the device: receive must not overwrite this
	# file system.
	head -c 100 "$T/increment" > "$T/cut"
	stated 1 "the stream was cut" /dev/mapper/copy "$T/cut"
	mkfs.ext4 -q -F -L valuable /dev/mapper/copy
	stated 3 "/dev/mapper/copy: a full copy is due: it was written since the last 'eractl receive'" /dev/mapper/copy "$T/increment"
	same "$(blkid -o value -s LABEL -p /dev/mapper/copy)" valuable
	dd if="$T/as_received" of=/dev/mapper/copy bs=1M oflag=direct status=none
	stated 0 "all checksums were right" /dev/mapper/copy "$T/increment"
	cmp /dev/mapper/copy /dev/mapper/data
	# Lock the device for a short time, as udev does.
	flock --shared /dev/mapper/copy bash -c 'touch "$0"; sleep 1' "$T/locked" &
	until [[ -e $T/locked ]]; do
		sleep 0.1
	done
	stated 0 "the copy already has" /dev/mapper/copy "$T/increment"
	wait
	dmsetup remove copy
}

# rbd_diff FROM TO SIZE OFFSET: prints a stream as Ceph's rbd export-diff writes it, with 4096 bytes of
# the letter r at the offset.  FROM empty: a full copy.
rbd_diff()
{
	perl -e 'my ($from, $to, $size, $offset) = @ARGV;
		print "rbd diff v1\n", length $from ? pack("a V/a*", "f", $from) : "", pack("a V/a*", "t", $to), pack("a Q<", "s", $size),
			pack("a Q< Q<", "w", $offset, 4096), "r" x 4096, "e"' "$@"
}

test_receive_zeros_what_an_increment_adds_to_a_device()
{
	DESCRIPTION="if an increment of rbd export-diff makes a copy on a block device larger, receive sets the added part to zeros, also after a cut stream; if the state does not have the size, receive asks for a full copy"
	local loop unit=$((1 << 18)) first=erad-01020300-0000-0000-0000-000000000000-0000000000003039-1

	head -c $((32 * unit)) /dev/zero | tr '\0' o > "$T/t"
	loop=$(losetup --find --show "$T/t")
	# The first snapshot has a name that eractl send has written into a stream, and that Ceph
	# has kept.
	rbd_diff "" "$first" $((16 * unit)) 0 > "$T/full"
	rbd_diff "$first" b $((24 * unit)) $((20 * unit)) > "$T/increment"
	rbd_diff b c $((24 * unit)) 0 > "$T/same_size"
	{
		printf 'r%.0s' {1..4096}
		head -c $((20 * unit - 4096)) /dev/zero
		printf 'r%.0s' {1..4096}
		head -c $((4 * unit - 4096)) /dev/zero
		head -c $((8 * unit)) /dev/zero | tr '\0' o
	} > "$T/expected"

	stated 0 "" "$loop" "$T/full" --overwrite
	cp "$T/state" "$T/as_received"
	sed -i '/^size /d' "$T/state"
	stated 3 "$loop: a full copy is due: $T/state, which an older version of eractl wrote, does not contain the size of the volume" \
		"$loop" "$T/increment"
	[[ $(dd if="$loop" bs=$unit skip=16 count=1 status=none | tr -d o | wc -c) == 0 ]] || fail "receive wrote to the device"
	cp "$T/as_received" "$T/state"
	head -c 3000 "$T/increment" > "$T/cut"
	stated 1 "the stream was cut" "$loop" "$T/cut"
	stated 0 "b" "$loop" "$T/increment"
	cmp "$loop" "$T/expected"
	stated 0 "c" "$loop" "$T/same_size"
	cmp "$loop" "$T/expected"
}
