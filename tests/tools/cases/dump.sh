# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# dump and restore, with each other, and with era_dump and era_restore of thin-provisioning-tools.

test_dump_round_trip()
{
	DESCRIPTION="metadata that restore makes from a dump has the same dump, and each restore of this dump makes the same bytes"
	used "$T/m"
	eractl dump "$T/m" > "$T/xml"
	same "$(grep -c '<era ' "$T/xml")" 420
	eractl restore "$T/r1" --input "$T/xml" > "$T/said"
	same "$(cat "$T/said")" "$T/r1: e7ad0300-0000-0000-0000-000000000001: era 4, 201.5 MiB in blocks of 64 KiB"
	eractl check "$T/r1" | grep -x 'no faults'
	eractl dump "$T/r1" > "$T/xml1"
	cmp "$T/xml" "$T/xml1"
	eractl restore "$T/r2" < "$T/xml1" > /dev/null
	cmp "$T/r1" "$T/r2"
	# restore from a pipe, over other metadata
	grep -v 'block="3"' "$T/xml" | eractl restore "$T/r2" --overwrite-metadata > /dev/null
	cmp -s "$T/r1" "$T/r2" && fail "the two restores have the same UUID or content"
	eractl restore "$T/r2" --overwrite-metadata --json < "$T/xml" > "$T/json"
	cmp "$T/r1" "$T/r2"
	same "$(json "$T/json" '"@$o{qw(version uuid era size block_size)}"')" \
		"1 e7ad0300-0000-0000-0000-000000000001 4 $((3224 * 65536 + 5 * 512)) 65536"
}

test_dump_says_the_eras()
{
	DESCRIPTION="dump prints each block's newest era, from the journal and the array, as XML and as JSON"
	used "$T/m"
	eras "$T/m" > "$T/eras"
	{
		seq 0 99 | sed 's/$/ 1/; s/^3 1/3 4/'
		seq 500 549 | sed 's/$/ 1/'
		seq 700 719 | sed 's/$/ 4/'
		seq 1000 1009 | sed 's/$/ 2/; s/^1000 2/1000 4/'
		seq 2000 2004 | sed 's/$/ 3/'
		seq 2990 3224 | sed 's/$/ 3/'
	} | head -n 1000 > "$T/want"
	cmp "$T/eras" "$T/want"
	eractl dump "$T/m" --json > "$T/json"
	same "$(json "$T/json" 'join " ", map { "$_->{offset}+$_->{length}:$_->{era}" } @{$o->{extents}}[0, 1, -1]')" \
		"0+196608:1 196608+65536:4 $((2990 * 65536))+$((234 * 65536 + 5 * 512)):3"
	# A dump contains attributes that only erad writes. A dump with --dm-era does not contain
	# these attributes.
	eractl dump "$T/m" > "$T/xml"
	sed -n 1p "$T/xml" | grep ' nr_sectors="412677" journal_pages="16" array_chunk="1" notes="unsealed ">$'
	eractl dump "$T/m" --dm-era > "$T/xml"
	same "$(sed -n 1p "$T/xml")" \
		'<superblock uuid="e7ad0300-0000-0000-0000-000000000001" block_size="128" nr_blocks="3225" current_era="4">'
	# a new volume
	metadata "$T/new" format 100 1
	same "$(eractl dump "$T/new" | wc -l)" 4
	eractl dump "$T/new" | eractl restore "$T/new2" > /dev/null
	eractl check "$T/new2" | grep -x 'no faults'
}

test_dump_for_era_restore()
{
	DESCRIPTION="era_restore accepts the output of dump, and era_dump prints the same eras"
	local option

	used "$T/m"
	for option in --json=no --dm-era; do
		rm -f "$T/dm-era"
		truncate -s 4M "$T/dm-era"
		# shellcheck disable=SC2046 # a word or none
		eractl dump "$T/m" $([[ $option == --json=no ]] || echo "$option") > "$T/xml"
		era_restore -i "$T/xml" -o "$T/dm-era"
		era_check "$T/dm-era" > /dev/null
		era_dump --logical "$T/dm-era" > "$T/shown"
		diff <(grep '<era ' "$T/xml") <(grep '<era ' "$T/shown" | grep -v 'era="0"')
		sed -n 1p "$T/shown" | grep ' block_size="128" nr_blocks="3225" current_era="4"'
	done
}

test_restore_from_era_dump()
{
	DESCRIPTION="restore accepts the output of era_dump for dm-era's metadata, including writesets"
	truncate -s 4M "$T/dm-era"
	cat > "$T/xml" << 'EOF'
<superblock uuid="" block_size="8" nr_blocks="1000" current_era="7">
  <writeset era="5" nr_bits="1000">
    <bit block="1" value="true"/>
    <bit block="2" value="false"/>
    <bit block="999" value="true"/>
  </writeset>
  <writeset era="6" nr_bits="1000">
    <bit block="1" value="true"/>
    <bit block="500" value="true"/>
  </writeset>
  <era_array>
    <era block="0" era="1"/>
    <era block="1" era="2"/>
    <era block="500" era="7"/>
  </era_array>
</superblock>
EOF
	era_restore -i "$T/xml" -o "$T/dm-era"
	era_dump "$T/dm-era" > "$T/shown"
	grep -q '<writeset era="6"' "$T/shown" || fail "era_dump shows no writeset"
	eractl restore "$T/m" --input "$T/shown" > /dev/null
	# Block 1 is in the writesets of eras 5 and 6, so its era is 6. era_dump --logical of
	# version 0.9 prints era 5.
	same "$(eras "$T/m")" "0 1
1 6
500 7
999 5"
	eractl check "$T/m" > "$T/said" || fail "check: $(cat "$T/said")"
	grep -q 'era 7, 3.9 MiB in blocks of 4 KiB' "$T/said"

	# Use <marked>, as newer versions print it, and a writeset from a time when the device was
	# larger.
	sed '/<bit/d; s/^  <writeset era="5" nr_bits="1000">/&<marked block_begin="10" len="3"\/>/
		s/^  <writeset era="6" nr_bits="1000">/  <writeset era="6" nr_bits="1200"><marked block_begin="998" len="100"\/>/' \
		"$T/xml" > "$T/xml2"
	eractl restore "$T/m2" --input "$T/xml2" > /dev/null
	same "$(eras "$T/m2" | tr '\n' ';')" "0 1;1 2;10 5;11 5;12 5;500 7;998 6;999 6;"
	# If the XML has no UUID, each metadata gets a new UUID.
	same "$(eractl dump "$T/m" | grep -c "$(eractl dump "$T/m2" | grep -o ' uuid="[^"]*"')" || :)" 0
}

# not_xml TEXT SED: changes the output of dump with sed, and checks that restore refuses it with TEXT and writes nothing
not_xml()
{
	sed "$2" "$T/xml" > "$T/bad"
	cmp -s "$T/xml" "$T/bad" && fail "$2 changes nothing"
	refused "$T/bad: line $1" eractl restore "$T/none" --input "$T/bad"
	[[ ! -e $T/none ]] || fail "$2: a file was made"
	refused "$1" eractl restore "$T/kept" --overwrite-metadata --input "$T/bad"
	cmp "$T/kept" "$T/kept.before"
}

test_restore_refuses()
{
	DESCRIPTION="restore refuses wrong XML with the number of the line, before it writes anything"
	used "$T/m"
	eractl dump "$T/m" > "$T/all"
	head -n 6 "$T/all" > "$T/xml"
	printf '  </era_array>\n</superblock>\n' >> "$T/xml"
	eractl restore "$T/kept" --input "$T/xml" > /dev/null
	cp "$T/kept" "$T/kept.before"
	not_xml '1: uuid of <superblock> is "e7ad", expected a UUID or nothing' '1s/uuid="[^"]*"/uuid="e7ad"/'
	not_xml '1: uuid of <superblock> is "-ab-ab-ab-ab-ab-ab-ababababababababa-b", expected a UUID or nothing' \
		'1s/uuid="[^"]*"/uuid="-ab-ab-ab-ab-ab-ab-ababababababababa-b"/'
	not_xml '1: <superblock> lacks the attribute current_era' '1s/current_era="[0-9]*"//'
	not_xml '1: <superblock> has an unknown attribute colour' '1s/current_era/colour="red" &/'
	not_xml '1: block_size is 12 sectors, expected a multiple of 8' '1s/block_size="128"/block_size="12"/'
	not_xml '1: nr_blocks is 0, expected 1 to' '1s/nr_blocks="3225"/nr_blocks="0"/'
	not_xml '1: nr_blocks of <superblock> is "99999999999999999999", expected a number up to' \
		'1s/nr_blocks="3225"/nr_blocks="99999999999999999999"/'
	not_xml '1: nr_sectors is 5, expected the size of 3225 blocks' '1s/nr_sectors="[0-9]*"/nr_sectors="5"/'
	not_xml '1: current_era of <superblock> is "4294967295", expected a number up to 4294967294' \
		'1s/current_era="4"/current_era="4294967295"/'
	not_xml '1: notes of <superblock> is "yes", expected "unknown"' '1s/notes="[^"]*"/notes="yes"/'
	not_xml '1: notes of <superblock> is "sealed 0g", expected "unknown"' '1s/notes="[^"]*"/notes="sealed 0g"/'
	not_xml '1: notes of <superblock> is "sealed 012", expected "unknown"' '1s/notes="[^"]*"/notes="sealed 012"/'
	not_xml '1: notes of <superblock> is "unsealed' "1s/notes=\"[^\"]*\"/notes=\"unsealed $(printf '%04100d1' 0)\"/"
	not_xml '1: notes of <superblock> is "sealed' "1s/notes=\"[^\"]*\"/notes=\"sealed $(printf '%012290d' 0)\"/"
	not_xml '3: era of <era> is "5", expected a number up to 4' '3s/era="1"/era="5"/'
	not_xml '4: block of <era> is "3225", expected a number up to 3224' '4s/block="1"/block="3225"/'
	not_xml '4: block of <era> is "-1", expected a number' '4s/block="1"/block="-1"/'
	not_xml '5: got <sera>, expected <era>' '5s/<era/<sera/'
	not_xml '5: got text, expected <era>' '5s/$/x/'
	not_xml '2: got <era>, expected <writeset> or <era_array>' '2d'
	not_xml '8: got a second <era_array>' '7s/$/\n<era_array>\n<\/era_array>/'
	not_xml '7: mismatched tag' '7d'
	not_xml '8: no element found' '8d'
	not_xml '9: junk after document element' '8s/$/\n<superblock\/>/'
	not_xml '1: got a document type, expected none' '1s/^/<!DOCTYPE superblock [<!ENTITY a "b">]>/'
	not_xml '2: era of <writeset> is 0, expected at least 1' '1s/$/\n<writeset era="0" nr_bits="1"><\/writeset>/'
	not_xml '2: <bit> is of 1 blocks from block 9, expected them below nr_bits, 9' \
		'1s/$/\n<writeset era="1" nr_bits="9"><bit block="9" value="true"\/><\/writeset>/'
	not_xml '2: value of <bit> is "yes", expected true or false' \
		'1s/$/\n<writeset era="1" nr_bits="9"><bit block="1" value="yes"\/><\/writeset>/'
	printf '<superblock uuid="%02000000d"' 0 > "$T/xml"
	not_xml "1: got something of more than 1048576 bytes, expected a tag" 's/uuid/UUID/'
	printf '<superblock uuid="" block_size="8" nr_blocks="8" current_era="1"></superblock>\n' > "$T/xml"
	not_xml '1: <superblock> lacks its <era_array>' 's/nr_blocks="8"/nr_blocks="9"/'
}

test_restore_in_place()
{
	DESCRIPTION="restore overwrites only with --overwrite-metadata; a restore that fails midway leaves no metadata that can be opened"
	used "$T/m"
	eractl dump "$T/m" > "$T/xml"
	cp "$T/m" "$T/before"
	refused "carries erad metadata; --overwrite-metadata overwrites it" eractl restore "$T/m" --input "$T/xml"
	cmp "$T/m" "$T/before"
	# restore must accept a file whose size is not the size of the metadata.
	truncate -s 1M "$T/zeros"
	eractl restore "$T/zeros" --input "$T/xml" > /dev/null
	eractl dump "$T/zeros" | cmp - "$T/xml"
	truncate -s 4096 "$T/small"
	eractl restore "$T/small" --input "$T/xml" > /dev/null
	eractl dump "$T/small" | cmp - "$T/xml"
	refused "No such file or directory" eractl restore "$T/nowhere/m" --input "$T/xml"
	refused "No such file or directory" eractl restore "$T/n" --input "$T/nothing"
	[[ ! -e $T/n ]]
}

test_dump_damaged()
{
	DESCRIPTION="dump of damaged metadata fails, says where the damage is, and prints no XML that restore accepts"
	used "$T/m"
	overwrite "$T/m" $(((array + 2) * 4096)) 10
	eractl dump "$T/m" > "$T/xml" 2> "$T/said" && fail "the command succeeded, expected a failure"
	grep -q "era array sector 8 (page $((array + 2)) of the metadata) is damaged: run 'eractl repair' to repair it" "$T/said"
	refused "no element found" eractl restore "$T/r" --input "$T/xml"
	refused "cannot write the output" sh -c "eractl dump '$T/m' > /dev/full"
}

test_dump_says_that_it_waits_for_metadata()
{
	DESCRIPTION="a command that reads metadata without erad says after 5 seconds which metadata it waits for, once; it says nothing if the metadata answers"
	local command expected

	used "$T/m"
	expected="waiting for metadata $T/m, which has not answered for 5 seconds; check whether the device or its file system hangs"
	for command in dump check "diff --since 1"; do
		# shellcheck disable=SC2086
		eractl $command "$T/m" > "$T/out" 2> "$T/said"
		same "$(cat "$T/said")" ""
		# shellcheck disable=SC2086
		strace -qq -o "$T/calls" -P "$T/m" -e inject=pread64:delay_enter=9000000:when=4..5 eractl $command "$T/m" > "$T/late" 2> "$T/said"
		same "$(cat "$T/said")" "$expected"
		cmp "$T/out" "$T/late"
	done
	# Let the open of the metadata take 9 seconds.
	strace -qq -o "$T/calls" -P "$T/m" -e inject=openat:delay_enter=9000000:when=1 eractl dump "$T/m" > /dev/null 2> "$T/said"
	same "$(cat "$T/said")" "$expected"
}
