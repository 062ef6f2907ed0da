# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Files that a command replaces by a new file: nothing but a regular file is replaced, and symbolic
# links are followed.

# shellcheck source=tests/tools/volumes.sh
. tests/tools/volumes.sh

# backs_up REPORT [ARGUMENT…]: makes a full copy in a new directory
backs_up()
{
	local report=$1

	shift
	rm -rf "$T/dir"
	mkdir "$T/dir"
	eractl backup "$T/m1" "$T/dir" --device "$T/v1" --init --report "$report" "$@"
}

test_backup_replaces_no_device_by_its_report()
{
	DESCRIPTION="backup --report refuses a FIFO, a directory, and a link to a device or to nothing, before the backup begins and after a wrong command line; it follows a link to a file"
	three_eras
	metadata "$T/m1" close-sealed "$T/v1"
	mkfifo "$T/fifo"
	mkdir "$T/directory"
	ln -s /dev/null "$T/null"
	ln -s nothing "$T/dangling"
	for name in fifo directory null; do
		refused "cannot write the report: $T/$name is no regular file; expected a regular file, or no file; leave out --report" backs_up "$T/$name"
		[[ ! -e $T/dir/MANIFEST ]] || fail "a backup was made"
		refused "cannot write the report: $T/$name is no regular file" backs_up "$T/$name" --keep nonsense
	done
	refused "$T/dangling is a symbolic link, and the file to which it leads does not exist" backs_up "$T/dangling"
	[[ -e $T/dir/full-000001.erad ]] || fail "no backup was made, because the link leads to no file"
	[[ -p $T/fifo && -d $T/directory && -L $T/null && -L $T/dangling ]] || fail "something was replaced: $(ls -l "$T")"
	mkdir "$T/reports"
	echo '{"version":1,"last_success":17}' > "$T/reports/real.json"
	ln -s reports/real.json "$T/link.json"
	backs_up "$T/link.json" --keep nonsense 2> /dev/null && fail "the command succeeded, expected a failure"
	[[ -L $T/link.json ]] || fail "the link was replaced"
	same "$(json "$T/reports/real.json" '"$o->{success} $o->{last_success}"')" "0 17"
	backs_up "$T/link.json" > /dev/null
	same "$(json "$T/reports/real.json" '$o->{success}')" 1
	same "$(echo "$T"/reports/*)" "$T/reports/real.json"
}

test_receive_replaces_no_device_by_its_state()
{
	DESCRIPTION="receive --state refuses a FIFO at once, writes nothing then, and follows a link to the state"
	three_eras
	mkfifo "$T/fifo"
	refused "$T/fifo is no regular file; expected a regular file, or no file" \
		timeout --signal=KILL 20 eractl receive "$T/copy" --state "$T/fifo" < "$T/full"
	[[ -p $T/fifo && ! -e $T/copy ]] || fail "the FIFO was replaced, or a copy was made"
	eractl receive "$T/copy" --state "$T/state" < "$T/full" > /dev/null
	ln -s state "$T/link"
	eractl receive "$T/copy" --state "$T/link" < "$T/one_to_two" > /dev/null
	[[ -L $T/link ]] || fail "the link was replaced"
	eractl receive "$T/copy" --state "$T/state" < "$T/two_to_three" > /dev/null
	cmp "$T/copy" "$T/v3"
}

test_the_text_file_follows_a_link()
{
	DESCRIPTION="erad-exporter --textfile replaces the file to which a symbolic link leads, and not the link"
	echo old > "$T/real"
	ln -s real "$T/link"
	erad-exporter --socket "$T/none" --textfile "$T/link" 2> /dev/null
	[[ -L $T/link ]] || fail "the link was replaced"
	grep -q erad_up "$T/real" || fail "got $(cat "$T/real")"
}
