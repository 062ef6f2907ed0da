# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the benchmarks have in common: the device that they measure, on $ORIGIN and $METADATA, and the lines that they print.

# up TARGET BLOCK_SECTORS: /dev/mapper/bench is $ORIGIN behind TARGET, with new metadata on $METADATA.
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
		dd if=/dev/zero of="$METADATA" bs=4096 count=1 oflag=direct status=none
		dmsetup create bench --table "0 $sectors era $METADATA $ORIGIN $2"
		;;
	erad)
		eractl create bench "$ORIGIN" --metadata "$METADATA" --block-size $(($2 * 512)) --force > /dev/null
		;;
	esac
}

down()
{
	if [[ $target == erad ]]; then
		eractl close bench > /dev/null
		eractl forget bench > /dev/null
	else
		dmsetup remove bench
	fi
}

# value ROW NUMBER
value()
{
	printf '%s %s %s\n' "$1" "$target" "$2"
}

per()
{
	awk "BEGIN { printf \"%.3f\", $1 / $2 }"
}
