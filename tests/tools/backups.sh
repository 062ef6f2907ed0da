# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Directories of backups of closed volumes, for the tests of backup and restore-backup.

# shellcheck source=tests/tools/volumes.sh
. tests/tools/volumes.sh

# sealed N: closes $T/mN with a seal of $T/vN, as erad does
sealed()
{
	metadata "$T/m$1" close-sealed "$T/v$1"
}

# Makes a closed volume with copies in eras 1 to 3, and an empty directory for its backups.
volumes()
{
	local i

	three_eras
	for i in 1 2 3; do
		sealed $i
	done
	mkdir "$T/dir"
}

# backs_up N ARGUMENT…: backs up the volume in era N, and keeps the output in $T/said
backs_up()
{
	local n=$1

	shift
	eractl backup "$T/m$n" "$T/dir" --device "$T/v$n" "$@" > "$T/said" 2>&1 || fail "exit code $?: $(cat "$T/said")"
}

# says TEXT: checks that the last command has printed the text
says()
{
	grep -qF -- "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
}

# restores FILE [ARGUMENT…]: restores to $T/restored, and compares the result with the file
restores()
{
	local file=$1

	shift
	rm -f "$T/restored"
	eractl restore-backup "$T/dir" "$T/restored" "$@" > "$T/restore_said" || fail "restore-backup: exit code $?"
	cmp "$T/restored" "$file"
	[[ ! -e $T/restored.unfinished ]] || fail "a file was left"
}

# files: prints the names in $T/dir, in one line
files()
{
	(cd "$T/dir" && echo *)
}

# volumes_of_four_eras: like volumes, but the volume is in era 4, in which nothing was written
volumes_of_four_eras()
{
	volumes
	cp "$T/v3" "$T/v4"
	sealed 4
}

# restores_all: restores each copy in MANIFEST, and compares the result with $T/vN, the content of the
# volume in era N, where N is the era in the token of the copy
restores_all()
{
	local era

	while read -r era; do
		restores "$T/v$era" --at "$(token "$era")"
	done < <(grep -o '"token":"[^"]*"' "$T/dir/MANIFEST" | sed 's/.*:\([0-9]*\)"/\1/' | sort -u)
}

# two_chains: makes two chains in $T/dir. A chain is a full copy with its increments. The chains are
# full-000001 with incr-000002 and incr-000003, and full-000004 with incr-000005.
two_chains()
{
	backs_up 1 --init
	backs_up 2
	backs_up 3
	backs_up 2 --full
	backs_up 3
	same "$(files)" "LOCK MANIFEST full-000001.erad full-000004.erad incr-000002.erad incr-000003.erad incr-000005.erad"
}
