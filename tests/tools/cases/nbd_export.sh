# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# SPDX-License-Identifier: GPL-2.0-or-later
# Backups to an export of an NBD server that has other content than the last backup has left, or
# that reads and writes wrongly.

# shellcheck source=tests/tools/nbd.sh
. tests/tools/nbd.sh

# interrupted N ARGUMENT…: does as to_nbd, and kills the server when the state is noted, before
# anything is written to the file $file
interrupted()
{
	local backup

	serve --filter=delay file "$file" delay-write=5 delay-zero=5
	to_nbd "$@" &
	backup=$!
	eventually grep -q '^unfinished' "$T/state"
	ends_server KILL
	wait $backup && fail "the backup succeeded"
	return 0
}

test_nbd_backup_recognizes_a_first_copy_that_was_interrupted_twice()
{
	DESCRIPTION="an export with a part of the first copy is recognized, even if the beginning of the volume has changed since then and a second backup has written nothing"
	local backup
	volumes_for_nbd
	random 22 "$size" > "$T/v1"
	sealed 1
	# One request at a time, so that a small part of the copy is written.
	serve --threads=1 --filter=delay file "$T/export" delay-write=500ms
	to_nbd 1 --init &
	backup=$!
	eventually cmp -s -n 1048576 "$T/v1" "$T/export"
	ends_server KILL
	wait $backup && fail "the backup succeeded"
	between "" 1
	printf x | dd of="$T/v1" bs=1 seek=1100 conv=notrunc status=none
	sealed 1
	cp "$T/state" "$T/state1"
	serve --filter=delay file "$T/export" delay-write=60 delay-zero=60
	to_nbd 1 &
	backup=$!
	eventually eval '! cmp -s "$T/state" "$T/state1"'
	ends_server KILL
	wait $backup && fail "the backup succeeded"
	between "" 1
	serve file "$T/export"
	copied 1
	says "full copy"
	at 1
}

# serve_eval PREAD PWRITE: serves $T/export by shell commands.  PREAD runs before each read, and
# PWRITE before each write.  $3 is the number of bytes, and $4 is the position.
serve_eval()
{
	serve eval get_size='echo 20971520' can_write='exit 0' can_flush='exit 0' flush='exit 0' \
		pread="$1; dd if=$T/export iflag=skip_bytes,count_bytes skip=\$4 count=\$3 bs=1M status=none" \
		pwrite="$2; dd of=$T/export iflag=fullblock oflag=seek_bytes seek=\$4 conv=notrunc bs=1M status=none"
}

test_nbd_backup_refuses_another_export()
{
	DESCRIPTION="backup refuses an export at the same URI that does not have the copy of the state, and leaves it as it is, also with --full and after an interrupted full copy; --overwrite overwrites it; an interrupted full copy is made again"
	local file
	volumes_for_nbd
	random 21 20971520 > "$T/other"
	cp "$T/other" "$T/before"
	serve file "$T/export"
	copied 1 --init
	ends_server
	serve file "$T/other"
	for option in "" --full; do
		# shellcheck disable=SC2086
		fails 1 "$uri: the export does not contain the copy in the state $T/state: " 2 $option
		says " places differ, the first is "
		says "give --overwrite if this export is to be overwritten"
		cmp "$T/other" "$T/before"
		at 1
	done
	ends_server
	# Nothing is written yet, so the export still contains what it contained when --overwrite
	# was given.
	file=$T/other interrupted 2 --overwrite
	between "" 2
	cmp "$T/other" "$T/before"
	# Another export, which is no longer the one that was to be overwritten.
	random 22 20971520 > "$T/third"
	cp "$T/third" "$T/before"
	serve file "$T/third"
	fails 1 "the export does not contain the copy in the state" 2
	says "give --overwrite"
	cmp "$T/third" "$T/before"
	between "" 2
	ends_server
	serve file "$T/other"
	to_nbd 2 || fail "$(cat "$T/said")"
	says "the last full copy was not completed"
	cmp -n "$size" "$T/v2" "$T/other"
	at 2
	to_nbd 3 || fail "$(cat "$T/said")"
	says "increment"
	ends_server
	serve file "$T/third"
	to_nbd 4 --overwrite || fail "$(cat "$T/said")"
	says "the export has other content than a copy of the volume, and --overwrite was given"
	cmp -n "$size" "$T/v4" "$T/third"
}

# thin N: makes a closed volume with ext4 and 1 MiB of files
thin()
{
	rm -rf "$T/files"
	mkdir "$T/files"
	random "$1" 1048576 > "$T/files/data"
	truncate -s "$size" "$T/v$1"
	mke2fs -q -F -t ext4 -d "$T/files" "$T/v$1"
	metadata "$T/m$1" format 300 5 timeline 77 era 1 mark 0 300 close-sealed "$T/v$1"
}

test_nbd_backup_refuses_another_thin_export()
{
	DESCRIPTION="backup refuses an export with another file system, although most of both are zeros, and although the last increment or full copy was not completed; it accepts its own copy after a mount, and an empty export for an empty volume"
	local file=$T/export
	thin 1
	thin 3
	cp "$T/v1" "$T/v2"
	metadata "$T/m2" format 300 5 timeline 77 era 1 mark 0 300 era 2 mark 0 64 close-sealed "$T/v2"
	cp "$T/v3" "$T/other"
	truncate -s 20M "$T/other"
	truncate -s 20M "$T/export"
	serve file "$T/export"
	copied 1 --init
	ends_server
	# foreign: checks that the other export is refused and stays as it is
	foreign()
	{
		serve file "$T/other"
		fails 1 "the export does not contain the copy in the state" 2
		cmp -n "$size" "$T/v3" "$T/other"
		fails 1 "the export does not contain the copy in the state" 2 --full
		cmp -n "$size" "$T/v3" "$T/other"
		ends_server
	}
	foreign
	at 1
	# A mount changes the superblock.
	printf 'mounted' | dd of="$T/export" bs=1 seek=$((1024 + 120)) conv=notrunc status=none
	serve file "$T/export"
	copied 2
	says "the export has other content than the last backup has left there"
	copied 1 --full
	ends_server
	interrupted 2
	between 1 2
	foreign
	between 1 2
	serve file "$T/export"
	copied 2
	says "increment"
	ends_server
	interrupted 2 --full
	between "" 2
	foreign
	# an empty volume
	rm "$T/state" "$T/export"
	truncate -s "$size" "$T/v4"
	truncate -s 20M "$T/export"
	metadata "$T/m4" format 300 5 timeline 77 era 1 mark 0 64 close-sealed "$T/v4"
	serve file "$T/export"
	copied 4 --init
	copied 4 --full
	ends_server
	serve file "$T/other"
	fails 1 "the export does not contain the copy in the state" 4 --full
	cmp -n "$size" "$T/v3" "$T/other"
}

test_nbd_backup_compares_around_what_it_writes_again()
{
	DESCRIPTION="after an interrupted increment, the next one forgives only the bytes that it writes; other content beside them makes a full copy"
	local file
	volumes_for_nbd
	file=$T/export
	serve file "$T/export"
	copied 1 --init
	ends_server
	interrupted 2
	between 1 2
	# As if the first blocks had been written, and the next one in part.
	dd if="$T/v2" of="$T/export" bs=1K skip=320 seek=320 count=150 conv=notrunc status=none
	serve file "$T/export"
	copied 2
	says "increment"
	copied 1 --full
	ends_server
	interrupted 2
	# The last MiB is one place.  The increment writes its blocks 290 to 299, and not 285.
	write_blocks "$T/export" 8 285 1
	serve file "$T/export"
	copied 2
	says "full copy"
	says "the export has other content than the last backup has left there: 1 of "
	at 2
}

test_nbd_backup_is_full_after_a_wrong_read_back()
{
	DESCRIPTION="if what was written reads back with other content, the next backup is full; if this cannot be noted, backup says to give --full"
	volumes_for_nbd
	serve file "$T/export"
	copied 1 --init
	ends_server
	serve_eval "[ ! -e $T/wrote ] || { mv $T/state $T/kept; mkdir $T/state; exec head -c \$3 /dev/urandom; }" ": > $T/wrote"
	fails 1 "read back with other content than was written" 2
	says "$T/state is no regular file; expected a regular file, or no file; give --full to the next backup"
	ends_server
	rmdir "$T/state"
	mv "$T/kept" "$T/state"
	between 1 2
	rm "$T/wrote"
	serve_eval "[ ! -e $T/wrote ] || exec head -c \$3 /dev/urandom" ": > $T/wrote"
	fails 1 "read back with other content than was written" 2
	says "the next backup makes a full copy again"
	between "" 2
	ends_server
	serve file "$T/export"
	copied 2
	says "full copy"
	says "the last full copy was not completed"
}

test_nbd_backup_full_writes_what_cannot_be_read()
{
	DESCRIPTION="if the server cannot read a place of the export, backup says that --full writes it again, and --full does this"
	volumes_for_nbd
	serve file "$T/export"
	copied 1 --init
	ends_server
	: > "$T/bad"
	serve_eval "[ ! -e $T/bad ] || [ \$4 -ge 1048576 ] || { echo EIO bad >&2; exit 1; }" "[ \$4 -ge 1048576 ] || rm -f $T/bad"
	fails 1 "cannot read at byte 0: Input/output error; a backup with --full writes all places of the export again" 2
	at 1
	copied 2 --full
	at 2
}

test_nbd_backup_locks_the_file_of_a_link()
{
	DESCRIPTION="backup locks the state also if another backup names it by a symbolic link"
	local backup
	volumes_for_nbd
	serve --filter=delay file "$T/export" delay-write=2
	setpriv --pdeathsig KILL eractl backup "$T/m1" "$uri" --device "$T/v1" --state "$T/real" --init > "$T/out" 2>&1 &
	backup=$!
	eventually grep -q '^unfinished' "$T/real"
	ln -s real "$T/state"
	fails 1 "another backup uses this state now" 2
	kill -KILL $backup
	wait $backup 2> /dev/null || :
	[[ ! -e $T/state.lock ]] || fail "the link has a lock of its own"
}
