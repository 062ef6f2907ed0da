# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What commands say, and with which exit code, where not all is as whoever asked believes.

# said TEXT COMMAND…: it fails with exit code 1 and says so, on standard error.
said()
{
	local text=$1 status=0
	shift
	"$@" > "$T/out" 2> "$T/err" || status=$?
	((status == 1)) || fail "exit code $status, expected 1, from $*"
	grep -qF -- "$text" "$T/err" || fail "got '$(cat "$T/err")' from $*, expected '$text'"
}

test_abort_says_what_was_held()
{
	DESCRIPTION="abort says how many writes were held, also when none was"
	local origin writer

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	same "$(eractl abort data)" "data: no write was held; the volume is failed until erad attaches to it again"
	wait_until "active" eractl_state_is data active
	kill_erad
	write_at data 0 4096 2> /dev/null &
	writer=$!
	wait_until "held" held_now_are 1
	same "$(eractl abort data --json)" '{"version":1,"volume":"data","failed":1}'
	wait $writer && fail "the held write succeeded"
	start_erad
	wait_until "active" eractl_state_is data active
}

test_a_hung_erad_is_told_of_once()
{
	DESCRIPTION="a command that waits for erad says so after 5 seconds, once, also where standard error is no terminal"
	local asker listener i

	eractl create data "$(new_disk 64M)" > /dev/null
	kill -STOP "$(erad_pid)"
	eractl list > "$T/out" 2> "$T/err" &
	asker=$!
	wait_until "it is said" grep -q . "$T/err"
	sleep 6
	kill -CONT "$(erad_pid)"
	wait $asker || fail "the command failed: $(cat "$T/err")"
	same "$(cat "$T/err")" "waiting for erad, which has not answered at /run/erad/erad.sock for 5 seconds; 'journalctl -u erad' may tell why, and 'eractl abort NAME' works without erad"
	grep -q data "$T/out" || fail "no answer"
	eractl list 2> "$T/err" > /dev/null
	[[ ! -s $T/err ]] || fail "an erad that answers is complained of: $(cat "$T/err")"
}

test_closed_descriptors()
{
	DESCRIPTION="with standard descriptors closed, no answer goes into erad's socket, and no message of erad into its files"
	eractl create data "$(new_disk 64M)" > /dev/null
	write_at data 0 4096
	said "eractl: cannot write the output: Bad file descriptor" sh -c 'eractl diff data --since 1 --format ranges >&-'
	said "eractl: cannot write the output: No space left on device" sh -c 'eractl checkpoint data > /dev/full'
	said "eractl: cannot write the output: No space left on device" sh -c 'eractl list > /dev/full'
	said "eractl: cannot write the output: No space left on device" sh -c 'eractl status --json > /dev/full'
	eractl checkpoint data <&- >&- 2>&- && fail "checkpoint: exit code 0"
	# It was begun all the same.
	same "$(eractl status --json data | field era)" 3
	eractl close data <&- >&- 2>&-
	eractl open data <&- 2>&- > /dev/null
	stop_erad
	setsid sh -c 'exec erad <&- >&- 2>&-' &
	echo $! > /run/vm/erad.pid
	wait_until "erad answers" eractl list
	same "$(eractl checkpoint data)" 5
	[[ ! -s /run/erad/erad.lock ]] || fail "the lock file holds $(head -c 200 /run/erad/erad.lock)"
	stop_erad
	start_erad
}

test_priorities_are_for_the_journal()
{
	DESCRIPTION="erad's messages begin with <N> where standard error is the journal, and with its name elsewhere"
	local stream words="/run/erad/erad.lock is locked: another erad is running"

	: > "$T/log"
	stream=$(stat -c %d:%i "$T/log")
	JOURNAL_STREAM=$stream erad 2>> "$T/log" && fail "two run"
	same "$(cat "$T/log")" "<3>$words"
	# Of whoever started the program, but its standard error is another.
	JOURNAL_STREAM=8:12345 erad 2> "$T/log" && fail "two run"
	same "$(cat "$T/log")" "erad: $words"
}

test_eratab_that_is_not_as_it_should_be()
{
	DESCRIPTION="eratab: a byte order mark and CR LF do no harm; one name on two lines, and a FIFO in its place, are refused"
	local origin other two="/etc/eratab has volume a in line 1 and in line 2; remove one of the two lines"

	origin=$(new_disk 64M)
	other=$(new_disk 64M)
	eractl create a "$origin" > /dev/null
	eractl create b "$other" > /dev/null
	eractl close a
	eractl close b
	cp /etc/eratab "$T/eratab"
	{ printf '\xef\xbb\xbf' && sed 's/$/\r/' "$T/eratab"; } > /etc/eratab
	eractl open --all > /dev/null
	same "$(field state < <(eractl status --json a)) $(field state < <(eractl status --json b))" "active active"
	eractl close --all

	{ head -n 1 "$T/eratab" && sed 's/^b/a/; 1d' "$T/eratab"; } > /etc/eratab
	said "$two" eractl open a
	said "$two" eractl forget a
	same "$(wc -l < /etc/eratab)" 2
	same "$(eractl list 2>&1 > /dev/null)" "eractl: /etc/eratab:2: volume a is in line 1, too; remove one of the two lines"

	rm /etc/eratab
	mkfifo /etc/eratab
	bounded 20 eractl list 2> "$T/err" && fail "it was read"
	grep -q '/etc/eratab is a FIFO, expected a regular file' "$T/err" || fail "got $(cat "$T/err")"
	cp --remove-destination "$T/eratab" /etc/eratab
	eractl open a > /dev/null
}
