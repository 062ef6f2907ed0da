# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# One case for each fix in the history of Linux's dm-era. The name of a case begins with the commit
# of the fix, or with the first commit if the fix has several.

test_eec40579_eras()
{
	DESCRIPTION="each era is one larger than the last; a block is reported in the era in which it was last written"
	new_devices 1M
	make_volume 128
	same "$(status_field 6)" 1
	write_block 0
	checkpoint
	same "$(status_field 6)" 2
	write_block 1
	write_block 0
	checkpoint
	same "$(status_field 6)" 3
	write_block 2
	same "$(eras)" "0:2 1:2 2:3"
	open_volume
	same "$(status_field 6)" 4
}

case_timeout["test_2099b145_bit_after_commit"]=300
test_2099b145_bit_after_commit()
{
	DESCRIPTION="while a first write waits for slow metadata, a second write to the same block waits, too; a power cut at this moment loses no recorded block"
	local one two

	new_devices 1M
	make_volume 128
	write_block 9
	dmsetup suspend --noflush --nolockfs metadata
	head -c 4096 /dev/zero | tr '\0' x | dd of=/dev/mapper/data conv=nocreat bs=4096 seek=$((3 * 16)) oflag=direct iflag=fullblock status=none &
	one=$!
	nap 0.3
	write_at data $((3 * 65536 + 8192)) 4096 &
	two=$!
	nap 0.3
	cp "$metadata_file" "$T/then"
	is_running $one || fail "the first write completed before its record"
	is_running $two || fail "the second write completed before its record"
	dd if="$origin" bs=4096 skip=$((3 * 16)) count=1 iflag=direct status=none | grep -q xxx &&
		fail "the write is on the origin before its record is durable"
	dmsetup resume metadata
	wait $one $two
	save_metadata "$T/after"
	close_volume
	load_metadata "$T/then"
	open_volume
	eras > "$T/eras"
	grep -qw 9:1 "$T/eras" || fail "blocks that were recorded before are lost: $(cat "$T/eras")"
	load_metadata "$T/after"
	open_volume
	same "$(eras)" "3:1 9:1"
}

test_de89afc1_current_writeset()
{
	DESCRIPTION="blocks written in the current era survive a crash: in the first era, in a later era, in two crashes one after the other, and during activation"
	new_devices 1M
	make_volume 128
	write_block 1
	crash
	open_volume
	crash
	open_volume
	same "$(eras)" "1:1"
	open_volume
	same "$(status_field 6)" 4
	write_block 2
	checkpoint
	write_block 3
	checkpoint
	write_block 4
	crash
	open_volume
	write_block 5
	crash
	open_volume
	same "$(eras)" "1:1 2:4 3:5 4:6 5:7"
}

test_25249333_stale_bits()
{
	DESCRIPTION="with 48, 64, 65 and 128 blocks, each era reports its own block, before and after the writesets are digested"
	local n

	for n in 48 64 65 128; do
		new_devices $((n * 4))K 4M
		make_volume 8
		write_block 1
		checkpoint
		write_block 2
		checkpoint
		write_block 3
		checkpoint
		same "$(eras)" "1:1 2:2 3:3"
		open_volume
		write_block 47
		checkpoint
		write_block 46
		same "$(eras)" "1:1 2:2 3:3 46:6 47:5"
		dmsetup remove metadata
		[[ $TARGET != erad ]] || eractl forget data > /dev/null
	done
}

test_c8e846ff_block_size()
{
	DESCRIPTION="a table with another block size is refused or does not become active, and does not change the metadata"
	local before writer=''

	new_devices 4M
	make_volume 128
	write_block 1
	checkpoint
	table=$(dmsetup table data)
	dmsetup suspend data
	before=$(cksum < "$metadata_file")
	if dmsetup load data --table "${table/ 128/ 64}" 2> /dev/null && dmsetup resume data 2> /dev/null; then
		write_at data 1048576 4096 &
		writer=$!
		nap 2
		is_running $writer || fail "a write completed on a volume with another block size"
	fi
	same "$(cksum < "$metadata_file")" "$before"
	dmsetup suspend --noflush --nolockfs data
	dmsetup load data --table "$table"
	dmsetup resume data
	[[ ! $writer ]] || wait $writer
	write_block 3
	close_volume
	dump | grep -q "^1 1$" || fail "blocks that were written before are lost"
	dump | grep -q "^3 [2-9]$" || fail "blocks that were written afterwards are lost"
}

test_64f2d15a_snapshot_leaks()
{
	DESCRIPTION="if eras begin while a snapshot of the metadata exists, the snapshot takes no space after its drop"
	local i j
	local used=()

	new_devices 1M
	make_volume 128
	for ((i = 0; i < 3; i++)); do
		dmsetup message data 0 take_metadata_snap > /dev/null
		[[ $(status_field 7) != - ]] || fail "status shows no snapshot"
		for ((j = 0; j < 3; j++)); do
			write_block $j
			checkpoint
		done
		dmsetup message data 0 drop_metadata_snap > /dev/null
		same "$(status_field 7)" -
		# Writes that are digested later must not change the result.
		write_block 5
		checkpoint
		write_block 6
		nap 0.5
		used+=("$(used_metadata)")
	done
	((used[2] <= used[1])) || fail "used blocks of metadata after each round: ${used[*]}"
	close_volume
	[[ $TARGET == erad ]] || era_check -q "$metadata" || fail "era_check finds faults"
	[[ $TARGET != erad ]] || eractl check "$metadata" > /dev/null || fail "eractl check finds faults"
}

kernel_memory()
{
	echo 3 > /proc/sys/vm/drop_caches
	nap 0.5
	awk '/^(SUnreclaim|Percpu|VmallocUsed):/ { sum += $2 } END { print sum }' /proc/meminfo
}

test_904e6b26_constructor_errors()
{
	DESCRIPTION="if any argument of the table is wrong, the table is refused, and after 200 attempts no memory or device is left"
	local memory grown size

	new_devices 1M
	make_volume 128
	close_volume
	size=$(blockdev --getsz "$origin")
	refused()
	{
		sed "s/^/$size $TARGET /" <<- EOT | bad_tables "$1"
			$metadata
			$metadata $origin
			$metadata $origin 0
			$metadata $origin 7
			$metadata $origin 12
			$metadata $origin x
			$metadata $origin 128 more
			/dev/nonexistent $origin 128
			$metadata /dev/nonexistent 128
		EOT
	}
	refused 10
	memory=$(kernel_memory)
	refused 200
	grown=$(($(kernel_memory) - memory))
	((grown < 2048)) || fail "the kernel grew by $grown KiB"
	# Both devices can be removed, so the module has not kept them open.
	dmsetup remove metadata
	losetup -d "$metadata_disk" "$origin"
}

# A few rounds are enough, because test_no_leak of tests/dm creates and removes erad's volumes 400
# times, and also checks erad's memory.
elsewhere["test_989f26f5_create_remove"]=dm:test_no_leak
test_989f26f5_create_remove()
{
	DESCRIPTION="repeated creating, writing and removing does not use more and more memory"
	local i memory grown

	new_devices 1M
	for ((i = 0; i < 25; i++)); do
		((i != 5)) || memory=$(kernel_memory)
		if ((i)); then open_volume; else make_volume 128; fi
		write_block 1
		close_volume
	done
	grown=$(($(kernel_memory) - memory))
	((grown < 2048)) || fail "the kernel grew by $grown KiB"
}

test_cca2c6ae_resize_not_at_load()
{
	DESCRIPTION="a table of another size that is loaded and cleared changes nothing"
	new_devices 4M
	make_volume 128
	table=$(dmsetup table data)
	write_block 1
	write_block 60
	dmsetup load data --table "0 4096 ${table#0 * }"
	dmsetup clear data
	checkpoint
	write_block 62
	same "$(eras)" "1:1 60:1 62:2"
	open_volume
	write_block 63
	same "$(eras)" "1:1 60:1 62:2 63:3"
}

test_cca2c6ae_resize_and_digest()
{
	DESCRIPTION="if the device is shrunk and grown while eras of the old size are not digested yet, the blocks within the device are right"
	new_devices 8M
	make_volume 128
	table=$(dmsetup table data)
	table=${table#0 * }
	write_block 1
	write_block 100
	checkpoint
	write_block 2
	swap_table "0 8192 $table"
	write_block 3
	checkpoint
	swap_table "0 16384 $table"
	write_block 127
	close_volume
	# The device shrank and grew again. The blocks that it gained may be reported, because a
	# copy of the smaller device does not contain them.
	dump | sort -n | awk '$1 < 64 || $1 == 127 { printf "%s%d:%d", s, $1, $2; s = " " }' > "$T/eras"
	same "$(cat "$T/eras")" "1:1 2:2 3:3 127:5"
}

test_9ae6e8b1_final_commit()
{
	DESCRIPTION="from a suspend on, the metadata does not change, even if thousands of blocks were being digested"
	local before

	new_devices 64M
	make_volume 8
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=1M count=64 oflag=direct status=none
	checkpoint
	write_block 1
	dmsetup suspend data
	before=$(cksum < "$metadata_file")
	nap 1
	same "$(cksum < "$metadata_file")" "$before"
	dmsetup resume data
	write_block 2
	close_volume
	same "$(dump | wc -l)" 16384
}

# The case cuts the power at 5 moments. tests/crash cuts erad's power at every flush and FUA write.
test_117aceb0_every_commit()
{
	DESCRIPTION="after a power cut at a random moment of writes and checkpoints, the metadata has every completed write and era"
	local i writer last

	new_devices 4M
	make_volume 16
	echo 0 > "$T/completed"
	for ((i = 0; i < 500; i++)); do
		write_block $i
		echo $i > "$T/completed.new"
		mv "$T/completed.new" "$T/completed"
		((i % 8 != 7)) || checkpoint
	done 2> "$T/err" &
	writer=$!
	for i in 1 2 3 4 5; do
		nap 0.7
		dmsetup suspend --nolockfs metadata
		cp "$T/completed" "$T/completed.$i"
		cp --sparse=always "$metadata_file" "$T/cut.$i"
		dmsetup resume metadata
	done
	kill $writer
	wait $writer || :
	close_volume
	for i in 1 2 3 4 5; do
		load_metadata "$T/cut.$i"
		open_volume
		close_volume
		dump | sort -n > "$T/dump"
		last=$(< "$T/completed.$i")
		same "$(awk -v last="$last" '$1 <= last' "$T/dump" | wc -l)" $((last + 1))
	done
	((last > 4)) || fail "got only $last writes"
}

test_be500ed7_digest_cost()
{
	DESCRIPTION="moving 8 blocks into the array costs as many writes of metadata on a device that is 256 times as large"
	local k before
	local cost=()

	for k in 1024 262144; do
		new_devices $((k * 4))K 16M
		make_volume 8
		write_block 1
		checkpoint
		before=$(stat_field "$metadata_disk" 7)
		dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=32K seek=1 count=1 oflag=direct status=none
		checkpoint
		write_block 1
		close_volume
		cost+=($(($(stat_field "$metadata_disk" 7) - before)))
		dmsetup remove metadata
		[[ $TARGET != erad ]] || eractl forget data > /dev/null
	done
	((cost[1] <= 2 * cost[0] + 64)) || fail "got ${cost[1]} sectors, for the smaller device ${cost[0]}"
}

test_7dea378b_discard_limits()
{
	DESCRIPTION="the volume supports discards if the origin supports them, and only then"
	new_devices 1M
	make_volume 128
	(($(< "$(sys_dir /dev/mapper/data)/queue/discard_max_bytes") > 0)) ||
		fail "the origin can discard, the volume cannot"
	close_volume
	[[ $TARGET != erad ]] || eractl forget data > /dev/null
	# A loop device on ramfs does not support discards, because files of ramfs cannot have
	# holes.
	mkdir "$T/mnt"
	mount -t ramfs none "$T/mnt"
	truncate -s 1M "$T/mnt/origin"
	dd if=/dev/zero of="$metadata_file" bs=1M count=8 conv=notrunc status=none
	origin=$(losetup --find --show --direct-io=off "$T/mnt/origin")
	same "$(< "/sys/block/${origin##*/}/queue/discard_max_bytes")" 0
	blockdev --flushbufs "$metadata"
	make_volume 128
	same "$(< "$(sys_dir /dev/mapper/data)/queue/discard_max_bytes")" 0
	blkdiscard /dev/mapper/data 2> /dev/null && fail "the discard was accepted"
	same "$(eras)" ""
	losetup -d "$origin"
}

test_8ec45662_ima()
{
	DESCRIPTION="the kernel's integrity measurement of a table has the name of the target and its arguments"
	new_devices 1M
	make_volume 128
	awk '{ print $NF }' /sys/kernel/security/ima/ascii_runtime_measurements |
		perl -ne 'chomp; print pack("H*", $_), "\n" if /^[0-9a-f]+$/' > "$T/measured"
	grep -qa "target_name=$TARGET," "$T/measured" || fail "the target's name is not measured"
	grep -qa "target_name=$TARGET,.*block_size=128" "$T/measured" || fail "the target's arguments are not measured"
}

test_1eb5fa84_checkpoint_answers()
{
	DESCRIPTION="the message checkpoint returns the number of the new era"
	new_devices 1M
	make_volume 128
	same "$(dmsetup message data 0 checkpoint)" 2
	same "$(status_field 6)" 2
	same "$(dmsetup message data 0 CheckPoint)" 3
	dmsetup message data 0 checkpoint now 2> /dev/null && fail "an argument was accepted"
	dmsetup message data 0 nonsense 2> /dev/null && fail "an unknown message was accepted"
	same "$(status_field 6)" 3
}

test_later_table_offset()
{
	DESCRIPTION="if another target comes before this one in the table, blocks are counted from the start of this target"
	local size line scratch

	new_devices 1M
	scratch=$(new_disk 1M)
	make_volume 128
	line=$(dmsetup table data)
	line=${line#0 }
	size=${line%% *}
	swap_table "0 2048 linear $scratch 0
2048 $line"
	same "$(blockdev --getsz /dev/mapper/data)" $((2048 + size))
	write_at data 0 65536
	write_at data $((1048576 + 65536)) 4096
	write_at data $((2 * 1048576 - 4096)) 4096
	same "$(eras)" "1:2 15:2"
}
