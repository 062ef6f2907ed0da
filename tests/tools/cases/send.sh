# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl send of closed volumes, and eractl receive: streams, where copies stand, and streams that are cut, damaged or foreign.

# shellcheck source=tests/tools/volumes.sh
. tests/tools/volumes.sh

# refuses CODE TEXT COPY STREAM: checks that receive ends with the code and the text
refuses()
{
	local status=0 out

	out=$(eractl receive "$3" < "$4" 2>&1) || status=$?
	[[ $status == "$1" && $out == *"$2"* ]] || fail "got status $status and '$out', expected $1 and '$2'"
}

test_send_and_receive_keep_a_copy()
{
	DESCRIPTION="a full copy and increments in order make the copy equal to the volume, and name the token of the next increment"
	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	cmp "$T/copy" "$T/v1"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	cmp "$T/copy" "$T/v2"
	receives "$T/copy" "$T/two_to_three" "$(token 3)"
	cmp "$T/copy" "$T/v3"
	receives "$T/copy" "$T/three_to_four" "$(token 4)"
	cmp "$T/copy" "$T/v3"
	mv "$T/copy" "$T/moved"
	eractl receive "$T/moved" --json < "$T/three_to_four" > "$T/json"
	same "$(json "$T/json" '"$o->{already} $o->{token}"')" "1 $(token 4)"
	# Zeros take no space in a copy, and few bytes in a stream.
	(($(stat -c %b "$T/moved") * 512 < 100 * 65536)) || fail "the copy takes $(stat -c %b "$T/moved") sectors"
	(($(stat -c %s "$T/three_to_four") < 2 * 65536 + 500)) || fail "the increment is too large"
}

test_receive_takes_increments_in_order_only()
{
	DESCRIPTION="receive refuses an increment on another moment than the copy's, on no copy and on a changed copy, and writes nothing"
	three_eras
	refuses 3 "a full copy is due: there is no copy" "$T/copy" "$T/one_to_two"
	[[ ! -e $T/copy ]] || fail "it made a file"
	receives "$T/copy" "$T/full" "$(token 1)"
	cp --preserve=all "$T/copy" "$T/before"
	refuses 1 "send an increment on the former" "$T/copy" "$T/two_to_three"
	cmp "$T/copy" "$T/before"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	# A copy of the file without its attribute is not known to be a copy.
	cp "$T/copy" "$T/plain"
	refuses 3 "it is not known to be a copy of any moment" "$T/plain" "$T/two_to_three"
	refuses 1 "it has content, and the stream is a full copy; --overwrite overwrites it" "$T/copy" "$T/full"
	cmp "$T/copy" "$T/v2"
	touch "$T/copy"
	refuses 3 "a full copy is due: it was written since" "$T/copy" "$T/two_to_three"
	eractl receive --overwrite "$T/copy" < "$T/full" > "$T/said"
	cmp "$T/copy" "$T/v1"
	refused "has content" eractl receive "$T/m1" < "$T/full"
}

test_receive_completes_a_cut_increment()
{
	DESCRIPTION="an increment that was cut anywhere leaves a copy that the same or a later increment completes, and no other"
	local bytes cut

	three_eras
	bytes=$(stat -c %s "$T/one_to_two")
	receives "$T/base" "$T/full" "$(token 1)"
	for cut in 5 20 100 $((bytes / 2)) $((bytes - 18)) $((bytes - 1)); do
		cp --preserve=all "$T/base" "$T/copy"
		head -c "$cut" "$T/one_to_two" > "$T/cut"
		refuses 1 "the stream was cut" "$T/copy" "$T/cut"
		if ((cut > 200)); then
			refuses 1 "send an increment on the former" "$T/copy" "$T/two_to_three"
		fi
		cp --preserve=all "$T/copy" "$T/other"
		receives "$T/copy" "$T/one_to_two" "$(token 2)"
		cmp "$T/copy" "$T/v2"
		receives "$T/other" "$T/one_to_three" "$(token 3)"
		cmp "$T/other" "$T/v3"
	done
	cp --preserve=all "$T/base" "$T/copy"
	head -c $(($(stat -c %s "$T/one_to_three") - 1)) "$T/one_to_three" > "$T/cut"
	refuses 1 "is between two moments" "$T/copy" "$T/cut"
	refuses 1 "expected the same or a later one" "$T/copy" "$T/one_to_two"
	head -c 100000 "$T/full" > "$T/cut"
	refuses 1 "the copy is not complete: send a full copy again" "$T/new" "$T/cut"
	refuses 3 "a full copy is due" "$T/new" "$T/one_to_two"
	receives "$T/new" "$T/full" "$(token 1)"
	cmp "$T/new" "$T/v1"
}

test_receive_completes_no_copy_from_another_timeline()
{
	DESCRIPTION="a copy with a part of an increment is not completed by a later one, if the volume was put back between the two"
	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	head -c $(($(stat -c %s "$T/one_to_two") - 1)) "$T/one_to_two" > "$T/cut"
	refuses 1 "the stream was cut" "$T/copy" "$T/cut"
	# The volume is put back to era 1 and goes on: what was written in the first era 2 is not in its increments.
	metadata "$T/back" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 2 era 3 mark 100 1 close
	eractl send "$T/back" --device "$T/v1" --since "$(token 1)" > "$T/other"
	refuses 3 "a full copy is due" "$T/copy" "$T/other"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	cmp "$T/copy" "$T/v2"
}

test_receive_writes_nothing_of_a_damaged_group()
{
	DESCRIPTION="a stream of send with any changed byte is refused, and nothing of the group with that byte is written"
	local bytes at

	three_eras
	receives "$T/base" "$T/full" "$(token 1)"
	bytes=$(stat -c %s "$T/two_to_three")
	receives "$T/base" "$T/one_to_two" "$(token 2)"
	# The magic, names and size; the first check; a record; data; the last check; the end.
	for at in 3 13 17 40 90 96 160 165 170 178 183 190 200 40000 $((bytes - 18)) $((bytes - 14)) $((bytes - 10)) $((bytes - 6)) $((bytes - 1)); do
		cp --preserve=all "$T/base" "$T/copy"
		perl -e 'local $/; my $s = <STDIN>; substr($s, $ARGV[0], 1) ^= "\x04"; print $s' "$at" < "$T/two_to_three" > "$T/bad"
		eractl receive "$T/copy" < "$T/bad" > "$T/said" 2>&1 && fail "byte $at: it was taken: $(cat "$T/said")"
		if ((at < bytes - 1)); then
			cmp "$T/copy" "$T/base" || fail "byte $at: the copy was changed"
		fi
		receives "$T/copy" "$T/two_to_three" "$(token 3)"
		cmp "$T/copy" "$T/v3"
	done
}

test_receive_takes_groups_of_a_large_stream()
{
	DESCRIPTION="a volume of several groups arrives whole; damage in the last group is found after the groups before it"
	truncate -s $((1000 * 65536)) "$T/v"
	random 9 $((1000 * 65536)) > "$T/v"
	metadata "$T/m" format 1000 128 timeline 77 era 1 mark 0 1000 close
	eractl send "$T/m" --device "$T/v" > "$T/full"
	receives "$T/copy" "$T/full" "$(token 1)"
	cmp "$T/copy" "$T/v"
	perl -e 'local $/; my $s = <STDIN>; substr($s, -1000, 1) ^= "\x01"; print $s' < "$T/full" > "$T/bad"
	refuses 1 "got the checksum" "$T/other" "$T/bad"
	cmp -n $((48 << 20)) "$T/other" "$T/v"
	# Data of one group of 16 MiB at a time, and a buffer to read back.
	(ulimit -v 120000 && eractl send "$T/m" --device "$T/v" | eractl receive "$T/small" > "$T/said")
	cmp "$T/small" "$T/v"
}

test_send_refuses_what_is_no_increment()
{
	DESCRIPTION="send refuses a base that the metadata does not know (status 3), the current era as a base, a short device, and a terminal"
	local status=0

	three_eras
	eractl send "$T/m3" --device "$T/v3" --since "$(token 3)" > "$T/out" 2> "$T/said" && fail "era 3 since era 3 was sent"
	grep -F "expected an older one" "$T/said"
	[[ ! -s $T/out ]] || fail "there is output"
	eractl send "$T/m3" --device "$T/v3" --since "$uuid:000000000000004e:1" > "$T/out" 2> "$T/said" || status=$?
	same $status 3
	grep -F "a full copy is due" "$T/said"
	[[ ! -s $T/out ]] || fail "there is output"
	status=0
	eractl send "$T/m3" --device "$T/v3" --to "$uuid:000000000000004e:1" > "$T/out" 2> "$T/said" || status=$?
	same $status 3
	truncate -s -512 "$T/v3"
	refused "expected the $size of volume" eractl send "$T/m3" --device "$T/v3"
	refused "since 1: expected a token" eractl send "$T/m3" --device "$T/v3" --since 1
	refused "--device DEV is missing" eractl send "$T/m3"
	refused "expected --device DEV and --to TOKEN together" eractl send data --device "$T/v3"
	script -qec "eractl send '$T/m3' --device '$T/v3'" /dev/null < /dev/null > "$T/said" && fail "it wrote to a terminal"
	grep -F "not for a terminal" "$T/said"
}

test_send_says_that_the_output_failed()
{
	DESCRIPTION="send to a full device fails and says why; a stream of a device that was written meanwhile has no end"
	three_eras
	refused "cannot write the output: No space left on device" bash -c 'eractl send "$0" --device "$1" > /dev/full' "$T/m3" "$T/v3"
	truncate -s $((1000 * 65536)) "$T/v"
	random 9 $((1000 * 65536)) > "$T/v"
	metadata "$T/m" format 1000 128 timeline 77 era 1 mark 0 1000 close
	mkfifo "$T/pipe"
	eractl send "$T/m" --device "$T/v" > "$T/pipe" 2> "$T/said" &
	# The pipe is full long before the end of the volume: the writes below come while it is sent.
	{
		head -c 1000000 > "$T/begin"
		echo more >> "$T/v"
		cat
	} < "$T/pipe" > "$T/rest"
	wait $! && fail "exit code 0"
	grep -F "was written to while it was" "$T/said"
	cat "$T/begin" "$T/rest" > "$T/stream"
	refuses 1 "the stream was cut" "$T/copy" "$T/stream"
}

test_receive_notes_in_a_file_where_a_copy_stands()
{
	DESCRIPTION="receive --state keeps in a file where a copy stands, and refuses a file that is something else"
	three_eras
	eractl receive "$T/copy" --state "$T/state" < "$T/full" > /dev/null
	refuses 3 "not known to be a copy" "$T/copy" "$T/one_to_two"
	eractl receive "$T/copy" --state "$T/state" < "$T/one_to_two" > /dev/null
	cmp "$T/copy" "$T/v2"
	echo "my letters" > "$T/letters"
	refused "got something else than what 'eractl receive' writes" eractl receive "$T/copy" --state "$T/letters" < "$T/two_to_three"
	same "$(cat "$T/letters")" "my letters"
	cmp "$T/copy" "$T/v2"
}

test_receive_takes_what_rbd_export_diff_writes()
{
	DESCRIPTION="receive takes streams that Ceph's rbd export-diff has made, in order, and the copy is what rbd export has shown"
	local from=tests/fuzz/corpus/stream

	receives "$T/copy" $from/rbd_full monday
	sha256sum --check --status <<< "00c631fc71ac5bfbcbf012251b5eedd742837375a3fb330422141962a8328ed4  $T/copy"
	refuses 1 "send an increment on the former" "$T/copy" $from/rbd_head
	receives "$T/copy" $from/rbd_increment tuesday
	sha256sum --check --status <<< "e886fa905ebd0251807b63f93b7d36beb2c9877c5ebdbec4a82f163575d1a0f1  $T/copy"
	grep -F "the stream has no checksums" "$T/said"
	# An increment to no snapshot: the image became smaller.
	eractl receive "$T/copy" < $from/rbd_head > "$T/said"
	sha256sum --check --status <<< "5d306ca61624ab876bbd4d8bb66d5d0c675e97f116e702c0313d8886bf81076c  $T/copy"
	refuses 3 "a full copy is due" "$T/copy" $from/rbd_head
}
