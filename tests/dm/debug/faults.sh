# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens when memory, copies and requests to the origin fail; on a kernel that can make them fail.

# faults_everywhere: a fault that is asked for by fail-nth can be any allocation; and the log says nothing of it.
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

# quietly COMMAND…: with the log looked at here and not on the console, where what device-mapper says of each fault would
# take most of the time.
quietly()
{
	local status=0

	dmesg --follow-new > "$T/log" &
	dmesg --console-level err
	"$@" || status=$?
	dmesg --console-level debug
	sleep 1
	kill $!
	# shellcheck source=tests/vm/lib.sh
	if (. tests/vm/lib.sh && grep -aE -m 1 -A 40 "$TROUBLE" "$T/log"); then
		fail "the kernel complains"
	fi
	return $status
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

	faults_everywhere
	# shellcheck source=/dev/null
	. /run/vm/settings
	stop_erad
	rmmod dm_erad
	cp "$JOB_MODULE" "$T/module.ko"
	quietly failing_calls --module "$T/module.ko"
	insmod "$JOB_MODULE"
	start_erad
}

test_failing_origin()
{
	DESCRIPTION="requests to the origin fail at random: I/O errors, what succeeded is recorded, checkpoints end"
	local origin disk i offset worked=0 failed=0

	faults_everywhere
	origin=$(new_disk 64M)
	disk=${origin##*/}
	eractl create data "$origin"
	echo 40 > /sys/kernel/debug/fail_make_request/probability
	echo -1 > /sys/kernel/debug/fail_make_request/times
	echo 1 > "/sys/block/$disk/make-it-fail"
	for ((i = 0; i < 60; i++)); do
		offset=$((i * 7 % 20 * 1048576))
		if write_at data $offset 4096 2> /dev/null; then
			((++worked))
			echo $offset >> "$T/worked"
		else
			((++failed))
		fi
		# The drain waits for what failed, too.
		((i % 20 != 10)) || eractl checkpoint data
	done
	echo 0 > "/sys/block/$disk/make-it-fail"
	echo 0 > /sys/kernel/debug/fail_make_request/probability
	echo "$worked worked, $failed failed"
	((worked >= 10 && failed >= 10)) || fail "the faults are not what they should be"
	changed data 1 > "$T/changed"
	while read -r offset; do
		awk -v at="$offset" '$1 <= at && at < $1 + $2 { found = 1 } END { exit !found }' "$T/changed" ||
			fail "the write at $offset is not recorded: $(cat "$T/changed")"
	done < "$T/worked"
	eractl checkpoint data
	write_at data 0 4096
	same "$(eractl status --json data | field state)" active
	eractl close data
}
