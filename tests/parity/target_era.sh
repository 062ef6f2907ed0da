# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Linux's own era target, with the tools of thin-provisioning-tools.

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
	# Of damaged metadata it may go on for ever.
	(ulimit -f 65536 && exec timeout 60 era_dump "${1:-$metadata}" > "$T/xml") || fail "era_dump: the metadata cannot be read"
	tests/dm_era_eras < "$T/xml"
}

# restore_era N: makes metadata of the era N in which nothing was written.
restore_era()
{
	cp "$metadata_file" "$T/restored"
	# current_era, in the superblock.
	reseal "$T/restored" 0 184 4 "$1"
	load_metadata "$T/restored"
}

# The superblock has a word of flags.
closed_cleanly()
{
	cmp -s -n 4 -i 4:0 "$1" /dev/zero && return 1
	return 0
}

metadata_uuid()
{
	sed -n 's/.*<superblock uuid="\([^"]*\)".*/\1/p' "$T/xml"
}

# read_live: what has changed since era 1, from the live volume, to standard output; begins a new era. As a script would
# that ends where something fails.
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
