# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl diff of the metadata of a closed volume, its option --offset, and the dirty bitmap in a
# qcow2 file.

# bitmap_of FILE: prints the offset and length of each dirty extent, as reported by QEMU's NBD
# server
bitmap_of()
{
	qemu-nbd --fork --read-only --persistent -B erad -f qcow2 -k "$T/nbd" --pid-file "$T/nbd.pid" "$1"
	nbdinfo --map=qemu:dirty-bitmap:erad "nbd+unix:///?socket=$T/nbd" | awk '$3 { print $1, $2 }'
	kill "$(cat "$T/nbd.pid")"
}

test_diff_of_metadata_needs_no_erad()
{
	DESCRIPTION="diff of a metadata file lists, in each format, exactly the blocks that have the era of --since or a later era in dump"
	local want

	used "$T/m"
	want=$(eras "$T/m" | awk '$2 >= 3 { print $1 }')
	same "$(eractl diff "$T/m" --since 3 --format ranges |
		awk '{ for (b = $1 / 65536; b < ($1 + $2) / 65536; b++) print b }')" "$want"
	same "$(eractl diff "$T/m" --since 3 --format ranges | tail -n 1)" "195952640 15337984"
	eractl diff "$T/m" --since 3 --json > "$T/json"
	same "$(json "$T/json" 'join " ", map { "$_->{offset} $_->{length}" } @{$o->{extents}}')" \
		"$(eractl diff "$T/m" --since 3 --format ranges | paste -sd ' ')"
	refused "era 5 has not begun, the current era is 4" eractl diff "$T/m" --since 5
	same "$(eractl diff "$T/m" --since 0 --format ranges)" "0 $((3224 * 65536 + 5 * 512))"
}

test_diff_of_a_logical_volume_is_not_of_a_snapshot()
{
	DESCRIPTION="diff --lv with --snapshot is a usage error, because the place of the logical volume at the time of the snapshot is not known"
	local status=0

	eractl diff pv0 --since 1 --snapshot --lv vg/a > /dev/null 2> "$T/err" || status=$?
	same "$status" 2
	grep -q "got --lv and --snapshot, expected one" "$T/err" || fail "$(cat "$T/err")"
}

test_diff_checks_the_token_of_closed_metadata()
{
	DESCRIPTION="diff of a metadata file accepts a token that the metadata knows, and exits with 3 for a token that it does not know"
	local token

	metadata "$T/m" format 100 128 timeline 77 era 1 mark 3 1 era 2 mark 5 1 close
	eractl diff "$T/m" --since 2 --json > "$T/json"
	token=$(json "$T/json" '$o->{token}')
	same "$token" "e7ad0300-0000-0000-0000-000000000001:000000000000004d:2"
	same "$(eractl diff "$T/m" --since "$token" --format ranges)" "$((5 * 65536)) 65536"
	same "$(eractl diff "$T/m" --since "${token/4d:/4e:}" --format ranges 2> "$T/said" || echo "status $?")" "incomplete
status 3"
	grep -F "a full copy is due: the metadata does not know the token's timeline" "$T/said"
}

test_diff_adds_the_offset()
{
	DESCRIPTION="diff --offset N adds N bytes to every position, in each format"
	local mib=$((1 << 20))

	used "$T/m"
	eractl diff "$T/m" --since 3 --format ranges | awk -v by=$mib '{ print $1 + by, $2 }' > "$T/want"
	eractl diff "$T/m" --since 3 --format ranges --offset 1M | cmp - "$T/want"
	eractl diff "$T/m" --since 3 --offset $mib | awk '$1 ~ /^[0-9]+$/ && $2 != "extents," { print $1 }' |
		cmp - <(cut -d ' ' -f 1 "$T/want")
	eractl diff "$T/m" --since 3 --offset $mib --format ddrescue > "$T/map"
	perl -lane 'print hex $F[0], " ", hex $F[1] if $#F == 2 && $F[2] eq "+"' "$T/map" | cmp - "$T/want"
	# The map must have no gap, and must end at the end of the volume.
	same "$(perl -lane 'next if /^#/ || $seen++ < 1; die "hole" if hex $F[0] != $end; $end += hex $F[1]; END { print $end }' "$T/map")" \
		$((mib + 3224 * 65536 + 5 * 512))
	eractl diff "$T/m" --since 3 --offset $mib --json > "$T/json"
	same "$(json "$T/json" 'join "\n", map { "$_->{offset} $_->{length}" } @{$o->{extents}}')" "$(cat "$T/want")"
	same "$(json "$T/json" '$o->{offset}')" $mib
	eractl diff "$T/m" --since 3 --offset $mib --format xml > "$T/xml"
	grep -x '  <block block="19"/>' "$T/xml"
	refused "offset 512: expected a multiple of the block size, 65536 bytes" eractl diff "$T/m" --since 3 --offset 512 --format xml
	refused "beyond the largest size of a file" eractl diff "$T/m" --since 3 --offset 9223372036854775807
}

test_diff_makes_a_dirty_bitmap()
{
	DESCRIPTION="diff --format qcow2 makes a file in which qemu-img finds no fault; the bitmap of the file, read by NBD, equals the diff"
	local offset

	used "$T/m"
	for offset in 0 512 4096 65536 1000448; do
		truncate -s $((offset + 3224 * 65536 + 5 * 512)) "$T/vol"
		printf 'data at the end' | dd of="$T/vol" bs=1 seek=$((offset + 3224 * 65536)) conv=notrunc status=none
		(cd "$T" && eractl diff ./m --since 3 --format qcow2 q --device vol --offset $offset)
		qemu-img check "$T/q"
		bitmap_of "$T/q" | diff - <(eractl diff "$T/m" --since 3 --format ranges --offset $offset) ||
			fail "offset $offset: the bitmap (<) is not the diff"
		qemu-img convert -O raw "$T/q" "$T/raw"
		cmp "$T/raw" "$T/vol"
		rm "$T/q" "$T/raw" "$T/vol"
	done
}

test_diff_makes_a_dirty_bitmap_of_a_large_volume()
{
	DESCRIPTION="for a volume of 1 TiB, the bitmap that diff writes into a qcow2 file has the first and the last block, and the file takes less than 3 MiB"
	metadata "$T/m" format 16777216 128 era 1 mark 0 1 mark 524287 2 mark 5000000 1000000 mark 16777215 1
	truncate -s 1T "$T/vol"
	eractl diff "$T/m" --since 1 --format qcow2 "$T/q" --device "$T/vol"
	qemu-img check "$T/q"
	bitmap_of "$T/q" | diff - <(eractl diff "$T/m" --since 1 --format ranges) || fail "the bitmap (<) is not the diff"
	(($(stat -c %s "$T/q") < 3 << 20)) || fail "got $(stat -c %s "$T/q") bytes"
}

test_diff_leaves_no_half_of_a_bitmap()
{
	DESCRIPTION="diff --format qcow2 overwrites no file, and leaves no file if it fails"
	metadata "$T/m" format 16777216 128 era 1 mark 0 1 mark 16777215 1
	echo mine > "$T/q"
	refused "File exists: eractl does not overwrite it" eractl diff "$T/m" --since 1 --format qcow2 "$T/q" --device "$T/vol"
	same "$(cat "$T/q")" mine
	trap '' XFSZ
	(ulimit -f 300 && refused "File too large" eractl diff "$T/m" --since 1 --format qcow2 "$T/r" --device "$T/vol")
	[[ ! -e $T/r ]] || fail "a file was left"
	refused "era 2 has not begun" eractl diff "$T/m" --since 2 --format qcow2 "$T/r" --device "$T/vol"
	[[ ! -e $T/r ]] || fail "a file was left"
	refused "--device DEV is missing" eractl diff "$T/m" --since 1 --format qcow2 "$T/r"
	refused "the FILE to be made is missing" eractl diff "$T/m" --since 1 --format qcow2
}
