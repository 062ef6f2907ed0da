# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions of the cases in cases/: metadata with some content, damage and comparisons.
#
# A case is a function test_NAME that sets DESCRIPTION first. It runs in a shell of its own with
# errexit, in which $T is an empty directory.

fail()
{
	printf 'FAIL: %s:%s: %s\n' "${FUNCNAME[1]}" "${BASH_LINENO[0]}" "$*" >&2
	exit 1
}

# same GOT WANT: fails unless the two are equal
same()
{
	[[ $1 == "$2" ]] && return
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") | head -n 20 >&2
	fail "called by ${FUNCNAME[1]}:${BASH_LINENO[0]}: got (<) is not what was expected (>)"
}

# refused TEXT COMMAND…: checks that the command fails, with TEXT on standard error.
refused()
{
	local text=$1 out

	shift
	out=$("$@" 2>&1 > /dev/null) && fail "the command succeeded, expected a failure: $*"
	[[ $out == *"$text"* ]] || fail "got '$out' from $*, expected '$text'"
}

# eventually COMMAND…: waits until COMMAND succeeds, at most two minutes
eventually()
{
	local i

	for ((i = 0; i < 2400; i++)); do
		! "$@" 2> /dev/null || return 0
		sleep 0.05
	done
	fail "called by ${FUNCNAME[1]}:${BASH_LINENO[0]}: not within two minutes: $*$(tail -n +1 -v "$T"/{said,*.log} 2> /dev/null)"
}

# nth_call CALL PATTERN LOG: prints which of the calls in a log of strace -y is the first call on a
# file whose path contains the pattern
nth_call()
{
	grep "^$1(" "$3" | grep -nm 1 "^$1([0-9]*<[^>]*$2" | cut -d : -f 1
}

# with_eratab COMMAND…: runs the command in a mount namespace in which $T/etc/eratab is /etc/eratab
with_eratab()
{
	unshare --mount --map-root-user sh -ec 'mount --bind "$T/etc" /etc; exec "$@"' sh "$@"
}

# json FILE EXPRESSION: prints the value of a Perl expression, in which $o is the JSON object in FILE
json()
{
	perl -MJSON::PP -e 'local $/; open F, "<", $ARGV[0] or die; $o = decode_json(<F>); print eval $ARGV[1], "\n"; die $@ if $@' "$@"
}

# The numbers of the first page of the journal, and of the first page of the era array.
readonly journal=19 array=35

# The pages of the metadata that used() makes: superblocks 0 and 1, degrade record 2, history 3 to
# 18, journal 19 to 34, era array 35, 37, 39 and 41, each followed by its copy. A sector contains
# 124 blocks, and a page contains 992. The last page contains 3 sectors.  The last of these sectors
# contains 1 block.
#
# used FILE: makes metadata with eras 1 and 2 in the array, and eras 3 and 4 in the journal. The
# journal contains seven groups of one page, in pages 24 to 30. The metadata is not closed.
used()
{
	metadata "$1" format 3225 5 era 1 mark 0 100 mark 500 50 era 2 mark 1000 10 fold \
		era 3 mark 2000 5 mark 2990 235 era 4 mark 3 1 mark 700 20 mark 1000 1
}

# overwrite FILE OFFSET LENGTH: writes random bytes. Each call with the same length writes the same
# bytes.
overwrite()
{
	perl -e 'srand 7; print pack "C*", map { int rand 256 } 1 .. $ARGV[0]' "$3" |
		dd of="$1" bs=4096 seek="$2" oflag=seek_bytes conv=notrunc status=none
}

# zero FILE OFFSET LENGTH: writes zeros
zero()
{
	head -c "$3" /dev/zero | dd of="$1" bs=4096 seek="$2" oflag=seek_bytes conv=notrunc status=none
}

# eras FILE: prints a line "block era" for each block that was written
eras()
{
	eractl dump "$1" | sed -n 's/^ *<era block="\([0-9]*\)" era="\([0-9]*\)".*/\1 \2/p'
}

# only_more BEFORE AFTER: checks that no block has an older era than before, and prints how many
# blocks have a newer era
only_more()
{
	awk 'NR == FNR { before[$1] = $2; next }
		{ more += $2 > before[$1]; if ($2 < before[$1]) older++; delete before[$1] }
		END { for (b in before) gone++; print more + 0; exit older + gone > 0 }' "$1" "$2" ||
		fail "blocks have an older era than before"
}

# mended FILE BEFORE TEXT BLOCKS [SAID]: repairs the file.  Before the repair, check finds a fault.
# repair prints TEXT, and says that at most SAID blocks have a newer era than before.  Compared with
# BEFORE, exactly BLOCKS blocks have a newer era, and none has an older era.  After the repair,
# check finds no fault.
mended()
{
	local file=$1 more said=${5-$4}

	eractl check "$file" > "$T/found" && fail "check found nothing"
	[[ -s $T/found ]] || fail "check said nothing"
	eractl check --json "$file" > "$T/found.json" && fail "check --json found nothing"
	(($(json "$T/found.json" 'scalar @{$o->{faults}}') > 0)) || fail "check --json listed nothing"
	cp "$file" "$T/again"
	eractl repair "$file" > "$T/said" || fail "repair failed"
	grep -qF -- "$3" "$T/said" || fail "repair said '$(cat "$T/said")', expected '$3'"
	eractl check "$file" > "$T/found" || fail "check found after the repair: $(cat "$T/found")"
	eras "$file" > "$T/after"
	more=$(only_more "$2" "$T/after")
	same "$more" "$4"
	if ((said)); then
		grep -qE "^up to $said blocks? \(" "$T/said" || fail "repair did not say $said blocks: $(cat "$T/said")"
	else
		grep -qx 'no block counts as written in a newer era than before' "$T/said" || fail "got $(cat "$T/said")"
	fi
	eractl repair "$T/again" --json > "$T/said.json"
	same "$(json "$T/said.json" '$o->{over_marked_blocks}')" "$said"
	eractl repair "$file" | grep -x 'nothing to repair' || fail "a second repair found something"
}
