# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The floor and the degrade record in closed metadata, as eractl shows them.

# eras FILE: prints a line "offset length era" for each extent of the dump
eras()
{
	eractl dump --json "$1" > "$T/dump" 2> "$T/said"
	json "$T/dump" 'join "\n", map { "$_->{offset} $_->{length} $_->{era}" } @{$o->{extents}}'
}

test_floor_degraded()
{
	DESCRIPTION="dump, map and check of the metadata of a degraded volume report every block as written, say so, and write nothing"
	local size=$(((3224 * 128 + 5) * 512))

	used "$T/m"
	metadata "$T/m" degrade
	cp "$T/m" "$T/before"
	same "$(eras "$T/m")" "0 $size 4"
	grep -q "$T/m: writes have passed unrecorded (degraded): every block counts as written in era 4" "$T/said"
	eractl map "$T/m" --since 4 --json > "$T/map" 2> "$T/said"
	same "$(json "$T/map" '$s += $_->{bytes} for @{$o->{cells}}; $s')" "$size"
	grep -q degraded "$T/said"
	eractl check "$T/m" > "$T/said"
	grep -q "(degraded): every block counts as written in era 4" "$T/said"
	eractl check --json "$T/m" > "$T/check"
	same "$(json "$T/check" '"$o->{degraded} $o->{floor_era} " . @{$o->{faults}}')" "1 4 0"
	same "$(eractl repair "$T/m" | tail -n 1)" "nothing to repair"
	cmp "$T/m" "$T/before"
}

test_floor_kept()
{
	DESCRIPTION="with a floor, dump shows no block with an older era, check reports the floor, and restore of the dump makes the same eras"
	local size=$(((3224 * 128 + 5) * 512))

	used "$T/m"
	metadata "$T/m" degrade floor mark 7 1 mark 3224 1 close
	same "$(eras "$T/m")" "0 458752 4
458752 65536 5
524288 $((3217 * 65536 - 524288 + 458752 - 458752 + 7 * 65536)) 4
$((3224 * 65536)) 2560 5"
	[[ ! -s $T/said ]]
	eractl check "$T/m" | grep -q "every block counts as written in era 4 or later"
	same "$(eractl check --json "$T/m" > "$T/check"; json "$T/check" '($o->{degraded} ? 1 : 0) . " $o->{floor_era}"')" "0 4"
	eractl dump "$T/m" > "$T/xml"
	eractl restore "$T/r" --input "$T/xml" > "$T/said"
	eractl dump "$T/r" | cmp - "$T/xml"
	same "$(eractl repair "$T/m" | tail -n 1)" "nothing to repair"
}

test_floor_damaged_record()
{
	DESCRIPTION="a damaged degrade record is a fault and counts as a record in force, and repair replaces it by a floor"
	local size=$(((3224 * 128 + 5) * 512)) at

	for at in 8200 8600; do
		used "$T/m"
		overwrite "$T/m" "$at" 10
		same "$(eras "$T/m")" "0 $size 4"
		eractl check "$T/m" > "$T/said" && ((at < 8704)) && fail "check found nothing"
		grep -q "page 2 is damaged, expected a degrade record or zeros" "$T/said"
		eractl repair "$T/m" > "$T/said"
		grep -q "the degrade record was damaged: all 3225 blocks count as written in era 4" "$T/said"
		eractl check "$T/m" | grep -q "every block counts as written in era 4 or later"
		same "$(eras "$T/m")" "0 $size 4"
		[[ ! -s $T/said ]]
		rm "$T/m"
	done
}
