# shellcheck shell=bash disable=SC2034,SC2119,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# What the cases in cases/ have in common: one volume, "data", of the target $TARGET, which is era or erad.
#
# A case is a function test_NAME as in tests/dm, and runs once with each target. It uses the volume through device-mapper
# and through what target_era.sh and target_erad.sh define:
#
#	make_volume BLOCK		on $origin and $metadata, which are new; BLOCK in sectors; its era is 1
#	open_volume, close_volume	the same, again: a new era; without one
#	checkpoint			a new era
#	dump				"BLOCK ERA" of each block that was ever written, in order; the volume is closed
#
# Neither waits for what is suspended, and each fails if the target does.

# shellcheck source=../dm/lib.sh
. tests/dm/lib.sh
# shellcheck source=target_era.sh
[[ ! ${TARGET-} ]] || . "tests/parity/target_$TARGET.sh"

# What does not apply to dm-era: NAME → why. What another test shows of erad: NAME → dm:, unit: or lint: and its name.
declare -A not_for_era elsewhere

# new_devices SIZE [METADATA-SIZE]: $origin and $metadata, where $metadata is a linear device, so that it can be frozen,
# slow, and fail; and $metadata_file, the file that is below it.
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

# metadata_is TABLE: from now on. What is in flight completes as it was before.
metadata_is()
{
	dmsetup load metadata --table "$1"
	dmsetup suspend --nolockfs metadata
	dmsetup resume metadata
}

slow_metadata()
{
	metadata_is "0 $metadata_size delay $metadata_disk 0 0 $metadata_disk 0 $1 $metadata_disk 0 $1"
}

# save_metadata FILE: what is durable at this moment, as a power cut would leave it.
save_metadata()
{
	dmsetup suspend --nolockfs metadata
	cp --sparse=always "$metadata_file" "$1"
	dmsetup resume metadata
}

# load_metadata FILE: the volume is closed.
load_metadata()
{
	cat "$1" > "$metadata_file"
	blockdev --flushbufs "$metadata_disk"
	blockdev --flushbufs "$metadata"
}

# crash: the volume is closed, and its metadata is what it was before that.
crash()
{
	save_metadata "$T/crash"
	close_volume
	load_metadata "$T/crash"
}

# write_block NUMBER [BYTES]
write_block()
{
	write_at data $(($1 * block * 512)) "${2:-4096}"
}

# eras: "BLOCK:ERA …" of all that were ever written; the volume is closed by that.
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

# status_field N: of `dmsetup status`; 6 is the era, 7 the snapshot.
status_field()
{
	dmsetup status data | awk -v n="$1" '{ print $n }'
}

used_metadata()
{
	status_field 5 | cut -d / -f 1
}

# sys_dir DEVICE: its directory in sysfs. Without udev, what is in /dev/mapper is no link.
sys_dir()
{
	local major minor

	read -r major minor < <(stat -L -c '%t %T' "$1")
	echo "/sys/dev/block/$((0x$major)):$((0x$minor))"
}

# stat_field DEVICE N: 5 are the writes, 7 the sectors written, 16 the flushes.
stat_field()
{
	awk -v n="$2" '{ print $n }' "$(sys_dir "$1")/stat"
}

# swap_table TABLE...: suspend, load, resume; the order in which dm-era's is right.
swap_table()
{
	dmsetup suspend data
	dmsetup load data --table "$1"
	dmsetup resume data
}
