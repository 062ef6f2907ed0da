# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What the cases in cases/ have in common: throw-away disks, erad's life, comparisons.
#
# A case is a function test_NAME that sets DESCRIPTION first. It runs in a shell of its own with errexit, in which $T is
# an empty directory; whatever devices, volumes and processes it leaves are removed after it.

export DM_DISABLE_UDEV=1
T=${T:-/tmp}
declare -A case_timeout	# read by suite
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
	echo $(($(date +%s%N) / 1000000))
}

# wait_until WHAT COMMAND…: 30 seconds, or SLOWNESS times that, for COMMAND to succeed.
wait_until()
{
	local what=$1 i
	shift
	for ((i = 0; i < 300 * SLOWNESS; i++)); do
		"$@" > /dev/null 2>&1 && return
		sleep 0.1
	done
	fail "not within $((30 * SLOWNESS)) s: $what"
}

# new_disk SIZE: prints the path of a new disk of zeros, in memory, that can discard.
new_disk()
{
	local file

	file=$(mktemp "$T/disk.XXXXXX")
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

	head -c "$length" /dev/urandom |
		dd of="/dev/mapper/$1" bs="$length" seek="$2" oflag=direct,seek_bytes iflag=fullblock count=1 status=none
}

# changed VOLUME ERA: what was written since then, "offset length" in bytes.
changed()
{
	eractl diff "$1" --since "$2" --format ranges
}

# field NAME: its value in the first volume of `eractl status --json`, from standard input.
field()
{
	perl -MJSON::PP -0777 -ne '
		my $v = JSON::PP->new->decode($_)->{volumes}[0]{$ARGV[0] // $f};
		BEGIN { $f = shift @ARGV }
		print defined($v) ? $v : "null", "\n"' "$1"
}

eractl_state_is()
{
	[[ $(eractl status --json "$1" | field state) == "$2" ]]
}

eractl_error_is()
{
	[[ $(eractl status --json "$1" | field error) == "$2" ]]
}

# ---- erad's life ----

erad_pid()
{
	cat /run/vm/erad.pid
}

start_erad()
{
	local i

	setsid erad < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2>&1 &
	echo $! > /run/vm/erad.pid
	for ((i = 0; i < 300 * SLOWNESS; i++)); do
		eractl list > /dev/null 2>&1 && return
		kill -0 "$(erad_pid)" 2> /dev/null || fail "erad did not start: $(tail -n 3 "${ERAD_OUT:-/tmp}/erad.log")"
		sleep 0.1
	done
	fail "erad does not answer"
}

# erad_gone: it may be another process's child, so it cannot be waited for.
erad_gone()
{
	! kill -0 "$(erad_pid)" 2> /dev/null || grep -q '^State:.*Z' "/proc/$(erad_pid)/status"
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

# unreferenced_memory: what kmemleak finds; an object must be five seconds old, and be found so twice.
unreferenced_memory()
{
	local leaks=/sys/kernel/debug/kmemleak

	DESCRIPTION="kmemleak finds no memory that nobody has a pointer to"
	echo scan > $leaks
	sleep 6
	echo scan > $leaks
	cat $leaks > "$T/leaks"
	[[ ! -s $T/leaks ]] || fail "$(head -n 100 "$T/leaks")"
}
