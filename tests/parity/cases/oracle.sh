# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Random histories. A recorder in user space knows the era of each block.

case_timeout["test_oracle"]=$((300 + 20 * ${ORACLE_SEEDS:-4}))
test_oracle()
{
	DESCRIPTION="after ${ORACLE_SEEDS:-4} random histories of writes, discards, checkpoints, reloads and opens, each block has the era that the recorder knows"
	local seed what=many reload="dmsetup load data && dmsetup suspend data && dmsetup resume data"
	local sizes=(8 24 32 128)

	if [[ $TARGET == era ]]; then
		# Make an easier history for dm-era, because its faults would fail any other one: no
		# operation is longer than a block, and a reload suspends the device before it loads
		# the table.
		what=one
		reload="dmsetup suspend data && dmsetup load data && dmsetup resume data"
	fi
	new_devices 3084K 2M
	for ((seed = 1; seed <= ${ORACLE_SEEDS:-4}; seed++)); do
		dd if=/dev/zero of="$metadata" bs=4096 count=1 oflag=direct status=none
		make_volume "${sizes[seed % 4]}"
		echo "$table" > "$T/table"
		# Write the shell function to a script, so that another program can run it.
		{ declare -f checkpoint && echo checkpoint; } > "$T/checkpoint"
		{ declare -f close_volume open_volume && echo "table='$table'; close_volume && open_volume"; } > "$T/reopen"
		oracle $what $seed $((block * 512)) /dev/mapper/data ". $T/checkpoint" ". $T/checkpoint" \
			"${reload/load data/load data $T/table}" ". $T/reopen" > "$T/recorder" || fail "seed $seed: the history does not come to its end"
		close_volume
		dump | sort -n > "$T/dump"
		cmp -s "$T/recorder" "$T/dump" || {
			diff "$T/recorder" "$T/dump" | head -n 20
			fail "seed $seed: the recorder (<) and the metadata (>) differ"
		}
		[[ -s $T/dump ]] || fail "seed $seed: nothing was written"
		[[ $TARGET != erad ]] || eractl forget data > /dev/null
	done
}
