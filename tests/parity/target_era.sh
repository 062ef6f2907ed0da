# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Implements the functions that lib.sh describes for Linux's own era target, with
# thin-provisioning-tools.

make_volume()
{
	block=$1
	table="0 $(blockdev --getsz "$origin") era $metadata $origin $block"
	dmsetup create data --table "$table"
}

open_volume()
{
	dmsetup create data --table "$table"
}

close_volume()
{
	dmsetup info data > /dev/null 2>&1 || return 0
	dmsetup remove data
}

checkpoint()
{
	dmsetup message data 0 checkpoint
}

dump()
{
	# With damaged metadata, era_dump may run without end.
	(ulimit -f 65536 && exec timeout 60 era_dump "${1:-$metadata}" > "$T/xml") || fail "era_dump: the metadata cannot be read"
	tests/dm_era_eras < "$T/xml"
}

# restore_era N: makes metadata in era N, in which no block was written.
restore_era()
{
	cp "$metadata_file" "$T/restored"
	# Set current_era in the superblock.
	reseal "$T/restored" 0 184 4 "$1"
	load_metadata "$T/restored"
}

# closed_cleanly FILE: succeeds if the word of flags in the superblock is not 0.
closed_cleanly()
{
	cmp -s -n 4 -i 4:0 "$1" /dev/zero && return 1
	return 0
}

metadata_uuid()
{
	sed -n 's/.*<superblock uuid="\([^"]*\)".*/\1/p' "$T/xml"
}

# read_live: prints the blocks that have changed since era 1, from the live volume, and begins a new
# era.  It stops at the first failure, as a script with `set -e` does.
read_live()
{
	dmsetup message data 0 take_metadata_snap &&
		era_invalidate --metadata-snapshot --written-since 1 "$metadata" &&
		dmsetup message data 0 drop_metadata_snap
}

array_has()
{
	era_dump "$1" 2> /dev/null | grep -q "<era block=\"$2\" era=\"$3\"/>"
}
