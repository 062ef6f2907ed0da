# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions for the cases in cases/: they make disks for a case, start and stop erad, and compare
# results.
#
# A case is a function test_NAME that sets DESCRIPTION first. It runs in a shell of its own with
# errexit, in which $T is an empty directory. After the case, the suite removes the devices, volumes
# and processes that the case has left.

export DM_DISABLE_UDEV=1
T=${T:-/tmp}
# The suite reads these settings of a case: case_timeout is how many seconds the case may take.
# case_needs is a file without which the debug kernel and arm64 leave the case out. case_kernel is
# the only series of kernels on which the case runs. case_share has an effect if several kernels are
# tested. It says which of them run the case: every kernel, both the oldest and the newest, only the
# oldest or only the newest. For a case without case_share, the suite's table file_share says this
# for all cases of the file.
declare -A case_timeout case_needs case_kernel case_share
# Everything may take this many times longer than usual.  The VM runner sets this for the kernel
# that it has booted.
SLOWNESS=${ERAD_SLOWNESS:-1}

fail()
{
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

# same GOT WANT: fails unless the two are equal.
same()
{
	[[ $1 == "$2" ]] && return
	if ((${#1} + ${#2} < 400)); then
		fail "${FUNCNAME[1]}:${BASH_LINENO[0]}: got '$1', expected '$2'"
	fi
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") | head -n 20 >&2
	fail "${FUNCNAME[1]}:${BASH_LINENO[0]}: got (<) is not what was expected (>)"
}

now_ms()
{
	local now=$EPOCHREALTIME

	echo $((${now/./} / 1000))
}

# nap SECONDS: sleeps without starting a program, because a start takes an emulated processor a
# twentieth of a second.
exec {nap_fd}<> <(:)
nap()
{
	read -rt "$1" -u "$nap_fd" || :
}

# is_running PID: succeeds if the process has not ended. kill -0 does not test this, because it also
# succeeds for a child that has ended, as long as bash has not waited for the child. Once, after
# thousands of read -t, bash did not notice any more that a child had ended, until the script called
# wait.
is_running()
{
	local stat

	{ read -r stat < "/proc/$1/stat"; } 2> /dev/null && [[ $stat != *") Z"* ]]
}

# waits_for_io PID: succeeds if a thread of the process waits in the kernel for the end of its I/O.
waits_for_io()
{
	grep -q ') D ' "/proc/$1/task/"*/stat
}

# bounded SECONDS COMMAND...: returns the command's status, or 124 if the command does not end in
# time.  In that case, kills the command, but does not wait for its end: a command that waits in the
# kernel may not end.
bounded()
{
	local limit=$(($1 * SLOWNESS)) i pid
	shift
	"$@" &
	pid=$!
	for ((i = 0; i < limit * 50; i++)); do
		is_running $pid || {
			wait $pid
			return
		}
		nap 0.02
	done
	kill -KILL $pid 2> /dev/null
	return 124
}

# wait_until WHAT COMMAND…: waits until COMMAND succeeds, at most 30 seconds times SLOWNESS. WHAT is
# for the message.
wait_until()
{
	local what=$1 i tries=300 pause=0.1
	shift
	# Looking at these conditions starts no program, so look more often.
	[[ $1 != @(erad_gone|is_running|is_back|test) ]] || tries=1500 pause=0.02
	for ((i = 0; i < tries * SLOWNESS; i++)); do
		"$@" > /dev/null 2>&1 && return
		nap $pause
	done
	fail "not within $((30 * SLOWNESS)) s: $what"
}

# devices_left: sets devices to the names of all device-mapper devices.
devices_left()
{
	local name

	devices=()
	while read -r name _; do
		[[ ! $name || $name == No ]] || devices+=("$name")
	done < <(bounded 10 dmsetup ls)
}

# remove_devices: removes the devices that nothing uses, and then the devices below them.  Fails if
# a device cannot be removed, or if the removal does not end.
remove_devices()
{
	bounded 10 dmsetup remove_all > /dev/null 2>&1
	devices_left
	((!${#devices[@]}))
}

# unmount_below DIRECTORY: unmounts everything below the directory, and at /var/lib/erad, the last mount first.
unmount_below()
{
	local i path mounts

	mapfile -t mounts < /proc/mounts
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		read -r _ path _ <<< "${mounts[i]}"
		# Thaw the file system first: a frozen file system would stay frozen after its
		# unmount.
		[[ $path != /var/lib/erad ]] || fsfreeze -u /var/lib/erad 2> /dev/null
		[[ $path != @("$1"/*|/var/lib/erad) ]] || umount "$path"
	done
}

# a regular expression for the JSON of a volume that is not closed
open_states='"state": *"(active|loading|failed|detached|degraded)"'

# await_closed: waits at most 30 seconds until erad has closed the volumes whose devices were removed
# by hand.
await_closed()
{
	local i

	for ((i = 0; i < 150; i++)); do
		[[ $(eractl list --json 2> /dev/null) =~ $open_states ]] || break
		nap 0.2
	done
}

# new_disk SIZE: makes a new disk of zeros, in memory, that supports discard, and prints its path.
new_disk()
{
	local file

	file=$T/disk.${EPOCHREALTIME/[.,]/}
	truncate -s "$1" "$file"
	losetup --find --show --direct-io=off "$file"
}

# slow_disk NAME DEVICE MS: makes /dev/mapper/NAME, with the content of DEVICE.  Each write and
# flush takes MS milliseconds.
slow_disk()
{
	dmsetup create "$1" --table "0 $(blockdev --getsz "$2") delay $2 0 0 $2 0 $3 $2 0 $3"
}

# delays_a_write DEVICE: succeeds if DEVICE, which is a device of dm-delay, delays a write now.
delays_a_write()
{
	dmsetup status "$1" | awk '{ exit $5 == 0 }'
}

# write_at VOLUME OFFSET LENGTH: writes to the device with direct I/O.  Returns when the write has
# completed.  Writes at least one sector.
write_at()
{
	local length=$(($3 < 512 ? 512 : $3))

	dd if=/dev/urandom of="/dev/mapper/$1" conv=nocreat bs="$length" seek="$2" oflag=direct,seek_bytes iflag=fullblock count=1 status=none
}

# changed VOLUME ERA: prints the extents that were written since the era, as "offset length" in
# bytes.
changed()
{
	local status=0

	eractl diff "$1" --since "$2" --format ranges || status=$?
	# Callers compare only the output: a diff that has failed must not look like a diff without
	# changes.
	((!status)) || echo "the diff has failed with status $status"
	return $status
}

eractl_state_is()
{
	[[ $(eractl status --json "$1" | field state) == "$2" ]]
}

eractl_error_is()
{
	[[ $(eractl status --json "$1" | field error) == "$2" ]]
}

# held_now_are N: returns whether N writes to data are held.  Reads the number from the target, so
# erad need not run.
held_now_are()
{
	[[ $(dmsetup status data | awk '{ print $9 }') == "$1" ]]
}

# ---- starting and ending erad ----

erad_pid()
{
	echo "$(< /run/vm/erad.pid)"
}

# The options with which start_erad starts erad.  There is no standby, so that a case that kills
# erad tests the volume without a process that serves it.
erad_options=(--no-standby)
start_erad()
{
	local i

	setsid erad "${erad_options[@]}" < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2>&1 &
	echo $! > /run/vm/erad.pid
	for ((i = 0; i < 300 * SLOWNESS; i++)); do
		eractl list > /dev/null 2>&1 && return
		is_running "$(erad_pid)" || fail "erad did not start: $(tail -n 3 "${ERAD_OUT:-/tmp}/erad.log")"
		nap 0.1
	done
	fail "erad does not answer"
}

# erad_gone: succeeds if erad has ended. `wait` cannot be used, because erad may be the child of
# another process.  Fails for a zombie whose other threads still run, because these threads keep
# erad's files open, and so its lock.
erad_gone()
{
	local pid stat threads

	read -r pid < /run/vm/erad.pid
	kill -0 "$pid" 2> /dev/null || return 0
	read -r stat < "/proc/$pid/stat" && [[ $stat == *") Z "* ]] || return
	threads=("/proc/$pid/task/"*)
	((${#threads[@]} == 1))
}

kill_erad()
{
	kill -KILL "$(erad_pid)"
	wait_until "erad is dead" erad_gone
}

stop_erad()
{
	kill -TERM "$(erad_pid)"
	wait_until "erad has stopped" erad_gone
}

# slow_home: mounts a file system on /dev/mapper/slow at /var/lib/erad.
slow_home()
{
	local disk

	disk=$(new_disk 128M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	mkfs.ext4 -q /dev/mapper/slow
	mount /dev/mapper/slow /var/lib/erad
}

# hang_writes: from now on, each write to the disk of slow_home's file system hangs. What the page cache
# contains can still be read.
hang_writes()
{
	sync -f /var/lib/erad
	dmsetup suspend --nolockfs slow
}

# read_fully VOLUME: succeeds if a diff since the first era lists the whole volume.
read_fully()
{
	[[ $(changed "$1" 1) == "0 $(blockdev --getsize64 "/dev/mapper/$1")" ]]
}

# no_alarm VOLUME: checks that a diff since the first era does not list the whole volume.
no_alarm()
{
	local all

	all=$(changed "$1" 1) || fail "there is no diff of $1: $all"
	[[ $all != "0 $(blockdev --getsize64 "/dev/mapper/$1")" ]] || fail "a false alarm: $(grep "gone past erad" "${ERAD_OUT:-/tmp}/erad.log")"
}

# log_has PATTERN: waits until a line of erad's log matches the pattern. A thread of erad writes the
# log, and may write the line after erad has answered.
log_has()
{
	wait_until "erad's log has '$1'" grep -q "$1" "${ERAD_OUT:-/tmp}/erad.log"
}

gap_was()
{
	log_has "volume data: writes may have gone past erad ($1): .*$2"
}

# closed_gap_was TEXT: as gap_was, for a block that was written to the origin of a closed volume.
# The samples of the seal are at random places. If one of them has the block, the gap names the
# sample, and not the counter of writes.
closed_gap_was()
{
	gap_was written-while-closed "\\($1\\|differs, .* in a sample\\)"
}

# reopened COMMAND…: closes the volume "data", runs the command, and opens the volume again.
reopened()
{
	eractl close data
	"$@"
	eractl open data > /dev/null
}

# nr_gaps VOLUME: prints how many gaps the volume has.
nr_gaps()
{
	eractl status --json "$1" | grep -o '"kind"' | wc -l
}

# track_disk SIZE: creates the volume "data" on a new disk.  Sets $origin to the disk.
track_disk()
{
	origin=$(new_disk "$1")
	eractl create data "$origin" > /dev/null
}

# track_file_system FS: makes a file system of the type FS on a new disk, and creates the volume
# "data" on the disk.  Sets $origin to the disk.
track_file_system()
{
	origin=$(new_disk 400M)
	"mkfs.$1" -q "$origin"
	eractl create data "$origin" > /dev/null
}

# mount_and_write DEVICE: mounts the device at $T/mnt, writes a file, and unmounts the device.
mount_and_write()
{
	mount "$1" "$T/mnt"
	dd if=/dev/urandom of="$T/mnt/file" bs=1M count=5 conv=fsync status=none
	umount "$T/mnt"
}

# swap_table NAME TABLE: changes the table of a device that is in use.
swap_table()
{
	dmsetup load "$1" --table "$2"
	dmsetup suspend --noflush --nolockfs "$1"
	dmsetup resume "$1"
}

# while_linear NAME ORIGIN COMMAND...: replaces the erad target of the device by a linear target to
# ORIGIN, runs COMMAND, and puts the erad target back.
while_linear()
{
	local erad

	erad=$(dmsetup table "$1")
	swap_table "$1" "0 $(blockdev --getsz "$2") linear $2 0"
	"${@:3}"
	swap_table "$1" "$erad"
}

# when_closed NAME COMMAND...: waits until erad has closed the volume, and runs COMMAND.
when_closed()
{
	wait_until "closed" eractl_state_is "$1" closed
	"${@:2}"
}

# no_child: succeeds if no eractl runs. A child of eractl, which notes the token or takes the witness
# of a checkpoint, may end after eractl.
no_child()
{
	! pgrep -x eractl > /dev/null
}

# another_boot: makes /proc show another boot_id, as after a reboot. Each call makes a new one.
boots=0
another_boot()
{
	if ! mountpoint -q /proc/sys/kernel/random/boot_id; then
		: > "$T.boot_id"
		mount --bind "$T.boot_id" /proc/sys/kernel/random/boot_id
	fi
	printf '6d3a6b1e-0000-4000-8000-%012d\n' $((++boots)) > "$T.boot_id"
}

# this_boot: undoes another_boot.  The suite does this after each case.
this_boot()
{
	umount /proc/sys/kernel/random/boot_id
}

# no_gap VOLUME: checks that the metadata contains no gap.
no_gap()
{
	local status

	status=$(eractl status --json "$1" || :)
	[[ $status ]] || fail "there is no status of $1"
	[[ $status != *'"kind"'* ]] || fail "there is a gap, although nothing was written: $(eractl status "$1")"
}

# ---- an erad that kills itself where a test wants it to, see daemon/common/failpoint.h ----

# points PART: prints the names of the failpoints of this part.
points()
{
	sed -n "s|^\tX(\([A-Z_]*\), $1)\t.*|\1|p" daemon/common/failpoint.h
}

# start_erad_armed POINT [N [stop]]: starts an erad that kills itself when it passes POINT for the
# Nth time, or stops itself with SIGSTOP if the word stop is given. $T/life contains its messages.
start_erad_armed()
{
	echo "$1 ${2-1} ${3-}" > "$T/armed"
	ERAD_FAILPOINT=$T/armed build/failpoints/bin/erad --no-standby < /dev/null > "$T/life" 2>&1 &
	echo $! > /run/vm/erad.pid
	wait_until "erad answers" eractl list
}

# keep_erad: starts erad again whenever it was killed, as a service manager does. $T/life contains
# the messages of the current erad.
keep_erad()
{
	local status

	while :; do
		ERAD_FAILPOINT=$T/armed build/failpoints/bin/erad --no-standby < /dev/null > "$T/life" 2>&1 &
		echo $! > /run/vm/erad.pid
		status=0
		wait $! || status=$?
		echo "$(< "$T/life")" >> "$T/erad.log"
		if ((status != 137)); then
			echo "ended with status $status: $(tail -n 5 "$T/erad.log")" > "$T/ended"
			return
		fi
	done
} 2> /dev/null

# arm POINT [N [stop]]: the running erad, or the next one, kills itself when it passes POINT for the
# Nth time, or stops itself.
arm()
{
	echo "$1 ${2-1} ${3-}" > "$T/armed"
}

wait_killed()
{
	local i

	for ((i = 0; i < 800 * SLOWNESS; i++)); do
		[[ -s $T/armed ]] || return 0
		[[ ! -e $T/ended ]] || fail "erad $(< "$T/ended")"
		nap 0.05
	done
	fail "erad was not killed within $((40 * SLOWNESS)) s at $(< "$T/armed")"
}

# is_back: succeeds if erad serves again.  Reads erad's messages for this: to start eractl would take
# longer than the start of erad.
is_back()
{
	local life

	life=$(< "$T/life")
	[[ $life == *"is ready"* && $life != *"failpoint "* ]]
}

wait_back()
{
	wait_until "erad is back" is_back
}

# quietly COMMAND…: runs the command while the kernel's log does not go to the console. Otherwise,
# printing device-mapper's messages about faults would take most of the time.  Checks the log
# afterwards, but ignores lines that match $harmless, if it is set.
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
	if (. tests/vm/lib.sh && grep -avE "${harmless:-^\$}" "$T/log" | grep -aE -m 1 -A 40 "$TROUBLE"); then
		fail "the kernel complains"
	fi
	return $status
}

scan_twice()
{
	echo scan > /sys/kernel/debug/kmemleak
	sleep 6
	echo scan > /sys/kernel/debug/kmemleak
}

# unreferenced_memory: scans twice for objects to which no pointer exists, and fails if the module
# has allocated one of them. kmemleak reports only objects that are older than five seconds. Objects
# without the module in their stack are only counted: on 6.1, the kernel itself loses memory when
# allocations are made to fail.
unreferenced_memory()
{
	DESCRIPTION="after all cases, kmemleak finds no memory that the module has leaked"
	harmless='kmemleak: [0-9]+ new' quietly scan_twice
	cat /sys/kernel/debug/kmemleak > "$T/all"
	awk '/^unreferenced object/ { show(); text = "" } { text = text $0 "\n" } END { show() }
		function show() { if (text ~ /\[dm_erad\]/) printf "%s", text }' "$T/all" > "$T/leaks"
	[[ ! -s $T/leaks ]] || fail "$(head -n 100 "$T/leaks")"
	[[ ! -s $T/all ]] || echo "# $(grep -c '^unreferenced' "$T/all") objects of others"
}

# page_commands PAGE HEADING: prints the commands in the section HEADING of the manual page PAGE.
page_commands()
{
	awk -v heading="# $2" '/^# / { section = $0 } section == heading && /^```$/ { inside = !inside; next }
		section == heading && inside' "daemon/man/$1.scd"
}
