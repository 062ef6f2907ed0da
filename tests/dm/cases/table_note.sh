# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What is written past a target is noticed though no erad saw it: the lines of the table in daemon/erad/volume/table_note.h.

# tracked: the volume data, active in era 2, with a write in era 1 and one in era 2; sets origin, erad and linear, the tables.
tracked()
{
	origin=$(new_disk 64M)
	: > "${ERAD_OUT:-/tmp}/erad.log"
	eractl create data "$origin" "$@" > /dev/null
	write_at data 0 4096
	eractl checkpoint data > /dev/null
	write_at data 1048576 4096
	erad=$(dmsetup table data)
	linear="0 $(blockdev --getsz "$origin") linear $origin 0"
}

# served_again: data is active again. How many gaps it has is in the array of its status.
served_again()
{
	wait_until "active" eractl_state_is data active
}

test_thrown_out_while_no_erad_runs()
{
	DESCRIPTION="a target that is thrown out of its table while no erad runs, or after erad was killed: the next diff lists everything, unless the counters show that nothing was written"
	local origin erad linear before

	tracked
	stop_erad
	# Another table of erad took the place: nothing was in between.
	swap_table data "$erad"
	start_erad
	served_again
	no_gap data
	kill_erad
	swap_table data "$linear"
	swap_table data "$erad"
	start_erad
	served_again
	# Nothing was written since the swap before, so the counter of the device is that of the note.
	no_gap data
	before=$(eractl checkpoint data)
	write_at data 1048576 4096
	kill_erad
	swap_table data "$linear"
	write_at data 8388608 4096
	swap_table data "$erad"
	start_erad
	served_again
	gap_was unknown "the target was taken out of its table while no erad ran"
	same "$(changed data "$before")" "0 67108864"
	# One gap, and a later era is exact.
	same "$(eractl status --json data | grep -c '"kind"')" 1
	before=$(eractl checkpoint data)
	write_at data 2097152 4096
	same "$(changed data "$before")" "2097152 65536"
}

test_device_removed_while_no_erad_runs()
{
	DESCRIPTION="a device that is removed while no erad runs has no seal, and the next open in the same boot says so; after a reboot it is no gap"
	local origin erad linear

	tracked
	stop_erad
	dmsetup remove data
	# As after a power cut: another boot.
	echo 6d3a6b1e-0000-4000-8000-000000000001 > "$T/boot_id"
	mount --bind "$T/boot_id" /proc/sys/kernel/random/boot_id
	start_erad
	eractl open data > /dev/null
	no_gap data
	stop_erad
	dmsetup remove data
	start_erad
	eractl open data > /dev/null
	umount /proc/sys/kernel/random/boot_id
	gap_was unknown "the device was removed while no erad ran"
	read_fully data || fail "got $(changed data 1)"
}

test_erad_that_ends_in_an_activation_is_no_gap()
{
	DESCRIPTION="an erad that is killed when the first era is durable, or has begun, leaves no gap"
	local origin erad linear point opener

	tracked
	for point in FIRST_DURABLE FIRST_BEGUN; do
		eractl close data
		stop_erad
		echo "$point 1" > "$T/armed"
		ERAD_FAILPOINT=$T/armed build/failpoints/bin/erad --no-standby < /dev/null > "$T/life" 2>&1 &
		echo $! > /run/vm/erad.pid
		wait_until "erad answers" eractl list
		eractl open data > /dev/null 2>&1 &
		opener=$!
		wait_until "erad has killed itself at $point" grep -q "failpoint $point" "$T/life"
		wait_until "erad is dead" erad_gone
		start_erad
		wait $opener || :
		served_again
		no_gap data
	done
}

test_device_written_before_its_target_came()
{
	DESCRIPTION="a device that was written before erad's table took the place of another one, for example after a reboot: the next diff lists everything"
	local origin erad linear

	tracked
	eractl close data
	dmsetup create data --table "$linear"
	dd if="/dev/mapper/data" of=/dev/null bs=1M count=1 iflag=direct status=none
	swap_table data "$erad"
	served_again
	no_gap data
	eractl close data
	dmsetup create data --table "$linear"
	write_at data 8388608 4096
	swap_table data "$erad"
	served_again
	gap_was written-past-table "8 sectors were written to the device before its target came"
	read_fully data || fail "got $(changed data 1)"
}

test_thrown_out_while_the_metadata_fails()
{
	DESCRIPTION="a target that is thrown out while its metadata cannot be written: the next diff lists everything"
	local origin erad linear disk good

	disk=$(new_disk 16M)
	good="0 $(blockdev --getsz "$disk") linear $disk 0"
	dmsetup create meta --table "$good"
	tracked --metadata /dev/mapper/meta
	swap_table meta "0 $(blockdev --getsz "$disk") error"
	write_at data 16777216 4096 &
	wait_until "erad says that the metadata fails" grep -q "new writes wait: /dev/mapper/meta" "${ERAD_OUT:-/tmp}/erad.log"
	swap_table data "$linear"
	wait
	wait_until "closed" eractl_state_is data closed
	swap_table meta "$good"
	swap_table data "$erad"
	served_again
	gap_was unknown "the target was taken out of its table while no erad ran or the metadata failed"
	read_fully data || fail "got $(changed data 1)"
}

test_origin_written_itself()
{
	DESCRIPTION="a write to the origin itself, while the volume is in use, closed, or being closed, or while no erad runs, is noticed wherever it is"
	local origin erad linear before i

	tracked
	before=$(eractl checkpoint data)
	dd if=/dev/urandom of="$origin" bs=4096 seek=5000 count=1 oflag=direct conv=notrunc status=none
	eractl checkpoint data > /dev/null
	gap_was written-to-origin "8 sectors were written to the origin itself"
	same "$(changed data "$before")" "0 67108864"
	before=$(eractl checkpoint data)
	write_at data 2097152 4096
	same "$(changed data "$before")" "2097152 65536"
	same "$(eractl status --json data | grep -c '"kind"')" 1

	: > "${ERAD_OUT:-/tmp}/erad.log"
	kill_erad
	blkdiscard -f --offset 4194304 --length 65536 "$origin"
	start_erad
	served_again
	before=$(eractl checkpoint data)
	gap_was written-to-origin "128 sectors were written to the origin itself"

	: > "${ERAD_OUT:-/tmp}/erad.log"
	eractl close data
	for ((i = 0; i < 3; i++)); do
		dd if=/dev/urandom of="$origin" bs=512 seek=$((40000 + i * 7777)) count=1 oflag=direct conv=notrunc status=none
	done
	eractl open data > /dev/null
	gap_was written-while-closed "3 sectors were written to the origin"
	same "$(changed data "$before")" "0 67108864"

	# erad comes late to seal what somebody has written since the device was removed.
	: > "${ERAD_OUT:-/tmp}/erad.log"
	before=$(eractl checkpoint data)
	kill -STOP "$(erad_pid)"
	dmsetup remove data
	dd if=/dev/urandom of="$origin" bs=4096 seek=5000 count=1 oflag=direct conv=notrunc status=none
	kill -CONT "$(erad_pid)"
	wait_until "closed" eractl_state_is data closed
	eractl open data > /dev/null
	gap_was written-to-origin "8 sectors were written to the origin itself, the seal may have them"
	same "$(changed data "$before")" "0 67108864"
}

test_counters_of_the_origin_make_no_alarm()
{
	DESCRIPTION="checkpoints, table swaps, kills of erad, aborted writes and closes under a load of writes and discards make no gap"
	local origin erad linear load i

	tracked
	for ((i = 0; i < 3; i++)); do
		load -t 4 -s 600 -r 1 -d /dev/mapper/data > "$T/touched" 2>&1 &
		load=$!
		nap 0.3
		eractl checkpoint data > /dev/null
		swap_table data "$erad"
		nap 0.3
		kill_erad
		nap 0.3
		start_erad
		served_again
		eractl checkpoint data > /dev/null
		eractl abort data > /dev/null 2>&1 || :
		served_again
		kill $load
		wait $load || :
		eractl checkpoint data > /dev/null
		eractl close data
		eractl open data > /dev/null
	done
	no_gap data
}

test_gap_refuse()
{
	DESCRIPTION="with gap=refuse a volume that was written past erad is not opened, as often as that is tried, but with --accept-gap; a live one goes on"
	local origin erad linear i

	tracked
	sed -i 's/^data.*/& gap=refuse/' /etc/eratab
	reopened true
	eractl close data
	dd if=/dev/urandom of="$origin" bs=4096 seek=5000 count=1 oflag=direct conv=notrunc status=none
	for ((i = 0; i < 2; i++)); do
		eractl open data 2> "$T/err" && fail "opened"
		grep -q "volume data: writes may have gone past erad (written-while-closed): 8 sectors .*'eractl open --accept-gap data'" "$T/err" ||
			fail "got $(cat "$T/err")"
		[[ ! -e /dev/mapper/data ]] || fail "the device is there"
	done
	eractl open data --accept-gap > /dev/null
	gap_was written-while-closed "8 sectors were written to the origin"
	read_fully data || fail "got $(changed data 1)"
	swap_table data "$linear"
	write_at data 8388608 4096
	swap_table data "$erad"
	served_again
	gap_was written-past-table "8 sectors"
}

test_metadata_put_back()
{
	DESCRIPTION="metadata that is put back from an older copy is noticed at the open, and a diff since an era that it counts again lists everything"
	local origin erad linear full m=/var/lib/erad/data.erad

	origin=$(new_disk 64M)
	: > "${ERAD_OUT:-/tmp}/erad.log"
	eractl create data "$origin" > /dev/null
	eractl close data
	cp --sparse=always $m "$T/night"
	eractl open data > /dev/null
	full=$(eractl checkpoint data)
	write_at data 1048576 4096
	# An erad that ends here has seen no newer era than the metadata has.
	kill_erad
	start_erad
	served_again
	reopened true
	no_gap data
	wait_until "the era of the open is in the file" grep -q ":$(eractl status --json data | field era)\$" /var/lib/erad/seen/*
	eractl close data
	cp --sparse=always "$T/night" $m
	eractl open data > /dev/null
	gap_was metadata-rolled-back "era [0-9]* was begun before, and the metadata, in era 1, does not know it"
	eractl checkpoint data > /dev/null
	same "$(changed data "$full")" "0 67108864"
	reopened true
	same "$(eractl status --json data | grep -c '"kind": *"metadata-rolled-back"')" 1
}
