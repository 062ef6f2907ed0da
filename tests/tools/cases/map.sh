# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# map: compares the picture of a volume with its dump.

# many FILE: makes metadata with 1024 blocks; for k from 0 to 15, the blocks 64 k to 64 k + 31 were last written in era 3 k + 1
many()
{
	local steps=(format 1024 128) k

	for ((k = 0; k < 16; k++)); do
		steps+=(era $((3 * k + 1)) mark $((64 * k)) 32)
	done
	metadata "$1" "${steps[@]}"
}

# on_terminal COLUMNS ROWS COMMAND…: prints the output of the command on a terminal of this size
on_terminal()
{
	local columns=$1 rows=$2

	shift 2
	script -qec "stty cols $columns rows $rows; $*" /dev/null | tr -d '\r'
}

test_map_text()
{
	DESCRIPTION="map shows the newest era of each cell by a character, and the legend agrees with dump"
	many "$T/m"
	eractl map "$T/m" > "$T/map"
	sed "s|^.*/m:|m:|" "$T/map" > "$T/got"
	same "$(sed -n 1p "$T/got")" "m: 64 MiB, about 128 KiB for each cell"
	same "$(sed -n 2p "$T/got" | cut -c 1-12)" "       0 B  "
	# In 80 columns there is room for 816 cells, 68 in a line.
	sed -n '2,/^$/s/^.\{12\}//p' "$T/got" > "$T/cells"
	same "$(wc -l < "$T/cells") $(tr -d '\n' < "$T/cells" | wc -c)" "12 816"
	tr -d '\n' < "$T/cells" | sed 's/./&\n/g' > "$T/each"
	eractl dump "$T/m" | perl -ne '
		BEGIN { @c = (0) x 816; }
		if (/block="(\d+)" era="(\d+)"/) { my $i = int($1 * 816 / 1024); $c[$i] = $2 if $2 > $c[$i]; }
		END {
			for (@c) {
				my $age = 46 - $_;
				print !$_ ? "." : $age == 0 ? "@" : $age < 2 ? "#" : $age < 4 ? "*" : $age < 8 ? "+" :
					$age < 16 ? "=" : $age < 32 ? "-" : ":", "\n";
			}
		}' > "$T/expected"
	diff "$T/each" "$T/expected" || fail "cells differ from the dump"
	# The volume has 16 groups of 32 blocks, each group in another era.
	same "$(sed '1,/^$/d; s/  */ /g' "$T/got")" " @ era 46, the current one 2 MiB
 # era 45 0 B
 * eras 43 to 44 2 MiB
 + eras 39 to 42 2 MiB
 = eras 31 to 38 6 MiB
 - eras 15 to 30 10 MiB
 : eras 1 to 14 10 MiB
 . never written 32 MiB"
}

test_map_since()
{
	DESCRIPTION="map --since counts blocks of older eras as never written, and refuses an era that has not begun"
	many "$T/m"
	eractl map "$T/m" --since 44 > "$T/got"
	same "$(sed '1,/^$/d; s/  */ /g' "$T/got")" " @ era 46, the current one 2 MiB
 # era 45 0 B
 * era 44 0 B
 . not since era 44 62 MiB"
	same "$(sed -n '2,/^$/s/^.\{12\}//p' "$T/got" | tr -d '.\n')" "$(printf '@%.0s' {1..25})"
	eractl map "$T/m" --since 0 | cmp - <(eractl map "$T/m") || fail "the diff since era 0 is not the whole volume"
	refused "era 47 has not begun: the current one is 46" eractl map "$T/m" --since 47
	refused "era x: expected a number" eractl map "$T/m" --since x
	refused "expected one" eractl map "$T/m" --json --svg "$T/svg"
	refused "got 0 operands" eractl map
}

test_map_small()
{
	DESCRIPTION="map has one cell for each block if the volume has few blocks, and the last cell has the real size of its block"
	metadata "$T/m" format 5 3 era 1 mark 1 1 mark 4 1
	same "$(eractl map "$T/m" | sed -n '2,3p')" "       0 B  .@..@"
	same "$(eractl map "$T/m" | tail -n 2 | sed 's/  */ /g')" " @ era 1, the current one 65.5 KiB
 . never written 192 KiB"
	eractl map "$T/m" --json > "$T/json"
	same "$(json "$T/json" 'join " ", map { join "+", @$_{qw(offset length era bytes)} } @{$o->{cells}}')" \
		"0+65536+0+0 65536+65536+1+65536 131072+65536+0+0 196608+65536+0+0 262144+1536+1+1536"
	same "$(json "$T/json" '"@$o{qw(version era since size block_size columns)} " . join "+", @{$o->{ages}[0]}{qw(oldest newest bytes)}')" \
		"1 1 1 263680 65536 68 1+1+67072"
}

test_map_json()
{
	DESCRIPTION="the cells of map --json cover the volume without a gap, and the sum of the bytes written in all cells equals the sum over all ages"
	used "$T/m"
	eractl map "$T/m" --json --since 2 > "$T/json"
	same "$(json "$T/json" 'my ($at, $n) = (0, 0);
		for (@{$o->{cells}}) { $_->{offset} == $at or die "gap at $at"; $at += $_->{length}; $n += $_->{bytes}; }
		my $m = 0; $m += $_->{bytes} for @{$o->{ages}}; "$at $n $m"')" \
		"$((3224 * 65536 + 5 * 512)) $(((1 + 20 + 10 + 5 + 234) * 65536 + 5 * 512)) $(((1 + 20 + 10 + 5 + 234) * 65536 + 5 * 512))"
}

test_map_terminal()
{
	DESCRIPTION="on a terminal the map has the size of the terminal, and has colours unless NO_COLOR is set"
	local plain

	many "$T/m"
	on_terminal 60 20 "env -u NO_COLOR -u COLORTERM TERM=xterm eractl map $T/m" > "$T/256"
	on_terminal 60 20 "env -u NO_COLOR COLORTERM=truecolor TERM=xterm eractl map $T/m" > "$T/true"
	on_terminal 60 20 "env NO_COLOR=1 TERM=xterm eractl map $T/m" > "$T/plain"
	on_terminal 60 20 "env -u NO_COLOR TERM=dumb eractl map $T/m" | cmp - "$T/plain" || fail "TERM=dumb is coloured"
	grep -q $'\033\\[48;5;228m ' "$T/256" || fail "no colour of 256"
	grep -q $'\033\\[48;2;255;241;138m ' "$T/true" || fail "no true colour"
	grep -q $'\033' "$T/plain" && fail "the map has colours in spite of NO_COLOR"
	same "$(wc -l < "$T/plain")" 18
	same "$(sed -n 2p "$T/plain" | wc -m)" 61
	for plain in 256 true; do
		same "$(sed -n 2p "$T/$plain" | sed $'s/\033\\[[0-9;]*m//g' | wc -m)" 61
	done
	env -u NO_COLOR TERM=xterm eractl map "$T/m" | grep -q $'\033' && fail "the map in a pipe has colours"
	return 0
}

test_map_svg()
{
	DESCRIPTION="map --svg makes well-formed SVG that has a rectangle where blocks were written, and names the eras"
	many "$T/m<&>"
	eractl map "$T/m<&>" --svg "$T/svg" > "$T/out"
	[[ ! -s $T/out ]] || fail "map printed: $(cat "$T/out")"
	python3 - "$T/svg" "$T/m<&>" << 'PYTHON'
import sys, xml.etree.ElementTree as xml
svg = xml.parse(sys.argv[1]).getroot()
ns = "{http://www.w3.org/2000/svg}"
texts = [t.text for t in svg.iter(ns + "text")]
assert texts[0] == sys.argv[2] + ", 64 MiB", texts[0]
assert "era 46, the current one: 2 MiB" in texts and "never written: 32 MiB" in texts, texts
rects = [r.attrib for r in svg.iter(ns + "rect")][1:]
cells = [r for r in rects if int(r["y"]) >= 28 and int(r["y"]) < 28 + 8 * 8]
# The map shows 1024 blocks, one for each cell, in 8 lines of 128 cells. Each line contains two runs
# of 32 cells.
assert sum(int(r["width"]) for r in cells) == 1024 * 8, cells
hot = [r for r in cells if r["fill"] == "#fff18a"]
assert [(r["x"], r["y"], r["width"]) for r in hot] == [("520", "84", "256")], hot
PYTHON
	refused "$T/none/svg: No such file or directory" eractl map "$T/m<&>" --svg "$T/none/svg"
}

test_map_svg_replaces_a_picture_only()
{
	DESCRIPTION="map --svg replaces an old picture in one step, and refuses a device, metadata and a file with other content"
	many "$T/m"
	cp "$T/m" "$T/before"
	refused "expected a regular file, or no file" eractl map "$T/m" --svg /dev/full
	refused "$T/m: it exists and is no SVG" eractl map "$T/m" --svg "$T/m"
	cmp "$T/m" "$T/before"
	echo 'data /dev/sdb /var/lib/erad/data' > "$T/table"
	cp "$T/table" "$T/before"
	refused "$T/table: it exists and is no SVG" eractl map "$T/m" --svg "$T/table"
	cmp "$T/table" "$T/before"
	touch "$T/svg"
	chmod 640 "$T/svg"
	ln -s svg "$T/link"
	eractl map "$T/m" --svg "$T/link"
	grep -q '^<svg' "$T/svg"
	cp "$T/svg" "$T/before"
	# A write that fails leaves the old picture, and no other file.
	refused "cannot write the whole file: File too large" \
		bash -c 'trap "" XFSZ; ulimit -f 1; exec eractl map "$1" --since 46 --svg "$2"' bash "$T/m" "$T/svg"
	cmp "$T/svg" "$T/before"
	eractl map "$T/m" --since 46 --svg "$T/link"
	cmp -s "$T/svg" "$T/before" && fail "the picture was not replaced"
	[[ -L $T/link ]] || fail "the link was replaced"
	same "$(stat -c %a "$T/svg")" 640
	same "$(echo "$T"/svg*)" "$T/svg"
}
