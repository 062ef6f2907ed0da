# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What the cases in cases/ have in common: throw-away disks, erad's life, comparisons.
#
# A case is a function test_NAME that sets DESCRIPTION first. It runs in a shell of its own with errexit, in which $T is
# an empty directory; whatever devices, volumes and processes it leaves are removed after it.

export DM_DISABLE_UDEV=1
T=${T:-/tmp}
# Variables for suite: how many seconds a case may take; a file without which the case makes no
# sense; and the one series of kernels that is enough for the case.
declare -A case_timeout case_needs case_kernel
# Everything takes this many times longer than usual.  The VM runner knows which kernel it has
# booted.
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

# nap SECONDS: sleeps without starting a program, which would take an emulated processor a twentieth
# of a second.
exec {nap_fd}<> <(:)
nap()
{
	read -rt "$1" -u "$nap_fd" || :
}

# bounded SECONDS COMMAND...: returns the command's status, or 124 if it does not end in time.  Such
# a command is left running, because a signal may not end it.
bounded()
{
	local limit=$(($1 * SLOWNESS)) i pid stat
	shift
	"$@" &
	pid=$!
	for ((i = 0; i < limit * 50; i++)); do
		# Not kill -0, which finds a process that has ended and for which bash has not waited.
		{ read -r stat < "/proc/$pid/stat"; } 2> /dev/null || stat=") Z"
		[[ $stat != *") Z"* ]] || {
			wait $pid
			return
		}
		nap 0.02
	done
	kill -KILL $pid 2> /dev/null
	return 124
}

# wait_until WHAT COMMAND…: waits until COMMAND succeeds, 30 seconds at most, or SLOWNESS times as
# long.
wait_until()
{
	local what=$1 i
	shift
	for ((i = 0; i < 300 * SLOWNESS; i++)); do
		"$@" > /dev/null 2>&1 && return
		nap 0.1
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

# remove_devices: removes the devices that nothing uses, also stacked ones.  Fails if one is left,
# or if the removal does not end.
remove_devices()
{
	bounded 10 dmsetup remove_all > /dev/null 2>&1
	devices_left
	((!${#devices[@]}))
}

# unmount_below DIRECTORY: unmounts everything below the directory, the last mount first.
unmount_below()
{
	local i mounts

	mapfile -t mounts < /proc/mounts
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		[[ ${mounts[i]} != *" $1/"* ]] || umount "$(cut -d ' ' -f 2 <<< "${mounts[i]}")"
	done
}

# await_closed: waits at most 2 seconds until erad has closed the volumes whose devices were removed
# by hand.
await_closed()
{
	local i

	for ((i = 0; i < 10; i++)); do
		[[ $(eractl list --json 2> /dev/null) =~ \"state\":\ *\"(active|loading|failed|detached|degraded)\" ]] || break
		nap 0.2
	done
}

# new_disk SIZE: prints the path of a new disk of zeros, in memory, that supports discard.
new_disk()
{
	local file

	file=$T/disk.${EPOCHREALTIME/[.,]/}
	truncate -s "$1" "$file"
	losetup --find --show --direct-io=off "$file"
}

# slow_disk NAME DEVICE MS: makes /dev/mapper/NAME, which is DEVICE, but each write and flush takes
# MS milliseconds.
slow_disk()
{
	dmsetup create "$1" --table "0 $(blockdev --getsz "$2") delay $2 0 0 $2 0 $3 $2 0 $3"
}

# write_at VOLUME OFFSET LENGTH: writes to the device with direct I/O.  Returns when the write has
# completed.  Writes at least one sector.
write_at()
{
	local length=$(($3 < 512 ? 512 : $3))

	dd if=/dev/urandom of="/dev/mapper/$1" bs="$length" seek="$2" oflag=direct,seek_bytes iflag=fullblock count=1 status=none
}

# changed VOLUME ERA: prints what was written since the era, as "offset length" in bytes.
changed()
{
	eractl diff "$1" --since "$2" --format ranges
}

# field NAME...: prints these values of the first volume, separated by spaces, from `eractl status
# --json` on standard input.
field()
{
	perl -MJSON::PP -0777 -ne '
		BEGIN { @names = splice @ARGV }
		my $v = JSON::PP->new->decode($_)->{volumes}[0];
		print join(" ", map { $v->{$_} // "null" } @names), "\n"' "$@"
}

eractl_state_is()
{
	[[ $(eractl status --json "$1" | field state) == "$2" ]]
}

eractl_error_is()
{
	[[ $(eractl status --json "$1" | field error) == "$2" ]]
}

# held_now_are N: N writes to data are held, as the target reports without erad.
held_now_are()
{
	[[ $(dmsetup status data | awk '{ print $9 }') == "$1" ]]
}

# ---- starting and ending erad ----

erad_pid()
{
	echo "$(< /run/vm/erad.pid)"
}

# Options with which start_erad starts erad.  There is no standby, so that a case that kills erad
# sees what happens without one.
erad_options=(--no-standby)
start_erad()
{
	local i

	setsid erad "${erad_options[@]}" < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2>&1 &
	echo $! > /run/vm/erad.pid
	for ((i = 0; i < 300 * SLOWNESS; i++)); do
		eractl list > /dev/null 2>&1 && return
		kill -0 "$(erad_pid)" 2> /dev/null || fail "erad did not start: $(tail -n 3 "${ERAD_OUT:-/tmp}/erad.log")"
		nap 0.1
	done
	fail "erad does not answer"
}

# erad_gone: waits until erad is gone. erad may be the child of another process, so `wait` cannot be
# used.  A zombie may have threads left that keep its files open, and so its lock.
erad_gone()
{
	local stat threads

	kill -0 "$(erad_pid)" 2> /dev/null || return 0
	read -r stat < "/proc/$(erad_pid)/stat" && [[ $stat == *") Z "* ]] || return
	threads=("/proc/$(erad_pid)/task/"*)
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

# protocol_case NAME: runs a case of protocol.c, with an origin, and the same origin made slow.
protocol_case()
{
	local disk

	DESCRIPTION="the module's promise"
	disk=$(new_disk 64M)
	slow_disk slow "$disk" 300
	protocol "$1" "$disk" /dev/mapper/slow
}

# quietly COMMAND…: runs the command while the kernel's log does not go to the console, where
# device-mapper's messages about faults would take most of the time.  Checks the log afterwards;
# lines that match $harmless, if it is set, are ignored.
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

# unreferenced_memory: prints what kmemleak finds.  An object must be five seconds old, and be found
# twice.  Objects in whose stack the module does not appear are left out: on 6.1, the kernel itself
# loses memory when allocations are made to fail.
unreferenced_memory()
{
	DESCRIPTION="kmemleak finds no memory of the module that nobody has a pointer to"
	harmless='kmemleak: [0-9]+ new' quietly scan_twice
	cat /sys/kernel/debug/kmemleak > "$T/all"
	awk '/^unreferenced object/ { show(); text = "" } { text = text $0 "\n" } END { show() }
		function show() { if (text ~ /\[dm_erad\]/) printf "%s", text }' "$T/all" > "$T/leaks"
	[[ ! -s $T/leaks ]] || fail "$(head -n 100 "$T/leaks")"
	[[ ! -s $T/all ]] || echo "# $(grep -c '^unreferenced' "$T/all") objects of others"
}
