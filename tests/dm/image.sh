# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions for the cases about images of volumes.

# image_state: prints the state of the image of the volume "data", or "none"
image_state()
{
	local state

	state=$(eractl status --json data | field image.state)
	echo "${state/#null/none}"
}

# image_state_is STATE: succeeds if image_state prints STATE
image_state_is()
{
	[[ $(image_state) == "$1" ]]
}

# devices: prints the tables of all mapped devices, and the loop devices
devices()
{
	dmsetup table | sort
	losetup --noheadings -O NAME,BACK-FILE | sort
}

# devices_are TEXT: succeeds if devices prints this. Callers wait for it, because erad may still
# remove a device after status shows no image any more.
devices_are()
{
	[[ $(devices) == "$1" ]]
}

# files: writes and syncs files below $T/mnt until $T/stop exists. Failures are in $T/failed.
files()
{
	local i

	for ((i = 0; ; i++)); do
		[[ ! -e $T/stop ]] || return 0
		head -c $((20000 + i % 5 * 50000)) /dev/urandom > "$T/mnt/f$((i % 20))" || echo "write $i" >> "$T/failed"
		((i % 5)) || sync -f "$T/mnt" || echo "sync $i" >> "$T/failed"
		nap 0.2
	done
}

# refused TEXT ARGUMENT…: checks that eractl fails with the text
refused()
{
	local text=$1
	shift
	eractl "$@" > "$T/said" 2>&1 && fail "it worked, expected a failure: eractl $*"
	grep -qF -e "$text" "$T/said" || fail "got '$(cat "$T/said")' from eractl $*, expected '$text'"
}
