# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl verify checks whether every block that differs from a copy is in the diff. If the volume is
# written meanwhile, verify fails.

# ends STATUS TEXT COMMAND...: checks that the command exits with STATUS, and that its output or its
# errors contain TEXT.
ends()
{
	local want=$1 text=$2 status=0

	shift 2
	"$@" > "$T/out" 2>&1 || status=$?
	((status == want)) || fail "'$*' ended with status $status, expected $want: $(cat "$T/out")"
	grep -q -- "$text" "$T/out" || fail "'$*' says '$(cat "$T/out")', expected '$text'"
}

# of NAME: prints a number from the JSON of eractl verify.
of()
{
	grep -o "\"$1\":[0-9]*" "$T/out" | cut -d : -f 2
}

test_verify_finds_what_went_past()
{
	DESCRIPTION="verify: a block that was written through the volume is in the diff; a block that was written to the origin is not in the diff, and verify reports it"
	local origin era

	truncate -s 64M "$T/o"
	origin=$(losetup --find --show "$T/o")
	eractl create data "$origin" > /dev/null
	write_at data 8388608 65536
	# The changed digits make this a token of other metadata.
	ends 3 "a full copy is due" eractl verify data --base "$T/o" --since "$(eractl checkpoint data --token | tr 0-4 5-9)"
	era=$(eractl checkpoint data)
	cp --sparse=always "$T/o" "$T/base"
	ends 0 "0 B differ from $T/base; all of that is in the diff since era $era; 0 B in the diff do not differ" \
		eractl verify data --base "$T/base" --since "$era"
	write_at data 0 65536
	write_at data 1048576 4096
	# Write a block again with the same content: the diff contains the block, but the block does
	# not differ.
	dd if=/dev/mapper/data of="$T/same" bs=64K count=1 skip=128 status=none
	dd if="$T/same" of=/dev/mapper/data bs=64K seek=128 oflag=direct conv=nocreat status=none
	ends 0 missing eractl verify data --base "$T/base" --since "$era" --json
	same "$(of differing_bytes) $(of missing_bytes) $(of unchanged_bytes)" "131072 0 65536"
	# Write to the file below the origin, and not through the volume.
	printf x | dd of="$T/o" bs=1 seek=33554432 conv=notrunc status=none
	blockdev --flushbufs "$origin"
	ends 1 "65536 bytes from byte 33554432 on differ and are not in the diff" eractl verify data --base "$T/base" --since "$era"
	ends 1 '"missing":\[{"offset":33554432,"length":65536}\]' eractl verify data --base "$T/base" --since "$era" --json
	ends 2 "base FILE|DEV is missing" eractl verify data --since "$era"
	ends 1 "is the volume itself" eractl verify data --since "$era" --base /dev/mapper/data
	# Cut the copy: the blocks beyond its end must count as different.
	truncate -s 32M "$T/base"
	ends 1 missing eractl verify data --base "$T/base" --since "$era" --json
	same "$(of missing_bytes)" 33554432
}

test_verify_of_a_volume_in_use()
{
	DESCRIPTION="verify accepts a volume that is frozen or mounted read-only, and fails if the volume is written meanwhile"
	local origin era writer

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	sync
	era=$(eractl checkpoint data)
	dd if=/dev/mapper/data of="$T/base" bs=1M iflag=direct conv=sparse status=none
	mkdir "$T/mnt"
	mount /dev/mapper/data "$T/mnt"
	echo two > "$T/mnt/file"
	fsfreeze -f "$T/mnt"
	ends 0 "all of that is in the diff since era $era" eractl verify data --base "$T/base" --since "$era"
	! fsfreeze -f "$T/mnt" 2> /dev/null || fail "verify has thawed the file system"
	fsfreeze -u "$T/mnt"
	mount -o remount,ro "$T/mnt"
	ends 0 "all of that is in the diff since era $era" eractl verify data --base "$T/base" --since "$era"
	umount "$T/mnt"
	until [[ -e $T/enough ]]; do
		dd if=/dev/zero of=/dev/mapper/data bs=64K count=1 seek=900 oflag=direct conv=nocreat status=none
	done &
	writer=$!
	ends 1 "was written to while it was compared, so the comparison is not valid" eractl verify data --base "$T/base" --since "$era"
	touch "$T/enough"
	wait $writer
	eractl close data
	ends 1 "it is not open" eractl verify data --base "$T/base" --since "$era"
}

test_verify_reads_a_snapshot_in_place_of_the_volume()
{
	DESCRIPTION="verify --device: the volume may be written meanwhile, because verify compares a snapshot of the volume"
	local era writer snapshot

	eractl create data "$(new_disk 64M)" > /dev/null
	era=$(eractl checkpoint data)
	truncate -s 64M "$T/base"
	write_at data 1048576 65536
	dd if=/dev/mapper/data of="$T/s" bs=1M iflag=direct conv=sparse status=none
	snapshot=$(losetup --find --show --read-only "$T/s")
	until [[ -e $T/enough ]]; do
		write_at data 33554432 4096
	done &
	writer=$!
	ends 0 "64 KiB differ from $T/base; all of that is in the diff" eractl verify data --base "$T/base" --since "$era" --device "$snapshot"
	ends 0 '"missing_bytes":0' eractl verify data --base "$T/base" --since "$era" --device "$snapshot" --json
	touch "$T/enough"
	wait $writer
	# Change a block of the snapshot. The block is not in the diff, so verify must report it.
	losetup -d "$snapshot"
	printf x | dd of="$T/s" bs=1 seek=20971520 conv=notrunc status=none
	snapshot=$(losetup --find --show --read-only "$T/s")
	ends 1 "65536 bytes from byte 20971520 on differ and are not in the diff" eractl verify data --base "$T/base" --since "$era" --device "$snapshot"
	# With --snapshot, verify must use the diff of the snapshot of the metadata, which does not
	# contain the last write.
	write_at data 0 4096
	eractl snapshot take data > /dev/null
	write_at data 50331648 4096
	dd if=/dev/mapper/data of="$T/now" bs=1M iflag=direct conv=sparse status=none
	ends 1 "65536 bytes from byte 50331648 on" eractl verify data --base "$T/base" --since "$era" --snapshot --device "$T/now"
	ends 0 "all of that is in the diff" eractl verify data --base "$T/base" --since "$era" --device "$T/now"
}

test_verify_says_why_it_cannot_compare()
{
	DESCRIPTION="verify exits with 1 or 2 and a reason if it cannot read or does not understand an argument"
	local era

	eractl create data "$(new_disk 64M)" > /dev/null
	era=$(eractl checkpoint data)
	truncate -s 64M "$T/base"
	truncate -s 32M "$T/short"
	ends 1 "$T/short has 33554432 bytes, expected the 67108864 of volume data" \
		eractl verify data --base "$T/base" --since "$era" --device "$T/short"
	ends 1 "$T/none: No such file" eractl verify data --base "$T/base" --since "$era" --device "$T/none"
	ends 1 "$T/none: No such file" eractl verify data --base "$T/none" --since "$era"
	ends 1 "is the volume itself" eractl verify data --since "$era" --base "$T/base" --device "$T/base"
	ends 1 "nobody" eractl verify nobody --base "$T/base" --since "$era"
	ends 1 "era 99" eractl verify data --base "$T/base" --since 99
	ends 2 "since is missing; expected an ERA, a TOKEN or @BOOKMARK" eractl verify data --base "$T/base"
	ends 2 "since x: expected" eractl verify data --base "$T/base" --since x
	ends 2 "name of a volume is missing" eractl verify --base "$T/base" --since 1
	ends 2 "expected one volume" eractl verify data more --base "$T/base" --since 1
	ends 2 "unrecognized option" eractl verify data --base "$T/base" --since 1 --bad
}
