# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# erad notices writes past a target even if no erad saw that the target was removed. The cases
# test the lines of the table in daemon/erad/volume/table_note.h.

# tracked: makes the volume "data", active in era 2, with a write in era 1 and a write in era 2. Sets
# $origin, and the tables $erad and $linear.
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

# served_again: waits until the volume "data" is active again.
served_again()
{
	wait_until "active" eractl_state_is data active
}

test_thrown_out_while_no_erad_runs()
{
	DESCRIPTION="if a target is removed from its table while no erad runs, or after erad was killed, the next diff lists everything, unless the counters show that nothing was written"
	local origin erad linear before

	tracked
	stop_erad
	# While no erad runs, another table of erad replaces the table, and nothing is written in
	# between: this is no gap.
	swap_table data "$erad"
	start_erad
	served_again
	no_gap data
	kill_erad
	while_linear data "$origin" true
	start_erad
	served_again
	# Nothing was written since the previous swap, so the counters of the device still have the
	# values in the table note.
	no_gap data
	before=$(eractl checkpoint data)
	write_at data 1048576 4096
	kill_erad
	while_linear data "$origin" write_at data 8388608 4096
	start_erad
	served_again
	gap_was unknown "the target was taken out of its table while no erad ran"
	same "$(changed data "$before")" "0 67108864"
	# There must be one gap only, and a diff since a later era must be exact.
	same "$(eractl status --json data | grep -c '"kind"')" 1
	before=$(eractl checkpoint data)
	write_at data 2097152 4096
	same "$(changed data "$before")" "2097152 65536"
}

# counters 0|1: sets whether the kernel counts the writes to the volume "data".  Kernels before 6.5
# always count writes.
counters()
{
	local dev

	dev=$(dmsetup info -c --noheadings -o minor data)
	echo "$1" > "/sys/block/dm-$dev/queue/iostats"
}

test_counters_switched_off()
{
	DESCRIPTION="a write past erad is noticed if the counters of the device are off when the target is removed; if the counters are switched off after that, the write is noticed only if the kernel always counts, as erad(8) says"
	local origin erad linear before at out back

	tracked
	for at in 0:1 0:0 1:0; do
		[[ $at != 1:0 ]] || counts_always || continue
		before=$(eractl checkpoint data)
		out=${at%:*}
		back=${at#*:}
		: > "${ERAD_OUT:-/tmp}/erad.log"
		counters "$out"
		swap_table data "$linear"
		wait_until "closed" eractl_state_is data closed
		counters 0
		write_at data 8388608 4096
		counters "$back"
		swap_table data "$erad"
		served_again
		gap_was written-past-table "8 sectors were written\|the device has no counters of writes"
		same "$(changed data "$before" 2> /dev/null)" "0 67108864"
		counters 1
		swap_table data "$erad"
		served_again
	done

	before=$(eractl checkpoint data)
	: > "${ERAD_OUT:-/tmp}/erad.log"
	counters 0
	write_at data 0 4096
	# While erad's table is in place, erad records the writes itself, whether or not the
	# counters are on.
	same "$(changed data "$before")" "0 65536"
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	counters 1
	swap_table data "$erad"
	served_again
	# Nothing was written past erad. On a kernel that always counts writes, erad knows this, and
	# records no gap. On another kernel, erad cannot know this, and a gap is correct.
	[[ $(changed data "$before" 2> /dev/null) == "0 67108864" ]] || counts_always
	before=$(eractl checkpoint data)
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	counters 0
	write_at data 8388608 4096
	counters 1
	swap_table data "$erad"
	served_again
	! counts_always || same "$(changed data "$before" 2> /dev/null)" "0 67108864"
}

# counts_always: returns whether this kernel counts writes to a mapped device even if its counters
# are switched off.
counts_always()
{
	local major minor

	IFS=.- read -r major minor _ < /proc/sys/kernel/osrelease
	((major < 6 || (major == 6 && minor < 5)))
}

# metadata_is_read: succeeds if erad has opened the metadata of the volume "data".
metadata_is_read()
{
	[[ $(eractl status --json data | field era) != null ]]
}

test_reader_before_the_comparison_is_refused()
{
	DESCRIPTION="while erad has not yet compared a target that is back in its table, diff, map and dump fail, and say what to do; then the diff lists everything"
	local lower origin erad linear before reader readers=()

	lower=$(new_disk 64M)
	dmsetup create lower --table "0 $(blockdev --getsz "$lower") linear $lower 0"
	origin=/dev/mapper/lower
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	before=$(eractl checkpoint data)
	erad=$(dmsetup table data)
	linear="0 $(blockdev --getsz "$origin") linear $origin 0"
	swap_table data "$linear"
	wait_until "closed" eractl_state_is data closed
	write_at data 8388608 4096
	# Let the origin hang, so that erad cannot end the comparison.
	dmsetup suspend lower
	swap_table data "$erad"
	wait_until "the metadata is read" metadata_is_read
	# Start the readers at the same time: each waits one second, and erad waits for the origin
	# for five seconds.
	for reader in "diff data --since $before" "map data" "dump data"; do
		# shellcheck disable=SC2086
		{ ! eractl $reader > /dev/null 2> "$T/err.${reader%% *}"; } &
		readers+=($!)
	done
	for reader in "${readers[@]}"; do
		wait "$reader" || fail "a reader worked before the comparison"
	done
	for reader in diff map dump; do
		grep -q "try again when 'eractl status data' says active\|it must be active" "$T/err.$reader" || fail "$reader: got $(cat "$T/err.$reader")"
	done
	dmsetup resume lower
	wait_until "active" eractl_state_is data active
	same "$(changed data "$before" 2> "$T/err")" "0 67108864"
	grep -q written-past-table "$T/err" || fail "got $(cat "$T/err")"
}

test_reader_while_the_table_waits_for_its_resume_is_refused()
{
	DESCRIPTION="while another table is in use, and erad's table is loaded but not resumed, a diff fails, although the metadata has no note about this yet"
	local origin erad linear before

	tracked
	before=$(eractl checkpoint data)
	# Stop erad until its own table is loaded again, but not resumed. Then erad waits for the
	# resume, and does not close the volume.
	kill -STOP "$(erad_pid)"
	swap_table data "$linear"
	dmsetup load data --table "$erad"
	write_at data 8388608 4096
	kill -CONT "$(erad_pid)"
	eractl diff data --since "$before" > /dev/null 2> "$T/err" && fail "diff worked although the target is out of its table"
	grep -q "try again when 'eractl status data' says active" "$T/err" || fail "got $(cat "$T/err")"
	dmsetup suspend data
	dmsetup resume data
	served_again
	same "$(changed data "$before" 2> "$T/err")" "0 67108864"
	grep -q written-past-table "$T/err" || fail "got $(cat "$T/err")"
}

# full_copy_is_due NAME|METADATA: checks that a diff since era 1 exits with 3. Its output is in $T/out and $T/err.
full_copy_is_due()
{
	local status=0

	eractl diff "$1" --since 1 > "$T/out" 2> "$T/err" || status=$?
	((status == 3)) || fail "diff $1: exit status $status, expected 3: $(cat "$T/err")"
}

test_origin_written_while_another_table_is_in()
{
	DESCRIPTION="if another table replaces erad's table, and the origin is written directly, diff exits with 3 until erad's table is back, and then lists everything"
	local origin erad opener

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	erad=$(dmsetup table data)
	swap_table data "0 $(blockdev --getsz "$origin") error"
	wait_until "closed" eractl_state_is data closed
	full_copy_is_due data
	grep -q "volume data: a full copy is due: its target was taken out of the table of /dev/mapper/data, so writes may have gone past erad" "$T/err" ||
		fail "got $(cat "$T/err")"
	full_copy_is_due /var/lib/erad/data.erad
	grep -q "data.erad: a full copy is due: the target of the volume was taken out of the table of its device" "$T/err" || fail "got $(cat "$T/err")"
	same "$(grep -c '^ *[0-9]' "$T/out")" 0
	eractl dump /var/lib/erad/data.erad > "$T/out" 2> "$T/err" || fail "$(cat "$T/err")"
	grep -q "data.erad: the target of the volume was taken out of the table" "$T/err" || fail "dump gives no warning"
	grep -q '</superblock>' "$T/out" || fail "the dump has no end"
	eractl dump data > "$T/out2" 2> "$T/err" || fail "$(cat "$T/err")"
	grep -q "data: the target of the volume was taken out of the table" "$T/err" || fail "dump by name gives no warning"
	cmp "$T/out" "$T/out2"
	# Keep the origin open, because its last close would write the page cache to the disk. So
	# the write stays in the page cache until erad flushes the origin.
	exec {opener}< "$origin"
	dd if=/dev/urandom of="$origin" bs=4096 seek=2000 count=1 conv=notrunc status=none
	swap_table data "$erad"
	wait_until "active" eractl_state_is data active
	exec {opener}<&-
	gap_was written-past-table "8 sectors were written to the origin"
	read_fully data || fail "the write was not noticed: $(changed data 1)"
	eractl close data
	eractl dump /var/lib/erad/data.erad 2>&1 > /dev/null | grep . && fail "dump gives a warning after a close"
	eractl diff /var/lib/erad/data.erad --since 1 > /dev/null
}

test_buffered_write_while_closed()
{
	DESCRIPTION="a write to the origin of a closed volume is noticed even if the write is still in the page cache when the volume is opened"
	local origin opener

	# On a large disk, a sample of the seal hardly ever is the place of the write. If it were, the
	# gap would name the sample.
	origin=$(new_disk 4G)
	eractl create data "$origin" > /dev/null
	eractl close data
	# Keep the origin open: otherwise, the close of another program could write back its pages.
	exec {opener}< "$origin"
	dd if=/dev/urandom of="$origin" bs=4096 seek=2000 count=1 conv=notrunc status=none
	eractl open data > /dev/null
	exec {opener}<&-
	closed_gap_was "8 sectors were written to the origin while the volume was closed"
	read_fully data || fail "the write was not noticed: $(changed data 1)"
}

test_counter_that_began_again()
{
	DESCRIPTION="if a partition that is the origin was removed and added again while the volume was closed, its counter of writes began again: the next open records a gap and names both counts"
	local disk

	disk=$(new_disk 64M)
	printf 'start=2048\n' | sfdisk -q "$disk"
	partx -a "$disk" || fail "there is no partition"
	eractl create data "${disk}p1" > /dev/null
	write_at data 1048576 4096
	eractl close data
	partx -d "$disk"
	partx -a "$disk"
	eractl open data > /dev/null
	gap_was written-while-closed "the counter of writes to the origin fell from 8 to 0 while the volume was closed;"
	read_fully data || fail "got $(changed data 1)"
	eractl close data
	partx -d "$disk"
}

test_device_removed_while_no_erad_runs()
{
	DESCRIPTION="if a device is removed while no erad runs, there is no seal, and the next open in the same boot records a gap; after a reboot there is no gap"
	local origin erad linear

	tracked
	stop_erad
	dmsetup remove data
	another_boot
	start_erad
	eractl open data > /dev/null
	no_gap data
	stop_erad
	dmsetup remove data
	start_erad
	eractl open data > /dev/null
	this_boot
	gap_was unknown "the device was removed while no erad ran"
	read_fully data || fail "got $(changed data 1)"
}

case_share["test_erad_that_ends_in_an_activation_is_no_gap"]=oldest
test_erad_that_ends_in_an_activation_is_no_gap()
{
	DESCRIPTION="if erad is killed in an activation when the first era is durable, or has begun, there is no gap"
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
	DESCRIPTION="if a device was written after a reboot, before erad's table replaced another table, the next diff lists everything"
	local origin erad linear

	tracked
	stop_erad
	dmsetup remove data
	another_boot
	dmsetup create data --table "$linear"
	dd if=/dev/mapper/data of=/dev/null bs=1M count=1 iflag=direct status=none
	swap_table data "$erad"
	start_erad
	served_again
	no_gap data
	stop_erad
	dmsetup remove data
	this_boot
	dmsetup create data --table "$linear"
	write_at data 8388608 4096
	swap_table data "$erad"
	start_erad
	served_again
	gap_was written-past-table "the device was written before its target came"
	read_fully data || fail "got $(changed data 1)"
}

case_share["test_killed_before_the_seal"]=oldest
test_killed_before_the_seal()
{
	DESCRIPTION="if erad is killed in a close before the origin is sealed, the next diff lists everything only if the origin was written meanwhile"
	local origin erad linear round

	tracked
	for round in 1 2; do
		stop_erad
		echo "CLOSE_FOLDED 1" > "$T/armed"
		ERAD_FAILPOINT=$T/armed build/failpoints/bin/erad --no-standby < /dev/null > "$T/life" 2>&1 &
		echo $! > /run/vm/erad.pid
		wait_until "erad serves" eractl_state_is data active
		eractl close data > /dev/null 2>&1 || :
		wait_until "erad is dead" erad_gone
		grep -q "failpoint CLOSE_FOLDED" "$T/life" || fail "erad was not killed: $(cat "$T/life")"
		((round == 1)) || dd if=/dev/urandom of="$origin" bs=4096 seek=2048 count=1 oflag=direct conv=notrunc,nocreat status=none
		start_erad
		eractl open data > /dev/null
		((round == 2)) || no_gap data
	done
	gap_was written-while-closed "8 sectors were written to the origin while the volume was closed"
	read_fully data || fail "got $(changed data 1)"
}

case_share["test_written_before_the_seal"]=oldest
test_written_before_the_seal()
{
	DESCRIPTION="if the origin is written after a close has removed the device, but before the close has sealed the origin, the next diff lists everything"
	local origin erad linear closer

	tracked
	stop_erad
	echo "CLOSE_ENDED 1 stop" > "$T/armed"
	ERAD_FAILPOINT=$T/armed build/failpoints/bin/erad --no-standby < /dev/null > "$T/life" 2>&1 &
	echo $! > /run/vm/erad.pid
	wait_until "erad serves" eractl_state_is data active
	eractl close data > /dev/null &
	closer=$!
	wait_until "erad has stopped" grep -q "failpoint CLOSE_ENDED" "$T/life"
	dd if=/dev/urandom of="$origin" bs=4096 seek=2048 count=1 oflag=direct conv=notrunc,nocreat status=none
	kill -CONT "$(erad_pid)"
	wait $closer
	stop_erad
	start_erad
	eractl open data > /dev/null
	gap_was unknown "when the volume was closed, the origin was in use already, was written"
	read_fully data || fail "got $(changed data 1)"
}

case_share["test_close_whose_metadata_fails_for_a_moment"]=oldest
test_close_whose_metadata_fails_for_a_moment()
{
	DESCRIPTION="metadata that fails at the beginning of a close and works again within five seconds is closed with a seal: a write after the next boot is noticed"
	local origin erad linear disk good closer

	disk=$(new_disk 16M)
	good="0 $(blockdev --getsz "$disk") linear $disk 0"
	dmsetup create meta --table "$good"
	tracked --metadata /dev/mapper/meta
	swap_table meta "0 $(blockdev --getsz "$disk") error"
	# Load the good table now: the metadata must work again within five seconds after the
	# beginning of the close.
	dmsetup load meta --table "$good"
	eractl close data 2> "$T/err" &
	closer=$!
	until device_is_gone data; do :; done
	dmsetup suspend --noflush --nolockfs meta
	dmsetup resume meta
	wait $closer || fail "the close failed: $(cat "$T/err")"
	another_boot
	dd if=/dev/urandom of="$origin" bs=4096 count=1 oflag=direct conv=notrunc,nocreat status=none
	eractl open data > /dev/null
	this_boot
	gap_was written-while-closed "the start of the device"
	read_fully data || fail "got $(changed data 1)"
}

device_is_gone()
{
	! dmsetup info "$1" > /dev/null 2>&1
}

case_share["test_close_without_room_is_sealed"]=oldest
test_close_without_room_is_sealed()
{
	DESCRIPTION="a close that cannot fold because the file system is full seals the origin: a write after the next boot is noticed, and without a write there is no gap"
	local origin

	origin=$(new_disk 64M)
	mkdir "$T/meta"
	mount -t tmpfs -o size=5M meta "$T/meta"
	eractl create data "$origin" --metadata "$T/meta/data.erad" --block-size 4K > /dev/null
	: > "${ERAD_OUT:-/tmp}/erad.log"
	dd if=/dev/zero of="$T/meta/filler" bs=4K status=none 2> /dev/null || :
	write_at data 33554432 4096
	eractl close data 2> "$T/err" && fail "the close did not say that it was not clean"
	grep -q "not closed cleanly: .*No space left on device" "$T/err" || fail "got $(cat "$T/err")"
	another_boot
	eractl open data > /dev/null
	no_gap data
	same "$(changed data 1)" "33554432 4096"
	eractl close data 2> /dev/null && fail "the second close did not say that it was not clean"
	dd if=/dev/urandom of="$origin" bs=4096 count=1 oflag=direct conv=notrunc,nocreat status=none
	another_boot
	eractl open data > /dev/null
	this_boot
	gap_was written-while-closed "the start of the device"
	read_fully data || fail "got $(changed data 1)"
	rm "$T/meta/filler"
	eractl close data
	umount "$T/meta"
}

test_thrown_out_while_the_metadata_fails()
{
	DESCRIPTION="if a target is removed while its metadata cannot be written, the next diff lists everything"
	local origin erad linear disk good

	disk=$(new_disk 16M)
	good="0 $(blockdev --getsz "$disk") linear $disk 0"
	dmsetup create meta --table "$good"
	tracked --metadata /dev/mapper/meta
	swap_table meta "0 $(blockdev --getsz "$disk") error"
	write_at data 16777216 4096 &
	log_has "new writes wait: /dev/mapper/meta"
	swap_table data "$linear"
	wait
	wait_until "closed" eractl_state_is data closed
	swap_table meta "$good"
	swap_table data "$erad"
	served_again
	gap_was unknown "the target was taken out of its table while no erad ran or the metadata failed"
	read_fully data || fail "got $(changed data 1)"
}

