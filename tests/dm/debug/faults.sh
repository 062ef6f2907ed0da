# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes memory allocations, copies from and to user memory, and requests to the origin fail. Needs a
# kernel with fault injection.

# faults_everywhere: lets fail-nth fail any allocation, and turns off the log messages about these
# faults.
faults_everywhere()
{
	local dir

	for dir in /sys/kernel/debug/{failslab,fail_page_alloc,fail_usercopy,fail_make_request}; do
		echo 0 > "$dir/verbose"
		[[ ! -e $dir/ignore-gfp-wait ]] || echo N > "$dir/ignore-gfp-wait"
		[[ ! -e $dir/ignore-gfp-highmem ]] || echo N > "$dir/ignore-gfp-highmem"
		[[ ! -e $dir/min-order ]] || echo 0 > "$dir/min-order"
	done
}

case_timeout["test_failing_calls"]=600
test_failing_calls()
{
	DESCRIPTION="each allocation and each copy from or to user memory of each ioctl, table and write fails in turn: the call returns an error, and works when it is repeated"

	faults_everywhere
	quietly failing_calls "$(new_disk 64M)"
}

case_timeout["test_failing_calls_with_metadata"]=600
test_failing_calls_with_metadata()
{
	DESCRIPTION="with a metadata device in the table, each allocation and each copy of each ioctl, table and write, and of a degrade, fails in turn: the call returns an error, and works when it is repeated"

	faults_everywhere
	# Fill the disk with bytes other than zeros: a running erad would format a disk of zeros.
	local disk
	disk=$(new_disk 4M)
	echo failing_calls > "$disk"
	quietly failing_calls "$(new_disk 64M)" "$disk"
}

case_timeout["test_failing_insmod"]=300
test_failing_insmod()
{
	DESCRIPTION="each allocation while the module is loaded fails in turn: the load fails and leaves nothing behind, and the next load works"
	# Ignore this warning: the kernel itself logs it if it has no memory for the fields of a
	# tracepoint.
	local harmless='WARNING: .* at kernel/trace/'

	faults_everywhere
	# shellcheck source=/dev/null
	. /run/vm/settings
	stop_erad
	rmmod dm_erad
	cp "$JOB_MODULE" "$T/module.ko"
	echo 0 > /proc/sys/kernel/panic_on_warn
	quietly failing_calls --module "$T/module.ko"
	echo 1 > /proc/sys/kernel/panic_on_warn
	insmod "$JOB_MODULE"
	start_erad
}

test_failing_origin()
{
	DESCRIPTION="if requests to the origin fail at random, writes get I/O errors, the writes that succeeded are recorded, and checkpoints end"
	local origin disk worked

	faults_everywhere
	origin=$(new_disk 64M)
	disk=${origin##*/}
	eractl create data "$origin"
	echo 40 > /sys/kernel/debug/fail_make_request/probability
	echo -1 > /sys/kernel/debug/fail_make_request/times
	echo 1 > "/sys/block/$disk/make-it-fail"
	# Write in one process, because two processes for each write would take minutes here.  Print
	# the offset of each write that worked.
	perl -MIO::Handle -e '
		open(my $device, "+<", "/dev/mapper/data") or die "data: $!\n";
		for my $i (0 .. 59) {
			my $offset = $i * 7 % 20 << 20;
			sysseek($device, $offset, 0) // die "data: $!\n";
			syswrite($device, chr($i) x 4096) // die "data: $!\n";
			print "$offset\n" if $device->sync;
			# The drain also waits for the writes that failed.
			$i % 20 != 10 or system("eractl checkpoint data >&2") == 0 or die "no checkpoint\n";
		}' > "$T/worked"
	echo 0 > "/sys/block/$disk/make-it-fail"
	echo 0 > /sys/kernel/debug/fail_make_request/probability
	worked=$(wc -l < "$T/worked")
	echo "$worked of 60 worked"
	((worked >= 10 && worked <= 50)) || fail "check finds other faults than expected"
	changed data 1 > "$T/changed"
	awk 'NR == FNR { from[NR] = $1; to[NR] = $1 + $2; next }
		{ found = 0; for (i in from) found += from[i] <= $1 && $1 < to[i]; if (!found) { print $1; bad = 1 } }
		END { exit bad }' "$T/changed" "$T/worked" > "$T/lost" ||
		fail "written blocks are not recorded: $(tr '\n' ' ' < "$T/lost"), but only $(cat "$T/changed")"
	eractl checkpoint data
	write_at data 0 4096
	same "$(eractl status --json data | field state)" active
	eractl close data
}

# fail_tasks KIND PERCENT: makes this share of the allocations of this kind fail, in tasks for which
# make-it-fail is set.
readonly MANY_FAULTS=1000000
fail_tasks()
{
	local dir=/sys/kernel/debug/$1

	echo Y > "$dir/task-filter"
	(($2 == 0)) || echo $MANY_FAULTS > "$dir/times"
	echo "$2" > "$dir/probability"
	[[ ! -e $dir/cache-filter ]] || echo N > "$dir/cache-filter"
}

case_timeout["test_failing_memory_of_erad"]=300
test_failing_memory_of_erad()
{
	DESCRIPTION="if the kernel's allocations for the commit and fold threads of a volume fail at random, erad goes on, and no written block is missing"
	local origin metadata task i slabs pages failed=0

	faults_everywhere
	origin=$(new_disk 64M)
	metadata=$(new_disk 4M)
	eractl create data "$origin" --metadata "$metadata"
	# Let only the threads of the volume fail.  Other processes use the root file system of the
	# VM, which would stop working after a fault.
	for task in /proc/"$(erad_pid)"/task/*; do
		[[ $(< "$task/comm") != erad-@(commit|fold) ]] || echo 1 > "$task/make-it-fail"
	done
	fail_tasks failslab 10
	fail_tasks fail_page_alloc 50
	for i in {0..79}; do
		# The writer itself has no faults, and waits until its block is recorded.
		write_at data $((i * 7 % 40 * 1048576)) 4096
		echo $((i * 7 % 40 * 1048576)) >> "$T/worked"
		if ((i % 4 == 3)) && ! eractl checkpoint data > "$T/era" 2> "$T/why"; then
			((++failed))
			cat "$T/why"
		fi
	done
	fail_tasks failslab 0
	fail_tasks fail_page_alloc 0
	slabs=$((MANY_FAULTS - $(< /sys/kernel/debug/failslab/times)))
	pages=$((MANY_FAULTS - $(< /sys/kernel/debug/fail_page_alloc/times)))
	echo "# $slabs slab and $pages page allocations failed, and $failed of 20 checkpoints"
	((slabs >= 50 && pages >= 5 && failed < 20)) || fail "check finds other faults than expected"
	eractl checkpoint data
	changed data 1 > "$T/changed"
	sort -nu "$T/worked" > "$T/expected"
	awk 'NR == FNR { from[NR] = $1; to[NR] = $1 + $2; next }
		{ found = 0; for (i in from) found += from[i] <= $1 && $1 < to[i]; if (!found) { print $1; bad = 1 } }
		END { exit bad }' "$T/changed" "$T/expected" > "$T/lost" ||
		fail "written blocks are not recorded: $(tr '\n' ' ' < "$T/lost"), but only $(cat "$T/changed")"
	same "$(eractl status --json data | field state)" active
	eractl close data
	eractl check "$metadata"
}
