# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Implements the functions that lib.sh describes for erad, with eractl.

make_volume()
{
	block=$1
	eractl create data "$origin" --metadata "$metadata" --block-size $((block * 512)) --overwrite-metadata > /dev/null
	table=$(dmsetup table data)
}

open_volume()
{
	eractl open data > /dev/null
}

close_volume()
{
	[ -e /dev/mapper/data ] || return 0
	eractl close data
}

checkpoint()
{
	eractl checkpoint data > /dev/null
}

dump()
{
	eractl dump "${1:-$metadata}" > "$T/xml" || fail "eractl dump: the metadata cannot be read"
	sed -n 's/.*<era block="\([0-9]*\)" era="\([1-9][0-9]*\)".*/\1 \2/p' "$T/xml"
}

restore_era()
{
	sed -i "s/current_era=\"[0-9]*\"/current_era=\"$1\"/" "$T/xml"
	eractl restore "$metadata" --input "$T/xml" --overwrite-metadata > /dev/null
}

closed_cleanly()
{
	eractl check "$1" | grep -q ', closed cleanly'
}

metadata_uuid()
{
	sed -n 's/.*<superblock uuid="\([^"]*\)".*/\1/p' "$T/xml"
}

read_live()
{
	eractl diff data --since 1
}

array_has()
{
	eractl dump "$1" | grep -q "<era block=\"$2\" era=\"$3\"/>"
}
