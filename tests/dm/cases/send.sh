# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl send of an open volume, into eractl receive. tests/tools has the cases of streams that are cut, damaged or foreign.

test_send_of_an_open_volume()
{
	DESCRIPTION="send of an open volume begins an era; receive keeps a copy, in a file and on a device; a snapshot needs an older token"
	local origin target token last

	truncate -s 64M "$T/o" "$T/t"
	origin=$(losetup --find --show "$T/o")
	target=$(losetup --find --show "$T/t")
	eractl create data "$origin" > /dev/null
	write_at data 8388608 262144
	eractl send data | eractl receive "$T/copy" --state "$T/state" > "$T/said"
	cmp "$T/copy" /dev/mapper/data
	last=$(tail -n 1 "$T/said")
	same "$last" "$(eractl diff data --since 0 --json | grep -o '"token":"[^"]*' | cut -d '"' -f 4)"
	eractl send data | eractl receive "$target" --overwrite --state "$T/device" > "$T/said"
	cmp "$target" /dev/mapper/data

	write_at data 0 65536
	write_at data 16777216 4096
	eractl send data --since "$last" > "$T/stream"
	(($(stat -c %s "$T/stream") < 400000)) || fail "the increment has $(stat -c %s "$T/stream") bytes"
	eractl receive "$T/copy" --state "$T/state" < "$T/stream" > "$T/said"
	cmp "$T/copy" /dev/mapper/data
	last=$(tail -n 1 "$T/said")
	# A copy in place of a snapshot: what is written after it, and after the token, is in the next increment.
	write_at data 33554432 65536
	token=$(eractl checkpoint data --token)
	dd if=/dev/mapper/data of="$T/snapshot" bs=1M iflag=direct status=none
	write_at data 50331648 65536
	eractl send data --since "$last" --device "$T/snapshot" --to "$token" |
		eractl receive "$T/copy" --state "$T/state" > "$T/said"
	same "$(tail -n 1 "$T/said")" "$token"
	eractl send data --since "$token" | eractl receive "$T/copy" --state "$T/state" > "$T/said"
	cmp "$T/copy" /dev/mapper/data
}
