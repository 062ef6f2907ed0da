# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What the cases in cases/ have in common: throw-away disks, erad's life, comparisons.
#
# A case is a function test_NAME that sets DESCRIPTION first. It runs in a shell of its own with errexit, in which $T is
# an empty directory; whatever devices, volumes and processes it leaves are removed after it.

export DM_DISABLE_UDEV=1
T=${T:-/tmp}
# Read by suite: seconds that a case may take, a file without which it has no meaning, and the one series of kernels that
# is enough for it.
declare -A case_timeout case_needs case_kernel
# How many times longer things may take than usual: the VM runner knows what kernel it has booted.
SLOWNESS=${ERAD_SLOWNESS:-1}

fail()
{
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

# same GOT WANT
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

# nap SECONDS: sleep without a program, of which each costs an emulated processor a twentieth of a second.
exec {nap_fd}<> <(:)
nap()
{
	read -rt "$1" -u "$nap_fd" || :
}

# bounded SECONDS COMMAND...: its status, or 124 if it does not end, which leaves it behind: it may be one that no signal
# reaches.
bounded()
{
	local limit=$(($1 * SLOWNESS)) i pid
	shift
	"$@" &
	pid=$!
	for ((i = 0; i < limit * 50; i++)); do
		kill -0 $pid 2> /dev/null || {
			wait $pid
			return
		}
		nap 0.02
	done
	kill -KILL $pid 2> /dev/null
	return 124
}

# wait_until WHAT COMMAND…: 30 seconds, or SLOWNESS times that, for COMMAND to succeed.
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

# devices_left: sets devices, the names of the device-mapper's devices.
devices_left()
{
	local name

	devices=()
	while read -r name _; do
		[[ ! $name || $name == No ]] || devices+=("$name")
	done < <(bounded 10 dmsetup ls)
}

# remove_devices: those that nothing uses, however they are stacked. False if one is left, or it does not end.
remove_devices()
{
	bounded 10 dmsetup remove_all > /dev/null 2>&1
	devices_left
	((!${#devices[@]}))
}

# unmount_below DIRECTORY: what is mounted in it, the last first.
unmount_below()
{
	local i mounts

	mapfile -t mounts < /proc/mounts
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		[[ ${mounts[i]} != *" $1/"* ]] || umount "$(cut -d ' ' -f 2 <<< "${mounts[i]}")"
	done
}

# await_closed: erad closes by itself the volumes that were removed by hand; at most 2 seconds.
await_closed()
{
	local i

	for ((i = 0; i < 10; i++)); do
		[[ $(eractl list --json 2> /dev/null) =~ \"state\":\ *\"(active|loading|failed|detached|degraded)\" ]] || break
		nap 0.2
	done
}

# new_disk SIZE: prints the path of a new disk of zeros, in memory, that can discard.
new_disk()
{
	local file

	file=$T/disk.${EPOCHREALTIME/[.,]/}
	truncate -s "$1" "$file"
	losetup --find --show --direct-io=off "$file"
}

# slow_disk NAME DEVICE MS: /dev/mapper/NAME is DEVICE, with each write and flush taking that long.
slow_disk()
{
	dmsetup create "$1" --table "0 $(blockdev --getsz "$2") delay $2 0 0 $2 0 $3 $2 0 $3"
}

# write_at VOLUME OFFSET LENGTH: data straight to the device; returns when it has completed. Less than a sector is one.
write_at()
{
	local length=$(($3 < 512 ? 512 : $3))

	dd if=/dev/urandom of="/dev/mapper/$1" bs="$length" seek="$2" oflag=direct,seek_bytes iflag=fullblock count=1 status=none
}

# changed VOLUME ERA: what was written since then, "offset length" in bytes.
changed()
{
	eractl diff "$1" --since "$2" --format ranges
}

# field NAME...: their values, separated by spaces, in the first volume of `eractl status --json`, from standard input.
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

# held_now_are N: writes to data, as the target says, which does not need erad.
held_now_are()
{
	[[ $(dmsetup status data | awk '{ print $9 }') == "$1" ]]
}

# ---- erad's life ----

erad_pid()
{
	echo "$(< /run/vm/erad.pid)"
}

# Options that start_erad gives it. Without a standby, because where erad is killed, a case is to see that none is there.
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

# erad_gone: it may be another process's child, so it cannot be waited for. What is a zombie already may have threads left that
# hold its files, and with them its lock.
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

# protocol_case NAME: a case of protocol.c, with an origin and the same made slow.
protocol_case()
{
	local disk

	DESCRIPTION="the module's promise"
	disk=$(new_disk 64M)
	slow_disk slow "$disk" 300
	protocol "$1" "$disk" /dev/mapper/slow
}

# quietly COMMAND…: with the log looked at here and not on the console, where what device-mapper says of each fault would
# take most of the time. Lines that match $harmless, if it is set, are.
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

# unreferenced_memory: what kmemleak finds; an object must be five seconds old, and be found so twice. What the module has
# no part in is not its own: where allocations are made to fail, 6.1 itself loses memory. The kernel does not tell them
# apart when it says how many there are.
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
