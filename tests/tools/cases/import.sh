# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# import reads dm-era's metadata that thin-provisioning-tools have made, and thin-provisioning-tools
# read erad's dumps.

# dm_era_xml BLOCKS WRITESETS: writes XML for era_restore to $T/xml, and its eras, in the format of eras, to $T/want
dm_era_xml()
{
	perl - "$1" "$2" "$T/want" > "$T/xml" << 'EOT'
		my ($blocks, $sets, $want) = @ARGV;
		my %era;
		my $some = $blocks < 2000 ? $blocks : 500;
		my $first = 4;
		my $current = $first + $sets;

		srand 5;
		sub blocks { my %b = map { int(rand $blocks) => 1 } 1 .. shift; return sort { $a <=> $b } keys %b }
		print qq(<superblock uuid="" block_size="128" nr_blocks="$blocks" current_era="$current">\n);
		for my $e ($first .. $current - 1) {
			print qq(  <writeset era="$e" nr_bits="$blocks">\n);
			for (blocks(1 + $some / 5), grep($_ < $blocks, 61), $blocks - 1) {
				print qq(    <bit block="$_" value="true"/>\n);
				$era{$_} = $e if ($era{$_} // 0) < $e;
			}
			print qq(  </writeset>\n);
		}
		print "  <era_array>\n";
		for (blocks($some)) {
			my $e = 1 + int(rand $current - 1);
			print qq(    <era block="$_" era="$e"/>\n);
			$era{$_} = $e if ($era{$_} // 0) < $e;
		}
		print "  </era_array>\n</superblock>\n";
		open my $f, ">", $want or die;
		print $f "$_ $era{$_}\n" for sort { $a <=> $b } keys %era;
EOT
}

# dm_era FILE BLOCKS WRITESETS [SIZE]: makes dm-era's metadata in FILE, and $T/xml and $T/want
dm_era()
{
	dm_era_xml "$2" "$3"
	rm -f "$1"
	truncate -s "${4-8M}" "$1"
	era_restore -i "$T/xml" -o "$1"
}

test_import_sizes()
{
	DESCRIPTION="metadata that era_restore makes is imported with the same eras; metadata that era_restore makes from the dump passes era_check, and era_dump prints the same eras"
	local blocks sets

	# These sizes are near several limits: a word of bits, a block of the era array (1018
	# values), a block of a writeset (32576 bits), and one level of the array's tree (256536).
	# The numbers of writesets are near the limit of one node of their tree (201).
	while read -r blocks sets; do
		dm_era "$T/dm-era" "$blocks" "$sets"
		rm -f "$T/m"
		eractl import "$T/dm-era" "$T/m" > "$T/said"
		grep -q "^$T/m: .*: era $((4 + sets)), .* in blocks of 64 KiB$" "$T/said"
		eras "$T/m" > "$T/eras"
		cmp "$T/eras" "$T/want"
		eractl check "$T/m" > "$T/said" || fail "$blocks: $(cat "$T/said")"
		grep -qx 'no faults' "$T/said"
		eractl dump --dm-era "$T/m" > "$T/xml"
		rm -f "$T/back"
		truncate -s 8M "$T/back"
		era_restore -i "$T/xml" -o "$T/back"
		era_check "$T/back" > /dev/null || fail "$blocks: era_check found something"
		cmp <(era_dump "$T/back" | tests/dm_era_eras) "$T/want"
	done << 'EOT'
		1 1
		63 2
		64 2
		65 2
		1018 2
		1019 2
		32577 1
		300000 0
		1000 250
EOT
}

# The blocks of `small`: 4 is the tree of the writesets, which contains one writeset.  5 is the tree
# of the era array, and 6 and 7 are the array's blocks.  8 is the tree of the bits of the writeset
# of era 4, and 9 is the block of these bits.
small()
{
	dm_era "$T/dm-era" 2036 1 512K
}

# In a node, the values come after the room for all keys.  These are the offsets of the first value,
# in nodes whose values have 8 bytes and in nodes whose values have 12 bytes.
readonly values8=$((32 + 252 * 8)) values12=$((32 + 201 * 8))

# current BITS BLOCKS: prints the eras that the metadata contains if era 5 is the current era, its
# writeset has BITS bits, and the device has BLOCKS blocks
current()
{
	perl -ne '
		BEGIN { ($bits, $blocks) = splice @ARGV, 0, 2 }
		$era{$1} //= $2 if /<era block="(\d+)" era="(\d+)"/ && $1 < $blocks;
		$era{$1} = 5 if /<bit block="(\d+)"/ && $1 < $bits && $1 < $blocks;
		END { print "$_ $era{$_}\n" for sort { $a <=> $b } keys %era }' "$1" "$2" "$T/xml"
}

test_import_current_writeset()
{
	DESCRIPTION="import reads the writeset of the current era, and a writeset whose size is not the device's, but not the writeset of a metadata snapshot"
	small
	cp "$T/dm-era" "$T/snapshot"
	reseal "$T/dm-era" 4 16 4 0
	reseal "$T/dm-era" 0 188 4 2036 192 8 8
	eractl import "$T/dm-era" "$T/m" > /dev/null
	cmp <(eras "$T/m") <(current 2036 2036)
	cmp -s <(current 60 2036) <(current 64 2036) && fail "there are no bits to tell the difference"

	# Shorten the writeset, as if the device had grown since era 5 began. Then shorten the
	# device instead.
	reseal "$T/dm-era" 0 188 4 60
	reseal "$T/dm-era" 9 8 4 1
	eractl import "$T/dm-era" "$T/m" --overwrite-metadata > /dev/null
	cmp <(eras "$T/m") <(current 60 2036)
	reseal "$T/dm-era" 0 188 4 2036 180 4 1030
	reseal "$T/dm-era" 9 8 4 32
	eractl import "$T/dm-era" "$T/m" --overwrite-metadata > /dev/null
	cmp <(eras "$T/m") <(current 2036 1030)

	# Make a snapshot at block 20. The blocks of its writeset have been overwritten since, and
	# the live superblock must not be read.
	refused "$T/snapshot: it has no metadata snapshot" eractl import "$T/snapshot" "$T/s" --metadata-snapshot
	dd if="$T/snapshot" of="$T/snapshot" bs=4096 count=1 seek=20 conv=notrunc status=none
	reseal "$T/snapshot" 20 8 8 20 188 4 2036 192 8 1
	reseal "$T/snapshot" 0 184 4 9 200 8 1 216 8 20
	refused "block 1 (writesets): its checksum is" eractl import "$T/snapshot" "$T/s"
	eractl import "$T/snapshot" "$T/s" --metadata-snapshot | grep -q ': era 5, '
	cmp <(eras "$T/s") "$T/want"
}

test_import_options()
{
	DESCRIPTION="import uses the size of the origin, overwrites metadata only with --overwrite-metadata, and does not change dm-era's metadata"
	small
	cp "$T/dm-era" "$T/before"
	truncate -s $((2035 * 65536 + 512)) "$T/origin"
	eractl import "$T/dm-era" "$T/m" --origin "$T/origin" --json > "$T/json"
	same "$(json "$T/json" '"@$o{qw(version metadata era size block_size)}"')" "1 $T/m 5 $((2035 * 65536 + 512)) 65536"
	cmp <(eras "$T/m") "$T/want"
	refused "carries erad metadata; --overwrite-metadata overwrites it" eractl import "$T/dm-era" "$T/m"
	eractl import "$T/dm-era" "$T/m" --overwrite-metadata > /dev/null
	eractl check "$T/m" --json > "$T/json"
	same "$(json "$T/json" '$o->{size}')" $((2036 * 65536))
	truncate -s $((2035 * 65536)) "$T/origin"
	refused "origin $T/origin has 260480 sectors, expected 260481 to 260608, because the metadata has 2036 blocks of 128 sectors" \
		eractl import "$T/dm-era" "$T/n" --origin "$T/origin"
	refused "another process has it open" eractl import "$T/dm-era" "$T/dm-era" --overwrite-metadata
	refused "$T/m: this is something else, expected dm-era's metadata" eractl import "$T/m" "$T/n"
	refused "$T/nothing: No such file" eractl import "$T/nothing" "$T/n"
	cmp "$T/dm-era" "$T/before"
	[[ ! -e $T/n ]]
}

# bad TEXT COMMAND…: changes a copy, $T/bad, with COMMAND, and checks that import refuses it with TEXT and writes nothing
bad()
{
	local text=$1

	shift
	cp --sparse=always "$T/dm-era" "$T/bad"
	"$@"
	cmp -s "$T/dm-era" "$T/bad" && fail "$* changes nothing"
	refused "$T/bad: $text" eractl import "$T/bad" "$T/none"
	[[ ! -e $T/none ]] || fail "$*: a file was made"
}

# chain N: makes a tree of the era array that has N levels
chain()
{
	local i

	for ((i = 0; i < $1 - 1; i++)); do
		dd if="$T/dm-era" of="$T/bad" bs=4096 skip=5 seek=$((100 + i)) count=1 conv=notrunc status=none
		reseal "$T/bad" $((100 + i)) 4 4 1 8 8 $((100 + i)) 16 4 1 "$values8" 8 $((i == $1 - 2 ? 5 : 101 + i))
	done
	reseal "$T/bad" 0 208 8 100
}

test_import_refuses()
{
	DESCRIPTION="import refuses damaged or hostile metadata of dm-era, and names the block, before it writes anything"
	local block

	small
	for block in 0 4 5 6 7 8 9; do
		bad "block $block (" overwrite "$T/bad" $((block * 4096 + 4000)) 1
		bad "block $block (" reseal "$T/bad" "$block" $((block == 6 || block == 7 || block == 9 ? 16 : 8)) 8 77
	done
	bad "got zeros, expected dm-era's metadata" zero "$T/bad" 0 4096
	bad "it has less than 4096 bytes" truncate -s 100 "$T/bad"
	bad "block 5 (era array): it names block 7, expected 1 to 6" truncate -s $((7 * 4096)) "$T/bad"
	bad "this is something else" reseal "$T/bad" 0 32 8 77
	bad "its format is of version 2, expected 1" reseal "$T/bad" 0 40 4 2
	bad "block 0 (superblock): data_block_size is 12 sectors, expected a multiple of 8" reseal "$T/bad" 0 172 4 12
	bad "block 0 (superblock): data_block_size is 0 sectors" reseal "$T/bad" 0 172 4 0
	bad "block 0 (superblock): metadata_block_size is 16 sectors, expected 8" reseal "$T/bad" 0 176 4 16
	bad "block 0 (superblock): nr_blocks is 0, expected 1 to" reseal "$T/bad" 0 180 4 0
	bad "block 0 (superblock): nr_blocks is 4294967295, expected 1 to" reseal "$T/bad" 0 180 4 0xffffffff 172 4 0xfffffff8
	bad "its current era is 4294967295, expected at most 4294967294; create the volume anew" reseal "$T/bad" 0 184 4 0xffffffff
	bad "block 0 (era array): it names block 0, expected 1 to" reseal "$T/bad" 0 208 8 0
	bad "block 0 (era array): it names block 99999999, expected 1 to" reseal "$T/bad" 0 208 8 99999999
	bad "block 4 (era array): its values have 12 bytes, expected 8" reseal "$T/bad" 0 208 8 4
	bad "block 9 (era array): it has room for 509 values of 8 bytes, expected 1018 of 4" reseal "$T/bad" 0 208 8 8
	bad "block 5 (era array): its values have 12 bytes, expected 8" reseal "$T/bad" 5 24 4 12
	bad "block 5 (era array): its flags are 3, expected 1 or 2" reseal "$T/bad" 5 4 4 3
	bad "block 5 (era array): it has 253 entries, expected up to 252" reseal "$T/bad" 5 16 4 253
	bad "block 5 (era array): it has 0 entries, expected 1 to 252" reseal "$T/bad" 5 4 4 1 16 4 0
	bad "block 5 (era array): it has room for 255 entries, expected up to 254" reseal "$T/bad" 5 20 4 255
	bad "block 5 (era array): key 0, its entry 0, is out of order" reseal "$T/bad" 5 40 8 0
	bad "block 5 (era array): it has block 2 of the array where 1 was expected" reseal "$T/bad" 5 40 8 2
	bad "block 5 (era array): the array has 1 blocks, expected them to have 2036 values" reseal "$T/bad" 5 16 4 1
	bad "block 5 (era array): it names block 6, which is in use elsewhere" reseal "$T/bad" 5 $((values8 + 8)) 8 6
	bad "block 5 (era array): it names block 5, which is in use elsewhere" reseal "$T/bad" 5 4 4 1 "$values8" 8 5
	bad "block 115 (era array): it is 15 levels below the root" chain 17
	bad "block 7 (era array): it has 1017 values, expected 1018" reseal "$T/bad" 7 8 4 1017
	bad "block 7 (era array): block 1019 of the device is of era 6, expected at most the current one, 5" \
		reseal "$T/bad" 7 28 4 6
	bad "block 4 (writesets): it has a writeset of era 0, expected 1 to the current one, 5" reseal "$T/bad" 4 32 8 0
	bad "block 4 (writesets): it has a writeset of era 4294967300," reseal "$T/bad" 4 32 8 $((4 + (1 << 32)))
	bad "block 9 (writeset of era 4): it has 32 values, expected 509" reseal "$T/bad" 4 "$values12" 4 0xffffffff
	bad "block 9 (writeset of era 4): it has 31 values, expected 32" reseal "$T/bad" 9 8 4 31
	bad "block 4 (writeset of era 4): it names block 6, which is in use elsewhere" reseal "$T/bad" 4 $((values12 + 4)) 8 6
	bad "block 0 (writeset of era 5): it names block 8, which is in use elsewhere" reseal "$T/bad" 0 188 4 2036 192 8 8
	# if import refuses its input, existing metadata is unchanged, even with
	# --overwrite-metadata
	eractl import "$T/dm-era" "$T/m" > /dev/null
	cp "$T/m" "$T/before"
	refused "$T/bad: block 0 (writeset of era 5): " eractl import "$T/bad" "$T/m" --overwrite-metadata
	cmp "$T/m" "$T/before"
	# use the deepest tree that is allowed
	cp "$T/dm-era" "$T/bad"
	chain 16
	eractl import "$T/bad" "$T/m" --overwrite-metadata > /dev/null
	cmp <(eras "$T/m") "$T/want"
	# The array has one block more than its device needs. dm-era has left this block when it
	# shrank the array.
	reseal "$T/dm-era" 0 180 4 1018
	eractl import "$T/dm-era" "$T/m" --overwrite-metadata > /dev/null
	cmp <(eras "$T/m") <(awk '$1 < 1018' "$T/want")
}
