# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl receive: what it reads back, and two receives of one file at the same time.

# shellcheck source=tests/tools/volumes.sh
. tests/tools/volumes.sh

test_receive_reads_zeros_back()
{
	DESCRIPTION="receive notices that a file has kept its old content where zeros were to be written"
	three_eras
	receives "$T/copy" "$T/full" "$(token 1)"
	cp --preserve=all "$T/copy" "$T/before"
	# The kernel says that it has made a hole, but makes none.
	strace -o "$T/calls" -e trace=fallocate -e inject=fallocate:retval=0 \
		eractl receive "$T/copy" < "$T/one_to_two" > "$T/said" 2>&1 && fail "receive succeeded, expected a failure"
	grep -qF "bytes at byte $((5 * 65536)) read back with other content than was written" "$T/said" || fail "got $(cat "$T/said")"
	# The kernel says that it can make no hole, so receive writes zeros.
	strace -o "$T/calls" -e trace=fallocate -e inject=fallocate:error=EOPNOTSUPP \
		eractl receive "$T/before" < "$T/one_to_two" > "$T/said"
	cmp "$T/before" "$T/v2"
	receives "$T/copy" "$T/one_to_two" "$(token 2)"
	cmp "$T/copy" "$T/v2"
}

test_receive_keeps_the_state_out_of_the_copy()
{
	DESCRIPTION="receive refuses a state in the file of the copy, by each name of it, whether it exists or not"
	local name
	three_eras
	mkdir "$T/d"
	ln -s . "$T/d/here"
	for name in "$T/d/copy" "$T/d/../d/copy" "$T/d/here/copy"; do
		refused "--state $name is the same file" eractl receive "$T/d/copy" --state "$name" < "$T/full"
		(cd "$T/d" && refused "--state $name is the same file" eractl receive copy --state "$name" < "$T/full")
		same "$(ls "$T/d")" here
	done
	receives "$T/d/copy" "$T/full" "$(token 1)"
	ln "$T/d/copy" "$T/d/hard"
	ln -s copy "$T/d/soft"
	for name in copy hard soft; do
		refused "--state $T/d/$name is the same file" eractl receive "$T/d/copy" --state "$T/d/$name" --overwrite < "$T/full"
		cmp "$T/d/copy" "$T/v1"
	done
}

test_receive_says_that_the_copy_was_removed()
{
	DESCRIPTION="receive fails, and says so, if the file of the copy is removed or replaced while receive writes to it"
	local receive i
	three_eras
	mkfifo "$T/pipe"
	for i in removed replaced; do
		eractl receive "$T/copy" --state "$T/state" < "$T/pipe" > "$T/said" 2>&1 &
		receive=$!
		exec 9> "$T/pipe"
		head -c 1000000 "$T/full" >&9
		eventually test -e "$T/state"
		rm "$T/copy"
		[[ $i == removed ]] || echo other > "$T/copy"
		tail -c +1000001 "$T/full" >&9
		exec 9>&-
		wait $receive && fail "receive succeeded although the copy was $i"
		grep -F "$T/copy: another program has removed, renamed or replaced this file" "$T/said" || fail "$(cat "$T/said")"
		rm "$T/state"
	done
	same "$(cat "$T/copy")" other
}

test_receive_writes_to_no_removed_file()
{
	DESCRIPTION="receive fails if another program removes the file while receive waits for its lock"
	local receive

	three_eras
	touch "$T/copy"
	exec 9< "$T/copy"
	flock 9
	eractl receive "$T/copy" < "$T/full" > "$T/said" 2>&1 9>&- &
	receive=$!
	# Until the shell's child has become eractl, the child has the lock's descriptor of the same file.
	until [[ $(< "/proc/$receive/comm") == eractl && $(ls -l "/proc/$receive/fd") == *"$T/copy"* ]]; do
		sleep 0.05
	done
	rm "$T/copy"
	exec 9<&-
	wait "$receive" && fail "receive filled a removed file"
	grep -qF "$T/copy: it was removed or replaced just now; run receive again" "$T/said" || fail "got $(cat "$T/said")"
	[[ ! -e $T/copy ]] || fail "receive made a file"
	receives "$T/copy" "$T/full" "$(token 1)"
}

test_temporary_files_are_in_tmpdir()
{
	DESCRIPTION="send, receive and restore make their temporary files in TMPDIR, and an error names the directory"
	three_eras
	TMPDIR=$T/none refused "cannot make a temporary file in $T/none: No such file or directory; set TMPDIR to a directory with more room" \
		eractl receive "$T/copy" < "$T/full"
	TMPDIR=$T/none refused "cannot make a temporary file in $T/none: No such file or directory; set TMPDIR" \
		eractl send "$T/m1" --device "$T/v1"
	TMPDIR=$T/none refused "standard input: cannot make a temporary file in $T/none: No such file or directory; set TMPDIR" \
		eractl restore "$T/restored" < <(eractl dump "$T/m1")
	[[ ! -e $T/copy ]] || fail "receive has left a file"
	TMPDIR=$T receives "$T/copy" "$T/full" "$(token 1)"
	[[ -z $(find "$T" -name '.erad-*') ]] || fail "a temporary file was left"
}
