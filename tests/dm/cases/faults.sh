# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# erad is killed, hangs or does not run, and tables or metadata are changed while erad uses them.

test_erad_killed_under_load()
{
	DESCRIPTION="if erad is killed again and again under load, no write fails and no block is lost"
	local origin writer i

	# Use small blocks, so that the volume has many of them. Then the load makes first writes
	# for a longer time.
	origin=$(new_disk 64M)
	eractl create data "$origin" --block-size 16K
	load -t 4 -s 1000 -r 5 -d -b 16384 /dev/mapper/data > "$T/touched" &
	writer=$!
	for ((i = 0; i < 6; i++)); do
		nap 0.4
		kill_erad
		nap 0.3
		start_erad
	done
	kill $writer
	wait $writer || fail "the load had an I/O error"
	same "$(eractl status --json data | field era)" 1
	same "$(changed data 1)" "$(cat "$T/touched")"
}

test_erad_killed_across_checkpoints()
{
	DESCRIPTION="with checkpoints between kills, the diff has every block in the era in which it was written"
	local origin era=1 next

	origin=$(new_disk 64M)
	eractl create data "$origin"
	for round in 1 2 3 4; do
		load -t 2 -s 1 -r "$round" -d /dev/mapper/data > "$T/touched" || fail "load failed"
		kill_erad
		start_erad
		same "$(changed data "$era")" "$(cat "$T/touched")"
		next=$(eractl checkpoint data)
		((next > era)) || fail "era went from $era to $next"
		era=$next
		kill_erad
		start_erad
		same "$(changed data "$era")" ""
	done
}

test_erad_absent()
{
	DESCRIPTION="without erad, reads and writes to recorded blocks work; a first write waits, and completes after erad has been started"
	local origin writer

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 0 65536
	kill_erad
	write_at data 4096 8192
	dd if=/dev/mapper/data of=/dev/null bs=1M iflag=direct status=none
	write_at data 1048576 4096 &
	writer=$!
	sleep 2
	is_running $writer || fail "an unrecorded write completed without erad"
	dmsetup status data | grep -q detached || fail "status: $(dmsetup status data)"
	eractl status 2> "$T/err" && fail "eractl status worked without erad"
	grep -q 'erad is not running' "$T/err" || fail "the error has other words than expected: $(cat "$T/err")"
	start_erad
	wait $writer || fail "the write failed"
	same "$(changed data 1)" "0 65536
1048576 65536"
}

test_term_and_start()
{
	DESCRIPTION="if erad is stopped with SIGTERM, its volumes stay live, and the next erad serves them"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 0 4096
	stop_erad
	write_at data 0 4096
	start_erad
	same "$(eractl status --json data | field state)" active
	same "$(eractl status --json data | field era)" 1
	write_at data 65536 4096
	same "$(changed data 1)" "0 131072"
}

test_abort_and_remove()
{
	DESCRIPTION="without erad, a volume with held writes can be removed after abort"
	local origin writer

	origin=$(new_disk 64M)
	eractl create data "$origin"
	kill_erad
	write_at data 0 4096 2> /dev/null &
	writer=$!
	wait_until "the write is held" held_now_are 1
	dmsetup remove data 2> /dev/null && fail "the device was removed although it had a held write"
	eractl abort data
	wait $writer && fail "the held write succeeded"
	wait_until "removed" dmsetup remove data
	start_erad
	eractl open data
	write_at data 0 4096
	same "$(eractl status --json data | field state)" active
}

test_suspend_wedged_and_aborted()
{
	DESCRIPTION="without erad, abort ends a suspend with flush that waits for a held write"
	local origin writer suspend

	origin=$(new_disk 64M)
	eractl create data "$origin"
	kill_erad
	write_at data 0 4096 2> /dev/null &
	writer=$!
	wait_until "the write is held" held_now_are 1
	dmsetup suspend data &
	suspend=$!
	sleep 1
	is_running $suspend || fail "the suspend did not wait"
	eractl abort data
	wait $suspend || fail "the suspend failed"
	dmsetup resume data
	wait $writer && fail "the held write succeeded"
	start_erad
	wait_until "active" eractl_state_is data active
	write_at data 0 4096
	same "$(changed data 1)" "0 65536"
}

test_noflush_swap_without_erad()
{
	DESCRIPTION="if the table is swapped with a noflush suspend while erad is dead, held writes complete, and no block is lost"
	local origin writer table

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 0 4096
	table=$(dmsetup table data)
	kill_erad
	write_at data 1048576 4096 &
	writer=$!
	wait_until "the write is held" held_now_are 1
	dmsetup suspend --noflush --nolockfs data
	dmsetup load data --table "$table"
	dmsetup resume data
	sleep 0.5
	is_running $writer || fail "an unrecorded write completed without erad"
	start_erad
	wait $writer || fail "the write failed"
	same "$(eractl status --json data | field era)" 2
	same "$(changed data 1)" "0 65536
1048576 65536"
	same "$(changed data 2)" "1048576 65536"
}

# era_and_state_are TEXT: succeeds if the era and the state of data are these.
era_and_state_are()
{
	[[ $(eractl status --json data | field era state) == "$1" ]]
}

test_reload_live()
{
	DESCRIPTION="if the table is reloaded under load, erad attaches to the new instance, and no block is lost"
	local origin writer table i

	# Use small blocks, so that the volume has many of them. Then the load makes first writes
	# for a longer time.
	origin=$(new_disk 64M)
	eractl create data "$origin" --block-size 16K
	table=$(dmsetup table data)
	load -t 4 -s 1000 -r 9 -d -b 16384 /dev/mapper/data > "$T/touched" &
	writer=$!
	for ((i = 0; i < 4; i++)); do
		nap 0.4
		dmsetup load data --table "$table"
		((i % 2)) && dmsetup suspend --noflush --nolockfs data
		dmsetup resume data
		# erad begins an era in each instance that it attaches to, so the era counts the
		# instances.
		wait_until "erad has attached to instance $((i + 2))" era_and_state_are "$((i + 2)) active"
	done
	nap 0.4
	kill $writer
	wait $writer || fail "the load had an I/O error"
	same "$(changed data 1)" "$(cat "$T/touched")"
	same "$(eractl status --json data | field era)" 5
}

case_share["test_attach_backs_off"]=oldest
test_attach_backs_off()
{
	DESCRIPTION="if erad cannot serve a table because the metadata fails, it tries again at intervals, and not all the time"
	local origin meta size table tracing=/sys/kernel/tracing attempts

	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	origin=$(new_disk 64M)
	meta=$(new_disk 16M)
	size=$(blockdev --getsz "$meta")
	dmsetup create flaky --table "0 $size linear $meta 0"
	slow_disk slow /dev/mapper/flaky 20
	eractl create data "$origin" --metadata /dev/mapper/slow
	table=$(dmsetup table data)
	dmsetup load flaky --table "0 $size error"
	dmsetup suspend --nolockfs flaky
	dmsetup resume flaky
	echo > $tracing/trace
	echo 1 > $tracing/events/erad/erad_state/enable
	dmsetup load data --table "$table"
	dmsetup suspend --nolockfs data
	dmsetup resume data
	wait_until "erad has tried twice" eval "((\$(grep -c 'erad_state:' $tracing/trace) >= 4))"
	sleep 3
	echo 0 > $tracing/events/erad/erad_state/enable
	attempts=$(($(grep -c 'erad_state:' $tracing/trace) / 2))
	dmsetup load flaky --table "0 $size linear $meta 0"
	dmsetup suspend --nolockfs flaky
	dmsetup resume flaky
	write_at data 65536 4096
	((attempts > 1)) || fail "got $attempts attempts in 3 s, expected several"
	((attempts < 20)) || fail "got $attempts attempts in 3 s, expected some, ever less often"
}

test_metadata_error_heals()
{
	DESCRIPTION="if the metadata fails, writes are held and status says so; when the metadata works again, the writes complete"
	local origin meta writer size

	origin=$(new_disk 64M)
	meta=$(new_disk 16M)
	size=$(blockdev --getsz "$meta")
	dmsetup create flaky --table "0 $size linear $meta 0"
	eractl create data "$origin" --metadata /dev/mapper/flaky
	write_at data 0 4096
	dmsetup load flaky --table "0 $size error"
	dmsetup suspend --nolockfs flaky
	dmsetup resume flaky
	write_at data 65536 4096 &
	writer=$!
	wait_until "status shows the error" eval 'eractl status --json data | field error | grep -qi error'
	is_running $writer || fail "a write passed although it could not be recorded"
	write_at data 0 4096
	dmsetup load flaky --table "0 $size linear $meta 0"
	dmsetup suspend --nolockfs flaky
	dmsetup resume flaky
	wait $writer || fail "the write failed"
	wait_until "no error shown" eractl_error_is data null
	same "$(changed data 1)" "0 131072"
}

case_share["test_second_erad_refused"]=oldest
test_second_erad_refused()
{
	DESCRIPTION="a second erad is refused, and so is a second process that opens live metadata"
	local origin

	origin=$(new_disk 32M)
	eractl create data "$origin"
	timeout 10 erad > "$T/out" 2>&1 && fail "a second erad started"
	grep -qi 'running\|already' "$T/out" || fail "the error has no reason: $(cat "$T/out")"
	eractl check /var/lib/erad/data.erad > "$T/out" 2>&1 && fail "check of metadata in use succeeded"
	write_at data 0 4096
	same "$(changed data 1)" "0 65536"
}

test_unload_refused()
{
	DESCRIPTION="the module cannot be unloaded while a volume or erad uses it"
	local origin

	origin=$(new_disk 32M)
	eractl create data "$origin"
	rmmod dm_erad 2> /dev/null && fail "the module was unloaded while erad ran"
	kill_erad
	rmmod dm_erad 2> /dev/null && fail "the module was unloaded while a volume existed"
	start_erad
}

# erad_socket PROGRAM ARGUMENT…: runs a perl program.  In the program, request(op => …, …) sends a
# request to erad and returns the result, faster than eractl.
erad_socket()
{
	perl -MIO::Socket::UNIX -MJSON::PP -e '
		sub request {
			my $s = IO::Socket::UNIX->new(Peer => "/run/erad/erad.sock") or die "erad does not answer: $!\n";
			print $s encode_json({@_}), "\n";
			while (<$s>) {
				my $line = decode_json($_);
				die "$line->{error}{message}\n" if $line->{error};
				return $line->{result} if $line->{result};
			}
			die "erad went away\n";
		}'"$1" "${@:2}"
}

# cycles VOLUME DISK COUNT [METADATA]: creates, writes, closes and forgets the volume COUNT times.
cycles()
{
	# shellcheck disable=SC2016 # it is perl
	erad_socket '
		my ($volume, $disk, $count, @metadata) = @ARGV;
		@metadata = (metadata => @metadata) if @metadata;
		for (1 .. $count) {
			request(op => "create", volume => $volume, origin => $disk, overwrite_metadata => JSON::PP::true, @metadata);
			open(my $device, "+<", "/dev/mapper/$volume") or die "$volume: $!\n";
			syswrite($device, "x" x 4096) == 4096 or die "$volume: $!\n";
			close($device) or die "$volume: $!\n";
			request(op => "close", volume => $volume);
			request(op => "forget", volume => $volume);
		}' "$@"
}

# usage_now PID: prints how many file descriptors and threads erad has, the bytes that it has
# allocated, its memory in KiB, and the kernel's memory in KiB.
usage_now()
{
	sync
	echo 3 > /proc/sys/vm/drop_caches
	sleep 1
	echo "$(find "/proc/$1/fd" | wc -l) $(find "/proc/$1/task" -maxdepth 1 | wc -l)" \
		"$(erad_socket 'print request(op => "ping")->{heap_bytes}')" \
		"$(awk '/VmRSS/ { print $2 }' "/proc/$1/status")" \
		"$(awk '/^(SUnreclaim|Percpu|VmallocUsed):/ { sum += $2 } END { print sum }' /proc/meminfo)"
}

# settled_usage PID: prints the same as usage_now. Takes samples until two in a row have the same
# number of file descriptors and threads and the same heap, because threads of the last requests may
# still be ending. Takes at most 20 samples.
settled_usage()
{
	local i sample before=

	for ((i = 0; i < 20; i++)); do
		sample=$(usage_now "$1")
		[[ $(cut -d ' ' -f -3 <<< "$sample") != "$(cut -d ' ' -f -3 <<< "$before")" ]] || break
		before=$sample
	done
	echo "$sample"
}

case_timeout["test_no_leak"]=900
case_share["test_no_leak"]=oldest
test_no_leak()
{
	DESCRIPTION="after $((4 * (15 + 45 / SLOWNESS))) rounds of create, write, close and forget, no memory, file descriptor, thread or map is left"
	local pid i workers fds threads heap rss kernel fds2 threads2 heap2 rss2 kernel2
	local disks=() metadata=()

	pid=$(erad_pid)
	# One volume has its metadata in a file. This volume takes longest, because 4 MiB of the
	# file are zeroed.  The other volumes have their metadata on small devices.
	for i in 0 1 2 3; do
		disks+=("$(new_disk 8M)")
		metadata+=("$( ((i == 0)) || new_disk 256K)")
	done
	# round COUNT: runs COUNT cycles in each of four volumes at once.
	round()
	{
		workers=
		for i in 0 1 2 3; do
			cycles "data$i" "${disks[i]}" "$1" ${metadata[i]:+"${metadata[i]}"} &
			workers+=" $!"
		done
		for i in $workers; do
			wait "$i" || fail "a round of create, write, close and forget failed"
		done
	}
	round 15
	read -r fds threads heap rss kernel < <(settled_usage "$pid")
	round $((45 / SLOWNESS))
	read -r fds2 threads2 heap2 rss2 kernel2 < <(settled_usage "$pid")
	echo "fds $fds -> $fds2, threads $threads -> $threads2, heap $heap -> $heap2 bytes, erad $rss -> $rss2 KiB, kernel $kernel -> $kernel2 KiB"
	same "$fds2" "$fds"
	same "$threads2" "$threads"
	# For each live thread, the C library counts some KiB of freed memory as allocated.  Allow
	# this, and 360 bytes for each volume that was created and forgotten.  A leaked volume would
	# take 40 KiB.
	((heap2 <= heap + 65536)) || fail "the memory that erad has allocated grew from $heap to $heap2 bytes"
	# Allow further memory for gaps in the heap, and for the stacks of threads that have ended,
	# 256 KiB each. The C library keeps as many of these stacks as threads ran at the same time.
	((rss2 <= rss + 12288)) || fail "erad grew from $rss to $rss2 KiB"
	# Do not check the kernel's memory on the debug kernel (KASAN and kmemleak): KASAN keeps
	# freed memory for a while, and kmemleak finds leaks there.
	[[ -e /sys/kernel/debug/kmemleak ]] || ((kernel2 <= kernel + 4096)) || fail "the kernel grew from $kernel to $kernel2 KiB"
	[[ $(dmsetup ls) == "No devices found" ]] || fail "devices are left: $(dmsetup ls)"
	[[ -z $(find /var/lib/erad -type f) ]] || fail "files are left: $(find /var/lib/erad -type f)"
}
