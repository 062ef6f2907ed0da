# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# check and repair: every kind of damage is found, and is repaired so that no write is missing.

test_repair_nothing()
{
	DESCRIPTION="repair writes nothing if there is no damage; a torn last commit is no damage"
	used "$T/m"
	cp "$T/m" "$T/before"
	eractl repair "$T/m" > "$T/said"
	same "$(tail -n 1 "$T/said")" "nothing to repair"
	cmp "$T/m" "$T/before"
	# Tear the last group, which is page 11 of the journal.
	zero "$T/m" $(((journal + 11) * 4096 + 512)) 3584
	cp "$T/m" "$T/before"
	eractl check "$T/m" | grep -x 'no faults'
	same "$(eractl repair "$T/m" | tail -n 1)" "nothing to repair"
	cmp "$T/m" "$T/before"
}

test_repair_superblock()
{
	DESCRIPTION="repair writes a damaged superblock anew from the other superblock, and marks no block"
	local copy

	for copy in 0 1; do
		used "$T/m$copy"
		eras "$T/m$copy" > "$T/before"
		overwrite "$T/m$copy" $((copy * 4096 + 40)) 8
		if ((copy == $(newer_superblock "$T/m$copy"))); then
			cp "$T/m$copy" "$T/lost"
			continue
		fi
		mended "$T/m$copy" "$T/before" "superblock $([[ $copy == 0 ]] && echo A || echo B) was damaged" 0
	done
	# The tail of the older superblock is from before the fold. The journal pages from this tail
	# on still exist, so no block has to be marked.
	eras "$T/lost" > "$T/after"
	same "$(only_more "$T/before" "$T/after")" 0
	mended "$T/lost" "$T/before" "superblock" 0
}

# newer_superblock FILE: prints the number of the newer superblock, 0 or 1
newer_superblock()
{
	perl -e 'open F, "<", $ARGV[0] or die; for (0, 1) { seek F, $_ * 4096 + 56, 0; read F, $s, 8; push @s, unpack "Q<", $s }
		print $s[1] > $s[0] ? 1 : 0' "$1"
}

test_repair_superblock_old()
{
	DESCRIPTION="if the remaining superblock refers to journal pages that have been overwritten, repair marks all blocks"
	local i steps=()

	for ((i = 300; i < 320; i++)); do
		steps+=(mark "$i" 1)
	done
	metadata "$T/m" format 3225 5 era 1 mark 0 100 fold era 2 mark 0 1 mark 1 1 fold "${steps[@]}"
	eras "$T/m" > "$T/before"
	# the journal pages that the older superblock refers to are overwritten
	overwrite "$T/m" $(($(newer_superblock "$T/m") * 4096)) 512
	mended "$T/m" "$T/before" "all 3225 blocks count as written in era 2" 3203 3225
}

test_repair_superblock_closed()
{
	DESCRIPTION="check finds damage in either superblock of closed metadata, and no fault in new metadata"
	local copy letter other damage
	local -A name=([0]=A [1]=B)

	metadata "$T/closed" format 3225 5
	eractl check "$T/closed" | grep -x 'no faults'
	metadata "$T/closed" era 1 mark 0 100 fold close
	eractl check "$T/closed" | grep -x 'no faults'
	eras "$T/closed" > "$T/before"
	for copy in 0 1; do
		letter=${name[$copy]} other=${name[$((1 - copy))]}
		for damage in "overwrite $((copy * 4096)) 64" "overwrite $((copy * 4096 + 40)) 8" "zero $((copy * 4096)) 4096"; do
			# shellcheck disable=SC2086
			set -- $damage
			cp "$T/closed" "$T/m"
			"$1" "$T/m" "$2" "$3"
			cp "$T/m" "$T/damaged"
			eractl check "$T/m" > "$T/found" && fail "check found nothing after: $damage"
			grep -qF "superblock $letter (page $copy of the metadata) is damaged" "$T/found" || fail "got $(cat "$T/found")"
			grep -qF "has used superblock $other" "$T/found" || fail "got $(cat "$T/found")"
			same "$(tail -n 1 "$T/found")" "1 fault"
			cmp "$T/m" "$T/damaged"
			mended "$T/m" "$T/before" "superblock $letter was damaged" 0
		done
	done
}

test_repair_both_superblocks()
{
	DESCRIPTION="if both superblocks are damaged but the size can be read, repair makes new metadata with another UUID, and marks all blocks"
	local uuid

	used "$T/m"
	eras "$T/m" > "$T/before"
	eractl check "$T/m" --json > "$T/json" || fail "check finds faults"
	uuid=$(json "$T/json" '$o->{uuid}')
	# Damage the checksum of superblock A, and journal_tail in superblock B.
	overwrite "$T/m" 0 4
	overwrite "$T/m" $((4096 + 120)) 2
	mended "$T/m" "$T/before" "new metadata, with a new UUID" 3203 3225
	eractl check "$T/m" --json > "$T/json"
	same "$(json "$T/json" '$o->{era}')" 4
	same "$(json "$T/json" '$o->{size}')" $((3224 * 65536 + 5 * 512))
	[[ $(json "$T/json" '$o->{uuid}') != "$uuid" ]] || fail "the UUID is the same"
	json "$T/said.json" '$o->{new_uuid} ? "true" : "false"' | grep -qx true
}

test_repair_superblocks_gone()
{
	DESCRIPTION="if the geometry cannot be read, repair refuses the metadata and writes nothing"
	used "$T/m"
	zero "$T/m" 0 8192
	cp "$T/m" "$T/before"
	refused "got zeros, expected erad metadata" eractl repair "$T/m"
	cmp "$T/m" "$T/before"
	overwrite "$T/m" 0 8192
	cp "$T/m" "$T/before"
	refused "this is not erad metadata" eractl repair "$T/m"
	cmp "$T/m" "$T/before"
	printf 'erad\r\n\032\n' | dd of="$T/m" bs=1 seek=8 conv=notrunc status=none
	cp "$T/m" "$T/before"
	refused "nothing can be repaired" eractl repair "$T/m"
	cmp "$T/m" "$T/before"
}

test_repair_journal_page()
{
	DESCRIPTION="if any page of the journal is lost, repair marks all blocks in the current era"
	local page

	used "$T/pristine"
	eras "$T/pristine" > "$T/before"
	for page in 5 6 7 8 9 10; do
		cp --sparse=always "$T/pristine" "$T/m"
		overwrite "$T/m" $(((page + journal) * 4096 + 100)) 16
		mended "$T/m" "$T/before" "all 3225 blocks count as written in era 4" 3203 3225
	done
	# the repaired metadata can be used
	metadata "$T/m" era 5 mark 77 1 close
	eractl check "$T/m" | grep -x 'no faults'
	same "$(eras "$T/m" | grep -c ' 5$')" 1
}

test_repair_array()
{
	DESCRIPTION="if a sector or page of the era array is damaged or torn, repair marks its blocks in the current era, and no others"
	used "$T/pristine"
	eras "$T/pristine" > "$T/before"

	cp "$T/pristine" "$T/m"		# sector 4 contains blocks 496 to 619
	overwrite "$T/m" $((array * 4096 + 4 * 512 + 33)) 1
	mended "$T/m" "$T/before" "124 blocks from block 496" 124

	cp "$T/pristine" "$T/m"		# the page contains blocks 992 to 1983; block 1000 was written in era 4
	overwrite "$T/m" $(((array + 2) * 4096)) 4096
	mended "$T/m" "$T/before" "992 blocks from block 992" 991 992

	# replace the second half of the page by the first half of another page
	cp "$T/pristine" "$T/m"
	dd if="$T/pristine" of="$T/m" bs=512 skip=$((array * 8)) seek=$(((array + 2) * 8 + 4)) count=4 conv=notrunc status=none
	mended "$T/m" "$T/before" "124 blocks from block 1488" 124

	# the last sector that is in use contains 1 block; first damage this sector, then the sector
	# after it
	cp "$T/pristine" "$T/m"
	overwrite "$T/m" $(((array + 6) * 4096 + 2 * 512)) 512
	mended "$T/m" "$T/before" "1 block from block 3224" 1
	cp "$T/pristine" "$T/m"
	overwrite "$T/m" $(((array + 6) * 4096 + 3 * 512)) 512
	mended "$T/m" "$T/before" "0 blocks from block" 0
}

test_repair_array_and_journal()
{
	DESCRIPTION="if a superblock, the journal and the array are damaged at the same time, repair marks all blocks in the current era"
	used "$T/m"
	eras "$T/m" > "$T/before"
	overwrite "$T/m" $((array * 4096)) 4096
	overwrite "$T/m" $(((journal + 7) * 4096)) 4096
	overwrite "$T/m" $(((1 - $(newer_superblock "$T/m")) * 4096)) 512
	mended "$T/m" "$T/before" "all 3225 blocks count as written in era 4" 3203 3225
}

test_repair_era_to_come()
{
	DESCRIPTION="if blocks have an era that has not begun, repair begins this era, and no block gets an older era"
	used "$T/m"
	metadata "$T/m" poke "$array" 0 7 9
	awk '$1 == 7 { $2 = 9 } { print }' <(eras "$T/m") > "$T/before"
	mended "$T/m" "$T/before" "blocks were written in era 9, which had not begun" 0
	same "$(eractl check "$T/m" | grep -o 'era [0-9]*')" "era 9"

	# repair does not begin the largest era. The sector with this era counts as damaged.
	metadata "$T/m" poke "$array" 0 8 4294967295
	mended "$T/m" "$T/before" "124 blocks from block 0" 123 124
}

test_repair_snapshot()
{
	DESCRIPTION="after a repair of the array, a snapshot shows the same eras as before, and the blocks of the damaged sector as written"
	metadata "$T/m" format 3225 5 era 1 mark 0 100 mark 200 9 snapshot 2 mark 1000 10 fold
	eras "$T/m" > "$T/before"
	metadata "$T/m" snapshot-eras > "$T/shown"
	same "$(wc -l < "$T/shown")" 109
	overwrite "$T/m" $((array * 4096)) 512
	mended "$T/m" "$T/before" "124 blocks from block 0" 124
	metadata "$T/m" snapshot-eras > "$T/shown.after"
	same "$(only_more "$T/shown" "$T/shown.after")" 24
	same "$(awk '$2 != 1' "$T/shown.after")" ""
}

test_repair_in_use()
{
	DESCRIPTION="all commands refuse metadata that another process has open"
	local held command

	used "$T/m"
	cp "$T/m" "$T/before"
	exec {held}> >(metadata "$T/m" hold > "$T/held")
	eventually test -s "$T/held"
	cp "$T/m" "$T/before"
	for command in check dump repair "restore --overwrite-metadata --input $T/xml"; do
		eractl dump "$T/before" > "$T/xml"
		# shellcheck disable=SC2086 # words
		refused "another process has it open" eractl $command "$T/m"
		# shellcheck disable=SC2086
		refused "close the volume first" eractl $command "$T/m"
	done
	cmp "$T/m" "$T/before"
	exec {held}>&-
}
