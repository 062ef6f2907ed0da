# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl send of closed volumes, and eractl receive: streams, the state of copies, and streams that
# are cut, damaged or foreign.

# shellcheck source=tests/tools/volumes.sh
. tests/tools/volumes.sh

# refuses CODE TEXT COPY STREAM: checks that receive exits with the code and prints the text
refuses()
{
	local status=0 out

	out=$(eractl receive "$3" < "$4" 2>&1) || status=$?
	[[ $status == "$1" && $out == *"$2"* ]] || fail "got status $status and '$out', expected $1 and '$2'"
}

# stated CODE TEXT STREAM: checks that receive to $T/copy with --state $T/state exits with the code
# and prints the text
stated()
{
	local status=0 out

	out=$(eractl receive "$T/copy" --state "$T/state" < "$3" 2>&1) || status=$?
	[[ $status == "$1" && $out == *"$2"* ]] || fail "got status $status and '$out', expected $1 and '$2'"
}

test_send_of_a_closed_volume_checks_its_device()
{
	DESCRIPTION="send of a closed volume refuses a device that was written since the close, and says so if there is no seal"
	three_eras
	metadata "$T/m3" close-sealed "$T/v3"
	eractl send "$T/m3" --device "$T/v3" --since "$(token 2)" 2> "$T/said" | cmp - "$T/two_to_three"
	[[ ! -s $T/said ]] || fail "send printed $(cat "$T/said")"
	eractl send "$T/m2" --device "$T/v2" --since "$(token 1)" 2> "$T/said" | cmp - "$T/one_to_two"
	grep -q "not known whether the device was written since.*send reads the data as they are now" "$T/said" || fail "send printed $(cat "$T/said")"
	write_blocks "$T/v3" 9 0 1
	eractl send "$T/m3" --device "$T/v3" --since "$(token 2)" > "$T/out" 2> "$T/said" && fail "the command succeeded, expected a failure"
	grep -q "$T/v3 was written since its volume was closed" "$T/said" || fail "send printed $(cat "$T/said")"
	[[ ! -s $T/out ]] || fail "send wrote a stream"
	# Use a snapshot that was made before the close.
	eractl send "$T/m3" --device "$T/v3" --to "$(token 3)" > "$T/out"
}

test_send_and_receive_keep_a_copy()
{
	DESCRIPTION="receive of a full copy and of increments in order makes the copy equal to the volume, and prints the token for the next increment"
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
	# Zeros take no space in a copy, and only a few bytes in a stream.
	(($(stat -c %b "$T/moved") * 512 < 100 * 65536)) || fail "the copy takes $(stat -c %b "$T/moved") sectors"
	(($(stat -c %s "$T/three_to_four") < 2 * 65536 + 500)) || fail "the increment is too large"
}

test_receive_takes_increments_in_order_only()
{
	DESCRIPTION="receive refuses an increment since another token than the copy's, an increment without a copy, and a copy that was changed; then it writes nothing"
	three_eras
	refuses 3 "a full copy is due: there is no copy" "$T/copy" "$T/one_to_two"
	[[ ! -e $T/copy ]] || fail "receive made a file"
	receives "$T/copy" "$T/full" "$(token 1)"
	cp --preserve=all "$T/copy" "$T/before"
	refuses 1 "but the stream is an increment on" "$T/copy" "$T/two_to_three"
	cmp "$T/copy" "$T/before"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	# receive keeps its state in the extended attribute user.erad.copy, which cp does not copy
	# here. receive refuses a file without this attribute.
	cp "$T/copy" "$T/plain"
	refuses 3 "it is not known to be a copy of any moment" "$T/plain" "$T/two_to_three"
	refuses 1 "it has content, and the stream is a full copy; --overwrite overwrites it" "$T/copy" "$T/full"
	cmp "$T/copy" "$T/v2"
	touch "$T/copy"
	refuses 3 "a full copy is due: it was written since" "$T/copy" "$T/two_to_three"
	eractl receive --overwrite "$T/copy" < "$T/full" > "$T/said"
	cmp "$T/copy" "$T/v1"
	refused "it is metadata of erad" eractl receive "$T/m1" < "$T/full"
}

test_receive_compares_a_stream_of_the_same_era()
{
	DESCRIPTION="receive does not skip a stream of the copy's own era if the stream was made after further writes in this era"
	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	# The volume was written in era 1 after the stream was made, and was closed then.
	write_blocks "$T/v1" 7 50 1
	rm "$T/m1"
	metadata "$T/m1" format 300 5 timeline 77 era 1 mark 0 40 mark 50 1 mark 290 10 close-sealed "$T/v1"
	eractl send "$T/m1" --device "$T/v1" > "$T/later"
	refuses 3 "a full copy is due: the stream is of the same era as the copy" "$T/copy" "$T/later"
	refuses 3 "the data differ between byte" "$T/copy" "$T/later"
	eractl receive "$T/copy" --overwrite < "$T/later" > /dev/null
	cmp "$T/copy" "$T/v1"
	receives "$T/copy" "$T/later" "$(token 1)"
	# Do the same with an increment, and with zeros in place of data.
	receives "$T/other" "$T/full" "$(token 1)"
	receives "$T/other" "$T/one_to_two" "$(token 2)"
	dd if=/dev/zero of="$T/v2" bs=64K seek=20 count=1 conv=notrunc status=none
	eractl send "$T/m2" --device "$T/v2" --since "$(token 1)" > "$T/later" 2> /dev/null
	refuses 3 "the data differ between byte $((20 * 65536))" "$T/other" "$T/later"
	receives "$T/other" "$T/one_to_two" "$(token 2)"
}

test_receive_takes_a_full_copy_twice()
{
	DESCRIPTION="receive does not write a full copy again that it has received already; it refuses the full copy if the file was written since, or has another token"
	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	stat -c '%y %z' "$T/copy" > "$T/times"
	receives "$T/copy" "$T/full" "$(token 1)"
	grep -qF "$T/copy: the copy already has " "$T/said" || fail "got $(cat "$T/said")"
	eractl receive "$T/copy" --json < "$T/full" > "$T/json"
	same "$(json "$T/json" '"$o->{already} $o->{token}"')" "1 $(token 1)"
	same "$(stat -c '%y %z' "$T/copy")" "$(cat "$T/times")"
	# The stream is read to its end, so damage in it is an error.
	head -c -100 "$T/full" > "$T/cut"
	eractl receive "$T/copy" < "$T/cut" > "$T/said" 2>&1 && fail "a stream that was cut was taken"
	cmp "$T/copy" "$T/v1"
	touch "$T/copy"
	refuses 1 "it has content, and the stream is a full copy" "$T/copy" "$T/full"
	# A missing directory does not mean that a full copy is due.
	refuses 1 "$T/none/copy: cannot create the copy: No such file or directory" "$T/none/copy" "$T/full"
}

test_receive_completes_a_cut_increment()
{
	DESCRIPTION="if the stream of an increment is cut at any place, receive of the same or a later increment completes the copy, and no other stream does"
	local bytes cut

	three_eras
	bytes=$(stat -c %s "$T/one_to_two")
	receives "$T/base" "$T/full" "$(token 1)"
	for cut in 5 20 100 $((bytes / 2)) $((bytes - 18)) $((bytes - 1)); do
		cp --preserve=all "$T/base" "$T/copy"
		head -c "$cut" "$T/one_to_two" > "$T/cut"
		refuses 1 "the stream was cut" "$T/copy" "$T/cut"
		if ((cut > 200)); then
			refuses 1 "but the stream is an increment on" "$T/copy" "$T/two_to_three"
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
	DESCRIPTION="if a copy has a part of an increment, and the volume was put back since, a later increment does not complete the copy"
	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	head -c $(($(stat -c %s "$T/one_to_two") - 1)) "$T/one_to_two" > "$T/cut"
	refuses 1 "the stream was cut" "$T/copy" "$T/cut"
	# Put the volume back to era 1, and go on.  The new increments do not contain the blocks
	# that were written in the first era 2.
	metadata "$T/back" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 2 era 3 mark 100 1 close
	eractl send "$T/back" --device "$T/v1" --since "$(token 1)" > "$T/other"
	refuses 3 "a full copy is due" "$T/copy" "$T/other"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	cmp "$T/copy" "$T/v2"
}

test_receive_writes_nothing_of_a_damaged_group()
{
	DESCRIPTION="receive refuses a stream of send with any changed byte, and writes nothing of the group with this byte"
	local bytes at

	three_eras
	receives "$T/base" "$T/full" "$(token 1)"
	bytes=$(stat -c %s "$T/two_to_three")
	receives "$T/base" "$T/one_to_two" "$(token 2)"
	# Damage a byte of the magic, of the names and the size, of the first check, of a record, of
	# data, of the last check, and of the end.
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
	DESCRIPTION="receive gets all groups of a stream; it finds damage in the last group after it has written the earlier groups"
	truncate -s $((1000 * 65536)) "$T/v"
	random 9 $((1000 * 65536)) > "$T/v"
	metadata "$T/m" format 1000 128 timeline 77 era 1 mark 0 1000 close
	eractl send "$T/m" --device "$T/v" > "$T/full"
	receives "$T/copy" "$T/full" "$(token 1)"
	cmp "$T/copy" "$T/v"
	perl -e 'local $/; my $s = <STDIN>; substr($s, -1000, 1) ^= "\x01"; print $s' < "$T/full" > "$T/bad"
	refuses 1 "got the checksum" "$T/other" "$T/bad"
	cmp -n $((48 << 20)) "$T/other" "$T/v"
	# Limit the memory: receive needs memory for the data of one group, 16 MiB, and for a buffer
	# to read the data back.
	(ulimit -v 120000 && eractl send "$T/m" --device "$T/v" | eractl receive "$T/small" > "$T/said")
	cmp "$T/small" "$T/v"
}

test_send_refuses_what_is_no_increment()
{
	DESCRIPTION="send refuses a token that the metadata does not know (status 3), the current era, a short device, and a terminal"
	local status=0

	three_eras
	eractl send "$T/m3" --device "$T/v3" --since "$(token 3)" > "$T/out" 2> "$T/said" && fail "send accepted the token of the current era"
	grep -F "expected an older one" "$T/said"
	[[ ! -s $T/out ]] || fail "the command printed something"
	eractl send "$T/m3" --device "$T/v3" --since "$uuid:000000000000004e:1" > "$T/out" 2> "$T/said" || status=$?
	same $status 3
	grep -F "a full copy is due" "$T/said"
	[[ ! -s $T/out ]] || fail "the command printed something"
	status=0
	eractl send "$T/m3" --device "$T/v3" --to "$uuid:000000000000004e:1" > "$T/out" 2> "$T/said" || status=$?
	same $status 3
	truncate -s -512 "$T/v3"
	refused "expected the $size of volume" eractl send "$T/m3" --device "$T/v3"
	refused "since 1: expected a token" eractl send "$T/m3" --device "$T/v3" --since 1
	refused "--device DEV is missing" eractl send "$T/m3"
	refused "expected --device DEV and --to TOKEN together" eractl send data --device "$T/v3"
	script -qec "eractl send '$T/m3' --device '$T/v3'" /dev/null < /dev/null > "$T/said" && fail "send wrote to a terminal"
	grep -F "not for a terminal" "$T/said"
}

test_send_says_that_the_output_failed()
{
	DESCRIPTION="send to a full device fails and says why; if the device is written while send reads it, the stream has no end, so that receive refuses it"
	three_eras
	refused "cannot write the output: No space left on device" bash -c 'eractl send "$0" --device "$1" > /dev/full' "$T/m3" "$T/v3"
	truncate -s $((1000 * 65536)) "$T/v"
	random 9 $((1000 * 65536)) > "$T/v"
	metadata "$T/m" format 1000 128 timeline 77 era 1 mark 0 1000 close
	mkfifo "$T/pipe"
	eractl send "$T/m" --device "$T/v" > "$T/pipe" 2> "$T/said" &
	# The pipe is full long before the end of the volume, so the writes below happen while send
	# runs.
	{
		head -c 1000000 > "$T/begin"
		echo more >> "$T/v"
		cat
	} < "$T/pipe" > "$T/rest"
	wait $! && fail "the command exited with 0, expected a failure"
	grep -F "was written to while it was sent, so the stream has no end" "$T/said"
	cat "$T/begin" "$T/rest" > "$T/stream"
	refuses 1 "the stream was cut" "$T/copy" "$T/stream"
}

test_receive_notes_in_a_file_where_a_copy_stands()
{
	DESCRIPTION="receive --state keeps the state of a copy in a file, and refuses a file with other content"
	three_eras
	eractl receive "$T/copy" --state "$T/state" < "$T/full" > /dev/null
	refuses 3 "not known to be a copy" "$T/copy" "$T/one_to_two"
	eractl receive "$T/copy" --state "$T/state" < "$T/one_to_two" > /dev/null
	cmp "$T/copy" "$T/v2"
	echo "my letters" > "$T/letters"
	refused "this is not the state of a copy" eractl receive "$T/copy" --state "$T/letters" < "$T/two_to_three"
	same "$(cat "$T/letters")" "my letters"
	cmp "$T/copy" "$T/v2"
	# A file that only looks as if it were made for the next state.
	cp "$T/letters" "$T/state.new"
	(umask 027 && eractl receive "$T/copy" --state "$T/state" < "$T/two_to_three" > /dev/null)
	same "$(cat "$T/state.new")" "my letters"
	same "$(stat -c %a "$T/state")" 640
	same "$(cd "$T" && echo state*)" "state state.new"
}

test_receive_binds_a_state_in_a_file_to_its_copy()
{
	DESCRIPTION="receive --state refuses a copy whose content has changed since the last receive, even if its modification time is the same"
	local at

	three_eras
	eractl receive "$T/base" --state "$T/state" < "$T/full" > /dev/null
	# The seal always contains the first and the last MiB.
	for at in 0 1000000 $((size - 1000000)) $((size - 1)); do
		cp --preserve=all "$T/base" "$T/copy"
		printf x | dd of="$T/copy" bs=1 seek="$at" conv=notrunc status=none
		touch -r "$T/base" "$T/copy"
		cp "$T/copy" "$T/before"
		stated 3 "$T/copy: a full copy is due: it was written since" "$T/one_to_two"
		cmp "$T/copy" "$T/before"
	done
	# The copy is recognized at another path, too.
	cp --preserve=all "$T/base" "$T/copy"
	stated 0 "$(token 2)" "$T/one_to_two"
	cmp "$T/copy" "$T/v2"
	# Use an old copy with the state of a newer one.
	cp --preserve=all "$T/base" "$T/copy"
	stated 3 "a full copy is due" "$T/two_to_three"
	cmp "$T/copy" "$T/v1"
}

test_receive_notices_a_write_to_an_unfinished_copy()
{
	DESCRIPTION="a copy whose stream was cut, and to which something else has written since, is not completed"
	three_eras
	receives "$T/base" "$T/full" "$(token 1)"
	head -c 1000000 "$T/one_to_two" > "$T/cut"
	cp --preserve=all "$T/base" "$T/copy"
	refuses 1 "the stream was cut" "$T/copy" "$T/cut"
	printf x | dd of="$T/copy" bs=1 seek=1000000 conv=notrunc status=none
	refuses 3 "$T/copy: a full copy is due: it was written since" "$T/copy" "$T/one_to_two"
	eractl receive "$T/copy" --overwrite < "$T/one_to_two" > "$T/said" 2>&1 && fail "--overwrite completed it"
	# Do the same with a state in a file.
	cp --preserve=all "$T/base" "$T/copy"
	eractl receive "$T/copy" --state "$T/state" --overwrite < "$T/full" > /dev/null
	stated 1 "the stream was cut" "$T/cut"
	cp --preserve=all "$T/copy" "$T/other"
	printf x | dd of="$T/copy" bs=1 seek=1000000 conv=notrunc status=none
	touch -r "$T/other" "$T/copy"
	stated 3 "$T/copy: a full copy is due: it was written since" "$T/one_to_two"
	cp --preserve=all "$T/other" "$T/copy"
	stated 0 "$(token 2)" "$T/one_to_two"
	cmp "$T/copy" "$T/v2"
	# A full copy was cut, and another program has written to the file since.
	head -c 100000 "$T/full" > "$T/cut"
	refuses 1 "the stream was cut" "$T/new" "$T/cut"
	echo letters > "$T/new"
	refuses 1 "--overwrite overwrites the copy" "$T/new" "$T/full"
	same "$(cat "$T/new")" letters
	eractl receive "$T/new" --overwrite < "$T/full" > /dev/null
	cmp "$T/new" "$T/v1"
}

test_receive_overwrites_only_the_device_of_its_state()
{
	DESCRIPTION="receive --overwrite overwrites only the device that the state names, because the state may have been named by mistake"
	three_eras
	eractl receive "$T/copy" --state "$T/state" < "$T/full" > /dev/null
	cp --preserve=all "$T/copy" "$T/before"
	# Give the state the identity of another disk.
	sed -i '0,/^place/s/^place/device 8192\ndm_uuid LVM-another\nserial \npart_uuid \n&/' "$T/state"
	eractl receive "$T/copy" --state "$T/state" --overwrite < "$T/full" > "$T/said" 2>&1 && fail "another device was overwritten"
	grep -q "$T/copy: $T/state contains the state of another copy: expected device-mapper UUID LVM-another, .*, got a file; if $T/copy is the device to write to, remove the state $T/state, or name another file with --state" "$T/said" ||
		fail "got $(cat "$T/said")"
	cmp "$T/copy" "$T/before"
	rm "$T/state"
	eractl receive "$T/copy" --state "$T/state" --overwrite < "$T/full" > /dev/null
}

test_receive_makes_no_file_in_dev()
{
	DESCRIPTION="receive makes no new file in /dev, whatever path names this directory; if the directory of the copy is missing, the message says so"
	local name=no-such-disk-of-erad target

	three_eras
	ln -s /dev "$T/link"
	for target in "/dev/$name" "$T/link/$name"; do
		refuses 1 "$target: there is no such device; a file in /dev would be in memory" "$target" "$T/full"
		[[ ! -e $target ]] || {
			rm "$target"
			fail "there is a file $target"
		}
	done
	refuses 1 "$T/missing/copy: cannot create the copy: No such file or directory" "$T/missing/copy" "$T/full"
}

test_receive_says_that_it_waits_for_the_end_of_its_input()
{
	DESCRIPTION="if the writer of a stream keeps the pipe open after the end of the stream, receive says what it waits for, and then goes on"
	local receiver

	three_eras
	mkfifo "$T/pipe"
	eractl receive "$T/copy" < "$T/pipe" > "$T/said" 2> "$T/err" &
	receiver=$!
	exec 9> "$T/pipe"
	cat "$T/full" >&9
	until [[ -s $T/err ]] || ! kill -0 $receiver 2> /dev/null; do
		sleep 0.1
	done
	grep -q "$T/copy: the stream has ended, but standard input is still open: receive waits" "$T/err" || fail "got $(cat "$T/err")"
	exec 9>&-
	wait $receiver
	cmp "$T/copy" "$T/v1"
	same "$(wc -l < "$T/err")" 1
}

# receive_half: begins to receive an increment in the background, as the process $half, which waits
# for more input from file descriptor 9. While the process waits, the state says that the copy is
# unfinished.
receive_half()
{
	rm -f "$T/pipe"
	mkfifo "$T/pipe"
	eractl receive "$T/copy" --state "$T/state" < "$T/pipe" > "$T/half" 2>&1 9>&- &
	half=$!
	exec 9> "$T/pipe"
	head -c 1000000 "$T/one_to_two" >&9
	eventually grep -q '^unfinished' "$T/state"
}

test_receive_notices_that_its_list_of_written_extents_was_cut()
{
	DESCRIPTION="receive does not say that the copy was read back if the temporary file that lists what to read back has lost its end or has zeros in place of an extent; the stream can be received again"
	local nth fault

	three_eras
	unset TMPDIR
	strace -y -o "$T/calls" -e trace=read eractl receive "$T/first" --state "$T/first.state" < "$T/full" > /dev/null
	nth=$(nth_call read '/tmp/\.erad-' "$T/calls")
	for fault in retval=0 "poke_exit=@arg2=$(printf '0%.0s' {1..48})"; do
		rm -f "$T/new" "$T/new.state"
		refused "$T/new: the temporary file in /tmp has lost data: got " strace -qq -y -o "$T/calls" \
			-e "inject=read:$fault:when=$nth" eractl receive "$T/new" --state "$T/new.state" < "$T/full"
		grep -q '^read([0-9]*</tmp/\.erad-.*INJECTED' "$T/calls" || fail "$fault: strace has changed another call: $(cat "$T/calls")"
		eractl receive "$T/new" --state "$T/new.state" < "$T/full" > /dev/null
		cmp "$T/new" "$T/v1"
	done
}

test_receive_does_not_trust_a_copy_after_it_was_killed()
{
	DESCRIPTION="after receive was killed, it is not known whether the copy was written since: the next receive requires --overwrite"
	local half

	three_eras
	eractl receive "$T/copy" --state "$T/state" < "$T/full" > /dev/null
	receive_half
	kill -KILL "$half"
	wait "$half" || :
	exec 9>&-
	stated 1 "was killed, or the power failed, so something else may have written to the copy" "$T/one_to_two"
	cmp "$T/copy" "$T/v1"
	eractl receive "$T/copy" --state "$T/state" --overwrite < "$T/one_to_two" > /dev/null
	cmp "$T/copy" "$T/v2"
	eractl receive "$T/copy" --state "$T/state" < "$T/two_to_three" > /dev/null
	cmp "$T/copy" "$T/v3"
}

test_receive_that_is_interrupted_notes_the_state()
{
	DESCRIPTION="if SIGTERM or SIGHUP ends receive, receive first notes the state of the copy, so that the next receive completes the copy"
	local half name status

	three_eras
	eractl receive "$T/base" --state "$T/first" < "$T/full" > /dev/null
	for name in TERM HUP; do
		cp --preserve=all "$T/base" "$T/copy"
		cp "$T/first" "$T/state"
		receive_half
		kill "-$name" "$half"
		status=0
		wait "$half" || status=$?
		exec 9>&-
		same "$status" 1
		grep -F "the copy is between two moments" "$T/half"
		stated 0 "$(token 2)" "$T/one_to_two"
		cmp "$T/copy" "$T/v2"
	done
}

test_receive_waits_for_a_lock()
{
	DESCRIPTION="receive waits if another process locks the copy for a short time, as udev locks a disk"
	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	# The shell below makes the file "locked" while flock holds the lock.
	flock --shared "$T/copy" bash -c 'touch "$0"; sleep 1' "$T/locked" &
	eventually test -e "$T/locked"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	cmp "$T/copy" "$T/v2"
}

test_receive_takes_no_data_after_the_end()
{
	DESCRIPTION="receive refuses a stream with data after its end, with and without checksums, and does not write its last group"
	local from=tests/fuzz/corpus/stream

	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	# Append a second increment to the first one.  If only the first one were received, the data
	# of the second one would be lost.
	cat "$T/one_to_two" "$T/two_to_three" > "$T/both"
	refuses 1 "got the end, and more data after it" "$T/copy" "$T/both"
	cmp "$T/copy" "$T/v1"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	cmp "$T/copy" "$T/v2"
	receives "$T/rbd" $from/rbd_full monday
	cp "$T/rbd" "$T/before"
	cat $from/rbd_increment <(echo) > "$T/both"
	refuses 1 "got the end, and more data after it" "$T/rbd" "$T/both"
	cmp "$T/rbd" "$T/before"
	receives "$T/rbd" $from/rbd_increment tuesday
	# Use a stream without any record, and a stream that was received already. Both contain data
	# after the end.
	printf 'rbd diff v1\nt\1\0\0\0as\0\2\0\0\0\0\0\0ee' > "$T/empty"
	refuses 1 "got the end, and more data after it" "$T/new" "$T/empty"
	cat "$T/one_to_two" <(echo) > "$T/both"
	refuses 1 "got the end, and more data after it" "$T/copy" "$T/both"
}

test_receive_makes_the_names_of_files_durable()
{
	DESCRIPTION="receive makes the directories durable in which it has created the copy and the state; diff --format qcow2 does the same"
	three_eras
	mkdir "$T/a" "$T/b" "$T/c"
	strace -y -e trace=fsync -o "$T/calls" eractl receive "$T/a/copy" --state "$T/b/state" < "$T/full"
	grep -F "<$T/a>) " "$T/calls"
	grep -F "<$T/b>) " "$T/calls"
	strace -y -e trace=fsync -o "$T/calls" eractl diff "$T/m3" --since "$(token 1)" --device "$T/v3" --format qcow2 "$T/c/q"
	grep -F "<$T/c>) " "$T/calls"
}

test_receive_takes_what_rbd_export_diff_writes()
{
	DESCRIPTION="receive takes streams of Ceph's rbd export-diff, in order, and the copy equals the output of rbd export"
	local from=tests/fuzz/corpus/stream

	receives "$T/copy" $from/rbd_full monday
	sha256sum --check --status <<< "00c631fc71ac5bfbcbf012251b5eedd742837375a3fb330422141962a8328ed4  $T/copy"
	refuses 1 "but the stream is an increment on" "$T/copy" $from/rbd_head
	receives "$T/copy" $from/rbd_increment tuesday
	sha256sum --check --status <<< "e886fa905ebd0251807b63f93b7d36beb2c9877c5ebdbec4a82f163575d1a0f1  $T/copy"
	grep -F "the stream has no checksums" "$T/said"
	# This increment begins at a snapshot, and ends at the current image, which is smaller.
	eractl receive "$T/copy" < $from/rbd_head > "$T/said"
	sha256sum --check --status <<< "5d306ca61624ab876bbd4d8bb66d5d0c675e97f116e702c0313d8886bf81076c  $T/copy"
	refuses 3 "a full copy is due" "$T/copy" $from/rbd_head
}
