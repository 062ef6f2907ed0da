# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# For cases in which a device of one volume hangs: checks that other volumes do not wait for this volume,
# and finds out what waits.

# others_are_served: checks that the volume "other" does not wait for the volume "data".
others_are_served()
{
	bounded 9 write_at other $((RANDOM * 512)) 65536 || fail "a write to the other volume is held"
	bounded 9 eractl checkpoint other > /dev/null || fail "no checkpoint of the other volume"
}

# stops_soon: stops erad within 12 seconds, although an origin hangs.
stops_soon()
{
	local i

	kill -TERM "$(erad_pid)"
	for ((i = 0; i < 60 * SLOWNESS; i++)); do
		! erad_gone || return 0
		nap 0.2
	done
	dmsetup resume slow
	fail "erad did not stop while an origin hung"
}

# with_other: makes the volume "other", whose metadata is not in /var/lib/erad.
with_other()
{
	eractl create other "$(new_disk 64M)" --metadata "$(new_disk 16M)" > /dev/null
}

# fails_with TEXT COMMAND...: checks that the command fails within 30 seconds, and that its error
# contains TEXT.
fails_with()
{
	local text=$1 code=0

	shift
	bounded 30 "$@" 2> "$T/err" || code=$?
	[[ $code == 1 && $(< "$T/err") == *"$text"* ]] || fail "got exit code $code and '$(< "$T/err")', expected 1 and '$text'"
}

# is_in_flight NAME: succeeds if a write to the volume has not ended.
is_in_flight()
{
	local reads writes

	read -r reads writes < "/sys/dev/block/$((0x$(stat -Lc %t "/dev/mapper/$1"))):$((0x$(stat -Lc %T "/dev/mapper/$1")))/inflight"
	((writes))
}

# suspend_waits: succeeds if a process waits in the kernel for the I/O in flight of a mapped device.
suspend_waits()
{
	grep -qsE "dm_wait_for|dm_suspend" /proc/[0-9]*/task/*/wchan
}

# others_come_and_go DISK: checks that other volumes are closed, opened, created on DISK, and served.
others_come_and_go()
{
	bounded 10 eractl close other || fail "the other volume is not closed"
	bounded 10 eractl open other > /dev/null || fail "the other volume is not opened"
	bounded 10 eractl create third "$1" > /dev/null || fail "no third volume is created"
	others_are_served
	eractl close third
	eractl forget third > /dev/null
}

# removal_waits: succeeds if a process waits in the kernel for the degrade record of a removed device.
removal_waits()
{
	grep -qs erad_postsuspend /proc/[0-9]*/task/*/wchan
}

# hang_record VOLUME WRITTEN: lets the write of a degrade record to /dev/mapper/slow, which is the
# metadata device of the volume, hang. First lets a write to /dev/mapper/WRITTEN be held, and fail.
hang_record()
{
	dmsetup suspend --noflush --nolockfs slow
	write_at "$2" 0 4096 2> /dev/null &
	wait_until "the write is held" eval "dmsetup status $1 | awk '{ exit \$9 != 1 }'"
	timeout 5 eractl abort --degrade "$1" > /dev/null 2>&1 || :
	eractl abort "$1" > /dev/null
	! wait $! || fail "the held write has not failed"
}
