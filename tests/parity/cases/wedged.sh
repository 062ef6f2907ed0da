# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Faults after which dm-era may hang for ever. This file is the last one, because processes that
# wait for dm-era then cannot be killed.

# answers COMMAND...: checks that the command ends, with success or failure, although the volume is stuck.
answers()
{
	local status=0

	bounded 4 "$@" > "$T/answer" 2>&1 || status=$?
	((status == 124)) || return 0
	dmsetup resume data
	nap 1
	echo "FAIL: no answer to $* in 4 s, until the resume"
	exit 3
}

test_W4_status_while_suspended()
{
	DESCRIPTION="status and messages of a suspended volume are answered, even if erad is dead"
	new_devices 1M
	make_volume 128
	write_block 1
	dmsetup suspend data
	answers dmsetup status data
	grep -q " $TARGET " "$T/answer" || fail "status: $(cat "$T/answer")"
	answers dmsetup message data 0 checkpoint
	if [[ $TARGET == erad ]]; then
		kill_erad
		answers dmsetup status data
		grep -q " erad " "$T/answer" || fail "status with erad dead: $(cat "$T/answer")"
		answers dmsetup message data 0 checkpoint
		dmsetup resume data
		answers dmsetup message data 0 checkpoint
		grep -q "not connected" "$T/answer" || fail "checkpoint with erad dead: $(cat "$T/answer")"
		start_erad
	else
		dmsetup resume data
	fi
}

test_W7_full_at_rollover()
{
	DESCRIPTION="when so many eras begin that small metadata is full, no completed write is lost, and the volume still works"
	local i last=-1

	# Make the smallest metadata that erad can have for 16384 blocks. dm-era would need room for
	# a second array.
	new_devices 64M $(((19 + 24 + 17) * 4))K
	make_volume 8
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=1M count=64 oflag=direct status=none
	for ((i = 0; i < 15; i++)); do
		checkpoint 2> /dev/null || break
		write_block $((i * 131)) || break
		last=$i
	done
	((i >= 15)) || echo "ended at $i"
	crash
	open_volume || fail "the volume cannot be opened again after $i eras"
	write_block 16000 || fail "a first write fails after $i eras"
	close_volume
	dump > "$T/dump"
	same "$(wc -l < "$T/dump")" 16384
	awk -v last=$last '$1 % 131 == 0 && $1 / 131 <= last && $2 != $1 / 131 + 2' "$T/dump" > "$T/wrong"
	[[ ! -s $T/wrong ]] || fail "of $i eras it has lost writes: $(head -n 5 "$T/wrong" | tr '\n' ' ')"
	((i >= 15)) || fail "a write or a checkpoint failed after $i eras"
}
