# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens when memory, copies and requests to the origin fail; on a kernel that can make them fail.

# faults_everywhere: fail-nth can make any allocation fail, and the log does not report such a
# fault.
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
	DESCRIPTION="each allocation and copy of each ioctl, table and write fails in turn: an error, then the call works"

	faults_everywhere
	quietly failing_calls "$(new_disk 64M)"
}

case_timeout["test_failing_insmod"]=300
test_failing_insmod()
{
	DESCRIPTION="each allocation of loading the module fails in turn: an error, nothing stays, then it loads"
	# The kernel itself warns if it has no memory for the fields of a tracepoint.
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
	DESCRIPTION="requests to the origin fail at random: I/O errors, what succeeded is recorded, checkpoints end"
	local origin disk worked

	faults_everywhere
	origin=$(new_disk 64M)
	disk=${origin##*/}
	eractl create data "$origin"
	echo 40 > /sys/kernel/debug/fail_make_request/probability
	echo -1 > /sys/kernel/debug/fail_make_request/times
	echo 1 > "/sys/block/$disk/make-it-fail"
	# All writes are in one process, because starting two processes for each takes minutes here.
	# Prints the offset of each write that worked.
	perl -MIO::Handle -e '
		open(my $device, "+<", "/dev/mapper/data") or die "data: $!\n";
		for my $i (0 .. 59) {
			my $offset = $i * 7 % 20 << 20;
			sysseek($device, $offset, 0) // die "data: $!\n";
			syswrite($device, chr($i) x 4096) // die "data: $!\n";
			print "$offset\n" if $device->sync;
			# The drain waits for the writes that failed, too.
			$i % 20 != 10 or system("eractl checkpoint data >&2") == 0 or die "no checkpoint\n";
		}' > "$T/worked"
	echo 0 > "/sys/block/$disk/make-it-fail"
	echo 0 > /sys/kernel/debug/fail_make_request/probability
	worked=$(wc -l < "$T/worked")
	echo "$worked of 60 worked"
	((worked >= 10 && worked <= 50)) || fail "the faults are not what they should be"
	changed data 1 > "$T/changed"
	awk 'NR == FNR { from[NR] = $1; to[NR] = $1 + $2; next }
		{ found = 0; for (i in from) found += from[i] <= $1 && $1 < to[i]; if (!found) { print $1; bad = 1 } }
		END { exit bad }' "$T/changed" "$T/worked" > "$T/lost" ||
		fail "not recorded: $(tr '\n' ' ' < "$T/lost"), but only $(cat "$T/changed")"
	eractl checkpoint data
	write_at data 0 4096
	same "$(eractl status --json data | field state)" active
	eractl close data
}
