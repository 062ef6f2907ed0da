# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What eractl refuses to overwrite: metadata, even of closed volumes, and the origins and metadata
# in lines of /etc/eratab.

# shellcheck source=tests/tools/volumes.sh
. tests/tools/volumes.sh

# Makes a volume with a full copy as a stream, a directory of backups with the same copy, and an
# eratab with the volume "data".  The origin of "data" is $T/v2, and its metadata is $T/gone, a file
# that does not exist.
targets()
{
	three_eras
	metadata "$T/m1" close-sealed "$T/v1"
	mkdir "$T/dir" "$T/etc"
	eractl backup "$T/m1" "$T/dir" --device "$T/v1" --init > /dev/null
	printf '%s\n' '# volumes' "data $T/v2 $T/gone" > "$T/etc/eratab"
}

# overwrites COMMAND TARGET: runs the command with the option to overwrite the target
overwrites()
{
	case $1 in
	receive) with_eratab eractl receive "$2" --overwrite < "$T/full" ;;
	restore-backup) with_eratab eractl restore-backup "$T/dir" "$2" --overwrite ;;
	esac
}

# keeps COMMAND: checks that the command refuses to overwrite metadata, a file that a process has
# locked, and the paths in eratab
keeps()
{
	local holder

	targets
	cp "$T/m2" "$T/before"
	refused "$T/m2: it is metadata of erad with the UUID $uuid" overwrites "$1" "$T/m2"
	cmp "$T/m2" "$T/before"
	# With the first superblock damaged, the file must still be recognized as metadata.
	zero "$T/m2" 0 4096
	refused "$T/m2: it is metadata of erad with the UUID $uuid" overwrites "$1" "$T/m2"
	# Damage both superblocks, but let a process keep the metadata open.
	zero "$T/m2" 0 8192
	cp "$T/m2" "$T/before"
	mkfifo "$T/held"
	python3 -c 'import fcntl, sys, time
f = open(sys.argv[1], "r+b")
fcntl.lockf(f, fcntl.LOCK_EX)
open(sys.argv[2], "w").close()
time.sleep(100)' "$T/m2" "$T/held" &
	holder=$!
	cat "$T/held"
	refused "$T/m2: another process has it open" overwrites "$1" "$T/m2"
	kill $holder
	wait $holder || true
	cmp "$T/m2" "$T/before"
	cp "$T/v2" "$T/before"
	ln -s v2 "$T/link"
	refused "$T/link is the origin of volume data in line 2 of /etc/eratab, and erad would not record the writes: open the volume, and write to /dev/mapper/data" \
		overwrites "$1" "$T/link"
	cmp "$T/v2" "$T/before"
	refused "$T/gone is the metadata of volume data in line 2 of /etc/eratab: name another file or device" overwrites "$1" "$T/gone"
	[[ ! -e $T/gone ]] || fail "a file was made"
	# When the process has closed the file, the file is overwritten like any other file.
	overwrites "$1" "$T/m2"
	cmp "$T/m2" "$T/v1"
}

test_receive_keeps_metadata_and_origins()
{
	DESCRIPTION="receive --overwrite refuses metadata, damaged metadata, a file that a process has locked, and a path in eratab"
	keeps receive
}

test_restore_backup_keeps_metadata_and_origins()
{
	DESCRIPTION="restore-backup --overwrite refuses metadata, damaged metadata, a file that a process has locked, and a path in eratab"
	keeps restore-backup
}

test_restore_and_import_keep_origins()
{
	DESCRIPTION="restore and import refuse to overwrite an origin in eratab, even with --overwrite-metadata, and accept the metadata that a line of eratab names"
	local what

	targets
	eractl dump "$T/m2" > "$T/xml"
	eractl dump "$T/m2" --dm-era > "$T/era_xml"
	truncate -s 8M "$T/dm-era"
	era_restore -i "$T/era_xml" -o "$T/dm-era"
	# Put metadata on the origin: without the line in eratab, --overwrite-metadata would
	# overwrite it.
	cp "$T/m3" "$T/v2"
	ln -s v2 "$T/link"
	for what in "restore $T/link --input $T/xml" "import $T/dm-era $T/link"; do
		# shellcheck disable=SC2086 # words
		refused "metadata $T/link is the origin of volume data in line 2 of /etc/eratab; if that volume is not used any more, remove it with 'eractl forget' first" \
			with_eratab eractl $what --overwrite-metadata
		cmp "$T/v2" "$T/m3"
	done
	with_eratab eractl restore "$T/gone" --input "$T/xml" > /dev/null
	with_eratab eractl restore "$T/gone" --input "$T/xml" --overwrite-metadata > /dev/null
	cmp "$T/gone" <(eractl restore "$T/other" --input "$T/xml" > /dev/null && cat "$T/other")
}
