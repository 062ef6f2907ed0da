# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions of the benchmarks: they make the measured device on $ORIGIN and $METADATA, and print
# results.

# wipe_metadata: removes the metadata, so that dm-era makes new metadata.
wipe_metadata()
{
	dd if=/dev/zero of="$METADATA" bs=8192 count=1 oflag=direct status=none
}

# up TARGET BLOCK_SECTORS: makes /dev/mapper/bench with the target TARGET on $ORIGIN, and with new
# metadata on $METADATA.
up()
{
	local sectors

	target=$1
	sectors=$(blockdev --getsz "$ORIGIN")
	case $target in
	linear)
		dmsetup create bench --table "0 $sectors linear $ORIGIN 0"
		;;
	dm_era)
		wipe_metadata
		dmsetup create bench --table "0 $sectors era $METADATA $ORIGIN $2"
		;;
	erad)
		eractl create bench "$ORIGIN" --metadata "$METADATA" --block-size $(($2 * 512)) --overwrite-metadata > /dev/null
		;;
	esac
}

down()
{
	if [[ $target == erad ]]; then
		eractl close bench > /dev/null
		eractl forget bench > /dev/null
	else
		# Try again: udev opens a device for a short time after a writer has closed it.
		dmsetup remove --retry bench
	fi
}

# value ROW NUMBER: prints a result
value()
{
	printf '%s %s %s\n' "$1" "$target" "$2"
}

per()
{
	awk "BEGIN { printf \"%.3f\", $1 / $2 }"
}
