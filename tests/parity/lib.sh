# shellcheck shell=bash disable=SC2034,SC2119,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions of the cases in cases/: they use one volume, "data", of the target $TARGET, which is era
# or erad.
#
# A case is a function test_NAME as in tests/dm, and runs once with each target. It uses the volume
# through device-mapper and through the functions of target_era.sh and target_erad.sh:
#
# 	make_volume BLOCK		makes a volume in era 1 on $origin and $metadata, which are new; BLOCK in sectors
# 	open_volume			opens the volume, which begins a new era
# 	close_volume			closes the volume
# 	checkpoint			begins a new era
# 	dump				of a closed volume: prints "BLOCK ERA" for each block that was ever written, in order
#
# None of these functions waits for a suspended device, and each fails if the target fails.

# shellcheck source=../dm/lib.sh
. tests/dm/lib.sh
# shellcheck source=target_era.sh
[[ ! ${TARGET-} ]] || . "tests/parity/target_$TARGET.sh"

# not_for_era: cases that do not apply to dm-era, NAME → reason. elsewhere: cases that another test covers for erad, NAME →
# "dm:", "unit:" or "lint:" and the name of the test.
declare -A not_for_era elsewhere

# new_devices SIZE [METADATA-SIZE]: makes $origin and $metadata. $metadata is a linear device, so that a case can freeze it,
# slow it down and make it fail. $metadata_file is the file below it.
new_devices()
{
	origin=$(new_disk "$1")
	metadata_disk=$(new_disk "${2:-8M}")
	metadata_file=$(< "/sys/block/${metadata_disk##*/}/loop/backing_file")
	metadata_size=$(< "/sys/block/${metadata_disk##*/}/size")
	metadata=/dev/mapper/metadata
	dmsetup create metadata --table "$(linear_metadata)"
}

linear_metadata()
{
	echo "0 $metadata_size linear $metadata_disk 0"
}

# metadata_is TABLE: loads a table into $metadata.  I/O in flight completes through the old table.
metadata_is()
{
	dmsetup load metadata --table "$1"
	dmsetup suspend --nolockfs metadata
	dmsetup resume metadata
}

# save_metadata FILE: copies the durable content of the metadata, which a power cut would leave.
save_metadata()
{
	dmsetup suspend --nolockfs metadata
	cp --sparse=always "$metadata_file" "$1"
	dmsetup resume metadata
}

# load_metadata FILE: writes FILE to $metadata, as if power had been cut when FILE was saved. The
# volume must be closed.
load_metadata()
{
	another_boot
	# This is no rollback by mistake, so erad must not notice it.
	rm -rf /var/lib/erad/seen
	cat "$1" > "$metadata_file"
	blockdev --flushbufs "$metadata_disk"
	blockdev --flushbufs "$metadata"
}

# crash: closes the volume, and then puts back a copy of the metadata that was made before the
# close.
crash()
{
	save_metadata "$T/crash"
	close_volume
	load_metadata "$T/crash"
}

# write_block NUMBER [BYTES]: writes to a block of the volume
write_block()
{
	write_at data $(($1 * block * 512)) "${2:-4096}"
}

# eras: closes the volume, and prints "BLOCK:ERA …" for all blocks that were ever written.
eras()
{
	local block era text=

	close_volume
	dump "$metadata" > "$T/eras.now"
	while read -r block era; do
		text+="${text:+ }$block:$era"
	done < "$T/eras.now"
	echo "$text"
}

# status_field N: prints field N of `dmsetup status`; 6 is the era, 7 the snapshot.
status_field()
{
	dmsetup status data | awk -v n="$1" '{ print $n }'
}

used_metadata()
{
	status_field 5 | cut -d / -f 1
}

# sys_dir DEVICE: prints the device's directory in sysfs.  Without udev, the nodes in /dev/mapper
# are no links.
sys_dir()
{
	local major minor

	read -r major minor < <(stat -L -c '%t %T' "$1")
	echo "/sys/dev/block/$((0x$major)):$((0x$minor))"
}

# stat_field DEVICE N: prints field N of the device's statistics; 5 are the writes, 7 the sectors
# written, 16 the flushes.
stat_field()
{
	awk -v n="$2" '{ print $n }' "$(sys_dir "$1")/stat"
}

# swap_table TABLE: suspends the device, loads the table and resumes. dm-era works correctly only in
# this order.
swap_table()
{
	dmsetup suspend data
	dmsetup load data --table "$1"
	dmsetup resume data
}
