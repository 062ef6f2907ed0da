# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# One case for each fault that dm-era has today. dm-era is expected to fail all of them.

test_W1_discard()
{
	DESCRIPTION="a discard of many blocks is reported for all its blocks, including the unaligned ends"
	new_devices 1M
	make_volume 128
	blkdiscard --offset $((2 * 65536 + 512)) --length $((4 * 65536)) /dev/mapper/data
	same "$(eras)" "2:1 3:1 4:1 5:1 6:1"
}

test_W2_checkpoint_waits()
{
	DESCRIPTION="a write that completes after a checkpoint has returned is reported in an era after the checkpoint"
	local disk writer landed=

	new_devices 1M
	disk=$origin
	slow_disk slow "$disk" 4000
	origin=/dev/mapper/slow
	make_volume 128
	write_block 3
	write_block 3 &
	writer=$!
	nap 0.4
	checkpoint
	# The writer may need a moment to exit after its write has completed.  If the writer still
	# runs after 1 s, its write is in flight, because the origin's delay is longer.
	nap 1
	! is_running $writer || landed=later
	wait $writer
	[[ ! $landed ]] || same "$(eras)" "3:2"
}

test_W3_load_before_suspend()
{
	DESCRIPTION="if a table is loaded before the suspend, and eras begin in between, no block is lost, and no era gets smaller"
	new_devices 1M
	make_volume 128
	table=$(dmsetup table data)
	write_block 1
	checkpoint
	dmsetup load data --table "$table"
	write_block 2
	checkpoint
	write_block 3
	checkpoint
	dmsetup suspend data
	dmsetup resume data
	(($(status_field 6) > 4)) || fail "the era went from 4 to $(status_field 6)"
	write_block 4
	same "$(eras)" "1:1 2:2 3:3 4:5"
}

test_W5_status_writes_nothing()
{
	DESCRIPTION="status writes nothing to the metadata"
	local before i

	new_devices 1M
	make_volume 128
	write_block 1
	nap 0.3
	before="$(stat_field "$metadata_disk" 5) $(stat_field "$metadata_disk" 16)"
	for i in 1 2 3 4 5; do
		dmsetup status data > /dev/null
	done
	same "$(stat_field "$metadata_disk" 5) $(stat_field "$metadata_disk" 16)" "$before"
}

test_W6_write_error_heals()
{
	DESCRIPTION="after a short failure of the metadata device, first writes work again, and all of them are reported"
	local writer first=1

	new_devices 1M
	make_volume 128
	write_block 1
	metadata_is "0 $metadata_size error"
	write_block 2 2> /dev/null &
	writer=$!
	nap 1
	metadata_is "$(linear_metadata)"
	wait $writer || first=
	write_block 3 || fail "a first write fails although the metadata works again"
	close_volume
	dump | sort -n > "$T/dump"
	(($(grep -c '^[13] ' "$T/dump") == 2)) || fail "written blocks are not reported: $(tr '\n' ' ' < "$T/dump")"
	[[ ! $first ]] || grep -q '^2 ' "$T/dump" || fail "block 2 is not reported"
}

# era_tree FILE: prints three numbers of the tree of dm-era's undigested writesets: the block of its
# root, how many entries it has, and the block of the first writeset.
era_tree()
{
	perl -e '
		open(my $f, "<:raw", $ARGV[0]) or die;
		sub block { seek($f, 4096 * $_[0], 0); read($f, my $b, 4096); $b }
		my $root = unpack("Q<", substr(block(0), 200, 8));
		my ($nr, $max) = unpack("L<L<", substr(block($root), 16, 8));
		print "$root $nr ", unpack("Q<", substr(block($root), 32 + 8 * $max + 4, 8)), "\n"' "$1"
}

# The unit test covers this case for erad. It also checks which blocks count as written after the
# damage.
elsewhere["test_W8_damaged_writeset"]=unit:damage_damaged_array
test_W8_damaged_writeset()
{
	DESCRIPTION="if the metadata of one era is damaged, the writesets of later eras are still digested"
	local root nr first

	new_devices 1M
	make_volume 128
	write_block 1
	checkpoint
	crash
	read -r root nr first < <(era_tree "$metadata_file")
	((nr)) || fail "there is no undigested writeset to be damaged"
	printf 'damage' | dd of="$metadata_file" bs=1 seek=$((first * 4096 + 512)) conv=notrunc status=none
	blockdev --flushbufs "$metadata_disk"
	blockdev --flushbufs "$metadata"
	open_volume
	for root in 2 3 4; do
		write_block $root
		checkpoint
	done
	write_block 5
	nap 1
	save_metadata "$T/then"
	read -r root nr first < <(era_tree "$T/then")
	((nr <= 2)) || fail "$nr writesets wait behind the damaged one"
}

test_W9_idle()
{
	DESCRIPTION="after a checkpoint, the blocks of the old era are moved into the array of the metadata, even without any I/O"
	new_devices 1M
	make_volume 128
	write_block 1
	checkpoint
	nap 3
	save_metadata "$T/then"
	array_has "$T/then" 1 1 || fail "3 s after the checkpoint block 1 is not in the array"
}

# void MIB: makes an $origin of this size, which keeps no content and needs no memory.
void()
{
	dmsetup create void --table "0 $(($1 * 2048)) zero"
	origin=/dev/mapper/void
}

test_W10_array_in_place()
{
	DESCRIPTION="an era with all 65536 blocks fits into metadata that has no room for a second array"
	new_devices 1M $(((19 + 24 + 67) * 4))K
	void 256
	make_volume 8
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=1M count=256 oflag=direct status=none
	checkpoint
	write_block 1
	nap 3
	checkpoint || fail "there was no further checkpoint"
	write_block 2 || fail "there was no further write"
	close_volume
	dump > "$T/dump"
	same "$(wc -l < "$T/dump")" 65536
	same "$(sort -n "$T/dump" | head -n 4 | tr ' \n' ': ')" "0:1 1:2 2:3 3:1 "
}

test_W11_eras_pile_up()
{
	DESCRIPTION="on a volume of 4 million blocks, the used metadata does not grow during 10 eras"
	local i used

	new_devices 1M 64M
	void 16384
	make_volume 8
	for ((i = 0; i < 13; i++)); do
		write_block $((i * 1000))
		checkpoint
		((i != 3)) || used=$(used_metadata)
	done
	(($(used_metadata) <= used + 200)) || fail "got $(used_metadata) blocks in use after 13 eras, $used after 3"
}

test_W12_metadata_in_use()
{
	DESCRIPTION="a second volume cannot use metadata that is in use"
	local other

	new_devices 1M
	other=$(new_disk 1M)
	make_volume 128
	dmsetup create other --table "0 2048 $TARGET $metadata $other 128" 2> /dev/null && fail "the argument was accepted"
	write_block 1
	same "$(eras)" "1:1"
}

test_W13_last_era()
{
	DESCRIPTION="at the last era number, a checkpoint fails, and the numbers do not begin at 0 again"
	local i before=0 now

	new_devices 1M
	make_volume 128
	close_volume
	dump > /dev/null
	restore_era 4294967290
	open_volume
	for ((i = 0; i < 10; i++)); do
		now=$(status_field 6)
		((now >= before)) || fail "the era went from $before to $now"
		before=$now
		checkpoint 2> "$T/err" || break
	done
	((i < 10)) || fail "got 10 checkpoints"
	write_block 1
	same "$(eras)" "1:$before"
}

test_W14_cost_of_a_first_write()
{
	DESCRIPTION="a first write costs one block of metadata and at most one flush"
	local i blocks flushes

	new_devices 1M
	make_volume 128
	write_block 1
	nap 0.3
	blocks=$(($(stat_field "$metadata_disk" 7) / 8))
	flushes=$(stat_field "$metadata_disk" 16)
	for i in 2 3 4 5 6 7 8 9; do
		write_block $i
	done
	blocks=$(($(stat_field "$metadata_disk" 7) / 8 - blocks))
	flushes=$(($(stat_field "$metadata_disk" 16) - flushes))
	((blocks > 0)) || fail "the writes are not counted"
	((blocks <= 8 && flushes <= 8)) || fail "got $blocks blocks and $flushes flushes for 8"
}

test_W15_dead_reader()
{
	DESCRIPTION="if a reader of the metadata is killed, it leaves no snapshot behind"

	new_devices 1M
	make_volume 128
	write_block 1
	# No program reads the output, so the command gets SIGPIPE.
	(read_live | :) || :
	nap 0.5
	same "$(status_field 7)" -
	write_block 2
	same "$(eras | tr ' ' '\n' | cut -d : -f 1 | tr '\n' ' ')" "1 2 "
}

test_W16_uuid()
{
	DESCRIPTION="metadata has its own UUID, and shows whether it was closed cleanly"
	local first

	new_devices 1M
	make_volume 128
	write_block 1
	save_metadata "$T/then"
	close_volume
	dump > /dev/null
	first=$(metadata_uuid)
	[[ ${first//[0-]/} ]] || fail "got UUID '$first'"
	closed_cleanly "$metadata_file" || fail "the metadata does not show that it was closed"
	! closed_cleanly "$T/then" || fail "the metadata in use shows that it was closed"
	[[ $TARGET != erad ]] || eractl forget data > /dev/null
	dmsetup remove metadata
	new_devices 1M
	make_volume 128
	close_volume
	dump > /dev/null
	[[ $(metadata_uuid) != "$first" ]] || fail "two have the UUID $first"
}

test_W17_no_split()
{
	DESCRIPTION="a write and a read of 1 MiB reach the origin undivided although the blocks have 4 KiB"
	local writes reads

	new_devices 4M
	dmsetup create below --table "0 8192 linear $origin 0"
	origin=/dev/mapper/below
	make_volume 8
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=1M count=1 oflag=direct status=none
	writes=$(stat_field "$origin" 5)
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=1M count=1 oflag=direct status=none
	writes=$(($(stat_field "$origin" 5) - writes))
	reads=$(stat_field "$origin" 1)
	dd if=/dev/mapper/data of=/dev/null bs=1M count=1 iflag=direct status=none
	reads=$(($(stat_field "$origin" 1) - reads))
	((writes > 0 && reads > 0)) || fail "the writes are not counted"
	((writes <= 4 && reads <= 4)) || fail "got $writes writes and $reads reads"
}
