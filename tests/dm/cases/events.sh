# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl events shows the events that occur while it runs.

# has_event TEXT: checks that a line of eractl events contains the text.
has_event()
{
	grep -qF -- "$1" "$T/events"
}

awaits()
{
	wait_until "the event $1" has_event "$1"
}

test_events_follow_a_volume()
{
	local disk follower i

	DESCRIPTION="eractl events shows each change of state, each new era and each gap of a volume, and a restart of erad"
	disk=$(new_disk 64M)
	eractl create data "$disk" > /dev/null
	eractl events > "$T/events" &
	follower=$!
	awaits "erad    erad: runs"
	awaits "state   data: active"
	for ((i = 0; i < 5; i++)); do
		eractl checkpoint data > /dev/null
	done
	awaits "era     data: 6"
	same "$(sed -n 's/.*era     data: //p' "$T/events" | paste -sd ' ')" "2 3 4 5 6"

	eractl close data
	# Do not check which state comes after "was": eractl events may have seen the volume in the
	# state loading for a moment.
	awaits "state   data: closed, was "
	write_to "$disk"
	eractl open data > /dev/null
	awaits "state   data: active, was "
	awaits "gap     data: "

	kill_erad
	awaits "erad    erad: gone: "
	start_erad
	awaits "erad    erad: restarted"
	eractl close data
	eractl forget data > /dev/null
	awaits "state   data: gone"
	kill $follower
	wait $follower || :
	! grep missed "$T/events" || fail "an event was shown as missed"
}

# write_to DEVICE: writes 1 MiB at the beginning of the device.
write_to()
{
	dd if=/dev/urandom of="$1" bs=1M count=1 oflag=direct status=none
}

test_events_are_not_lost_silently()
{
	local disk follower

	DESCRIPTION="changes that occur while eractl events is stopped are shown as missed"
	disk=$(new_disk 64M)
	eractl create data "$disk" > /dev/null
	eractl events --json data > "$T/events" &
	follower=$!
	awaits '"state":"active"'
	kill -STOP $follower
	sleep 1
	eractl close data
	eractl open data > /dev/null
	kill -CONT $follower
	awaits '"event":"missed","volume":"data","what":"the volume was closed and opened"'
	awaits '"event":"era","volume":"data","era":2'

	kill $follower
	wait $follower || :
	perl -MJSON::PP -ne 'JSON::PP->new->decode($_)->{version} == 1 or exit 1' "$T/events" || fail "a line is not JSON"
}

test_events_of_a_close_that_takes_long()
{
	DESCRIPTION="if eractl events is stopped from the close of a volume until after its next open, it prints that it has missed events"
	local disk follower close

	disk=$(new_disk 64M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	eractl create data /dev/mapper/slow > /dev/null
	eractl events data > "$T/events" &
	follower=$!
	awaits "state   data: active"
	dmsetup suspend slow
	eractl close data &
	close=$!
	awaits "state   data: loading, was active"
	kill -STOP $follower
	dmsetup resume slow
	wait $close
	eractl open data > /dev/null
	kill -CONT $follower
	awaits "state   data: active, was "
	has_event "missed  data: the volume was closed and opened" || fail "got $(cat "$T/events")"
	kill $follower
	wait $follower || :
}
