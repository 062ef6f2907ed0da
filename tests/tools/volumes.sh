# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Volumes for the tests of streams: data in files, and metadata of several eras.

readonly uuid=e7ad0300-0000-0000-0000-000000000001
readonly size=$((299 * 65536 + 5 * 512))

# random SEED BYTES: prints random bytes that depend only on the seed
random()
{
	perl -e 'srand $ARGV[0]; my $s = join "", map { chr int rand 256 } 1 .. 4096; for (my $n = $ARGV[1]; $n > 0; $n -= 4096) {
		print substr($s, 0, $n < 4096 ? $n : 4096) }' "$@"
}

# write_blocks FILE SEED FIRST COUNT: writes blocks of 64 KiB, up to the end of the volume
write_blocks()
{
	local bytes=$(($4 * 65536)) left=$((size - $3 * 65536))

	random "$2" $((bytes < left ? bytes : left)) | dd of="$1" bs=64K seek="$3" conv=notrunc status=none
}

# token N: prints the token of era N
token()
{
	echo "$uuid:000000000000004d:$1"
}

# Makes a volume in eras 1, 2 and 3: $T/m1 and $T/v1 are its metadata and data in era 1, and so on.
three_eras()
{
	truncate -s $size "$T/v1"
	write_blocks "$T/v1" 1 0 40
	write_blocks "$T/v1" 2 290 10
	metadata "$T/m1" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 close
	cp "$T/v1" "$T/v2"
	write_blocks "$T/v2" 3 20 30
	dd if=/dev/zero of="$T/v2" bs=64K seek=5 count=3 conv=notrunc status=none
	metadata "$T/m2" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 era 2 mark 5 3 mark 20 30 close
	cp "$T/v2" "$T/v3"
	write_blocks "$T/v3" 4 299 1
	write_blocks "$T/v3" 5 100 1
	metadata "$T/m3" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 era 2 mark 5 3 mark 20 30 \
		era 3 mark 299 1 mark 100 1 close
	# In m4, era 4 has begun, and nothing was written in it.  So v3 contains the data of m4,
	# too.
	metadata "$T/m4" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 era 2 mark 5 3 mark 20 30 \
		era 3 mark 299 1 mark 100 1 era 4 close
	eractl send "$T/m1" --device "$T/v1" > "$T/full"
	# The increments on the full copy begin with era 1, because the volume may have been written
	# in era 1 after the full copy was made.
	eractl send "$T/m3" --device "$T/v3" --since "$(token 1)" > "$T/one_to_three"
	eractl send "$T/m2" --device "$T/v2" --since "$(token 1)" > "$T/one_to_two"
	eractl send "$T/m3" --device "$T/v3" --since "$(token 2)" > "$T/two_to_three"
	eractl send "$T/m4" --device "$T/v3" --since "$(token 3)" > "$T/three_to_four"
}

# receives COPY STREAM TOKEN: checks that receive accepts the stream, and that the last line of its
# output is the token
receives()
{
	eractl receive "$1" < "$2" > "$T/said" || fail "receive: exit code $?"
	same "$(tail -n 1 "$T/said")" "$3"
}
