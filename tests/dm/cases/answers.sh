# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Messages and exit codes of commands in unexpected states: a failed close, a read-only origin, a
# wrong size, an erad that hangs, closed file descriptors.

# said TEXT COMMAND…: checks that the command fails with exit code 1, and prints TEXT to standard
# error.
said()
{
	local text=$1 status=0
	shift
	"$@" > "$T/out" 2> "$T/err" || status=$?
	((status == 1)) || fail "exit code $status, expected 1, from $*"
	grep -qF -- "$text" "$T/err" || fail "got '$(cat "$T/err")' from $*, expected '$text'"
}

in_trouble()
{
	eractl status --json data | grep -q '"error":"'
}

test_close_that_failed_says_so()
{
	DESCRIPTION="if the last fold or the superblock of a close cannot be written, the close fails, and the metadata is not marked clean"
	local origin meta writer

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	write_at data 0 4096
	truncate -s 0 /var/lib/erad/data.erad
	said "volume data: the device is removed, but its metadata /var/lib/erad/data.erad was not closed cleanly: " eractl close data
	[[ ! -e /dev/mapper/data ]] || fail "the device is still there"
	eractl open data 2> /dev/null && fail "open without metadata succeeded"
	eractl forget data > /dev/null

	# Let erad notice before the close that the disk fails. Then the close does not write to the
	# disk.
	meta=$(new_disk 64M)
	dmsetup create meta --table "0 131072 linear $meta 0"
	eractl create data "$origin" --metadata /dev/mapper/meta > /dev/null
	write_at data 0 4096
	dmsetup suspend meta
	dmsetup load meta --table "0 131072 error"
	dmsetup resume meta
	write_at data 409600 4096 2> /dev/null &
	writer=$!
	wait_until "trouble" in_trouble
	eractl abort data > /dev/null
	wait $writer && fail "the write succeeded"
	said "was not closed cleanly: " eractl close data
	dmsetup suspend meta
	dmsetup load meta --table "0 131072 linear $meta 0"
	dmsetup resume meta
	eractl open data > /dev/null
	# The failed close has made no seal. So erad cannot know whether the origin was written
	# since, and records a gap.
	gap_was unknown "the device was removed while no erad ran or the metadata failed"
	same "$(changed data 1)" "0 67108864"
	eractl close data
}

test_read_only_origin_is_refused()
{
	DESCRIPTION="create and open refuse a read-only origin, and leave nothing behind"
	local origin hard

	origin=$(new_disk 64M)
	blockdev --setro "$origin"
	said "$origin is read-only" eractl create data "$origin"
	same "$(eractl list 2>&1)" "eractl: there are no volumes; run 'eractl create' to create one"
	[[ ! -e /var/lib/erad/data.erad ]] || fail "create made metadata"
	blockdev --setrw "$origin"
	eractl create data "$origin" > /dev/null
	eractl close data
	blockdev --setro "$origin"
	said "$origin is read-only" eractl open data
	[[ ! -e /dev/mapper/data ]] || fail "the volume was opened"
	blockdev --setrw "$origin"
	eractl open data > /dev/null
	truncate -s 64M "$T/hard"
	hard=$(losetup -r --find --show "$T/hard")
	said "$hard is read-only" eractl create hard "$hard"
	hard=$(losetup -r --find --show "$T/hard")
	said "$hard is read-only" eractl create meta "$(new_disk 64M)" --metadata "$hard"
}

test_resize_names_the_nearest_size()
{
	DESCRIPTION="resize refuses a size that is no multiple of the origin's sectors before it suspends anything, and prints the nearest sizes"
	local origin size=$((32 * 1048576)) events

	truncate -s 64M "$T/o"
	origin=$(losetup -b 4096 --find --show "$T/o")
	eractl create data "$origin" > /dev/null
	events=$(dmsetup info -c --noheadings -o events data)
	said "got a size of 32 MiB ($((size + 512)) bytes), expected a multiple of the 4096 bytes of a sector of origin $origin; the nearest are $size and $((size + 4096)) bytes" \
		eractl resize data --size $((size + 512))
	said "the nearest is 4096 bytes" eractl resize data --size 512
	said "the nearest is $((64 * 1048576)) bytes" eractl resize data --size $((64 * 1048576 + 512))
	said "got a size of 64 MiB ($((64 * 1048576 + 4096)) bytes), expected at least 4096 bytes and at most the 64 MiB of origin $origin" \
		eractl resize data --size $((64 * 1048576 + 4096))
	same "$(dmsetup info -c --noheadings -o events,tables_loaded data)" "$events:Live"
	same "$(eractl resize data --size $size)" "data: 32 MiB, was 64 MiB; in era 2"
	write_at data 4096 4096
	eractl close data
	said "the nearest are" eractl resize data --size $((size + 512))
}

test_abort_says_what_was_held()
{
	DESCRIPTION="abort prints how many writes were held, even if none was held"
	local origin writer

	origin=$(new_disk 64M)
	eractl create data "$origin" > /dev/null
	same "$(eractl abort data)" "data: no write was held; the volume is failed until erad attaches to it again"
	# shellcheck disable=SC2016 # eval expands it
	wait_until "erad has attached again" eval '[[ $(dmsetup status data) == *" active "* ]]'
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
	DESCRIPTION="a command that waits for erad prints a message after 5 seconds, once, even if standard error is no terminal"
	local asker listener i

	eractl create data "$(new_disk 64M)" > /dev/null
	kill -STOP "$(erad_pid)"
	eractl list > "$T/out" 2> "$T/err" &
	asker=$!
	wait_until "it is said" grep -q . "$T/err"
	sleep 6
	kill -CONT "$(erad_pid)"
	wait $asker || fail "the command failed: $(cat "$T/err")"
	same "$(cat "$T/err")" "waiting for erad, which has not answered at /run/erad/erad.sock for 5 seconds and may still be busy with the request; Ctrl-C gives up, and 'journalctl -u erad' may show the reason"
	grep -q data "$T/out" || fail "there is no answer"
	eractl list 2> "$T/err" > /dev/null
	[[ ! -s $T/err ]] || fail "a message complains about an erad that answers: $(cat "$T/err")"
}

test_closed_descriptors()
{
	DESCRIPTION="with closed standard descriptors, eractl prints nothing into its connection to erad, and erad prints no message into its own files"
	eractl create data "$(new_disk 64M)" --block-size 4K > /dev/null
	# The output of diff is longer than a buffer, so eractl prints a part of it while its
	# connection to erad is still open.
	# shellcheck disable=SC2016 # it is perl
	perl -e 'open my $f, "+<", $ARGV[0] or die; sysseek($f, 8192 * $_, 0) && syswrite($f, "x" x 4096) or die for 1 .. 1000' /dev/mapper/data
	blockdev --flushbufs /dev/mapper/data
	(($(changed data 1 | wc -c) > 8192)) || fail "the output fits into one buffer"
	said "eractl: cannot write the output: Bad file descriptor" sh -c 'eractl diff data --since 1 --format ranges >&-'
	said "eractl: cannot write the output: No space left on device" sh -c 'eractl checkpoint data > /dev/full'
	said "eractl: cannot write the output: No space left on device" sh -c 'eractl list > /dev/full'
	said "eractl: cannot write the output: No space left on device" sh -c 'eractl status --json > /dev/full'
	eractl checkpoint data <&- >&- 2>&- && fail "checkpoint: exit code 0"
	# eractl has failed, because it could not print the era. But erad has begun the era.
	same "$(eractl status --json data | field era)" 3
	eractl close data <&- >&- 2>&-
	eractl open data <&- 2>&- > /dev/null
	stop_erad
	# With standard error closed, the first file that erad opens gets file descriptor 2. This
	# file is the lock file. So a message to standard error would go into the lock file.
	setsid sh -c 'exec erad --no-standby < /dev/null > /dev/null 2>&-' &
	echo $! > /run/vm/erad.pid
	wait_until "erad answers" eractl list
	same "$(eractl checkpoint data)" 5
	# The lock file contains only the process number, 4 bytes, and no message after the number.
	same "$(stat -c %s /run/erad/erad.lock)" 4
	stop_erad
	start_erad
}

test_priorities_are_for_the_journal()
{
	DESCRIPTION="erad's messages begin with <N> if standard error is the journal, and with its name otherwise"
	local stream words="/run/erad/erad.lock is locked: another erad is running"

	: > "$T/log"
	stream=$(stat -c %d:%i "$T/log")
	JOURNAL_STREAM=$stream erad 2>> "$T/log" && fail "a second erad runs"
	same "$(cat "$T/log")" "<3>$words"
	# JOURNAL_STREAM names the standard error of the program that starts erad, but erad's own
	# standard error is another file.
	JOURNAL_STREAM=8:12345 erad 2> "$T/log" && fail "a second erad runs"
	same "$(cat "$T/log")" "erad: $words"
}

test_erad_without_its_socket()
{
	DESCRIPTION="an erad that cannot make its socket serves the live volumes, tells the service manager why, and reports that it is ready once it has made the socket"
	local manager

	eractl create data "$(new_disk 64M)" > /dev/null
	stop_erad
	mkdir -p /run/erad/erad.sock/in-the-way
	# Acts as systemd: prints the messages that it receives, one line for each message.
	# shellcheck disable=SC2016 # it is perl
	perl -MSocket -e '
		socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die;
		bind $s, pack_sockaddr_un($ARGV[0]) or die "$!";
		$| = 1;
		print "there\n";
		print "$_\n" while defined recv $s, $_, 4096, 0' "$T/notify" > "$T/told" &
	manager=$!
	wait_until "it listens" grep -q there "$T/told"
	NOTIFY_SOCKET=$T/notify setsid erad --no-standby < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2> "$T/err" &
	echo $! > /run/vm/erad.pid
	wait_until "it says so" grep -q '^STATUS=cannot listen at /run/erad/erad.sock' "$T/told"
	grep -q '^EXTEND_TIMEOUT_USEC=[1-9]' "$T/told" || fail "erad asks systemd for no further time: $(cat "$T/told")"
	wait_until "its log says so" grep -q "erad serves its volumes, but answers no requests until the socket exists" "$T/err"
	bounded 30 write_at data 0 4096 || fail "the volume is not served"
	grep -q ^READY "$T/told" && fail "erad reports that it is ready"
	rm -r /run/erad/erad.sock
	wait_until "it is ready" grep -q ^READY=1 "$T/told"
	same "$(changed data 1)" "0 65536"
	same "$(grep -c "answers no requests" "$T/err")" 1
	kill $manager
	stop_erad
	start_erad
}

# refused_places ORIGIN: starts an erad that refuses volatile metadata, unlike the erad of the other
# tests. Checks that it refuses metadata in memory and in directories that are emptied at boot.
refused_places()
{
	local place name=erad-case.$$ in_memory="in memory and not on a disk, so it would be lost with the next boot"

	for place in /dev/shm/$name /dev/$name /run/$name "$(new_disk 64M)"; do
		said "metadata $place is $in_memory" eractl create data "$1" --metadata "$place"
		[[ -b $place || ! -e $place ]] || fail "$place was made"
	done
	ln -s /tmp "$T/link"
	for place in /tmp/$name "$T/link/$name"; do
		said "metadata $place is in a directory that is emptied when the machine boots" \
			eractl create data "$1" --metadata "$place"
		[[ ! -e $place ]] || fail "$place was made"
	done
	eractl create data "$1" > /dev/null || fail "metadata in the usual place is refused"
	eractl close data
}

test_metadata_that_the_next_boot_loses_is_refused()
{
	DESCRIPTION="create refuses metadata in memory or in directories that are emptied at boot, and leaves nothing there"
	local status=0

	stop_erad
	(
		unset ERAD_VOLATILE_METADATA
		start_erad
	)
	(refused_places "$(new_disk 64M)") || status=1
	stop_erad
	start_erad
	return $status
}

test_eratab_that_is_not_as_it_should_be()
{
	DESCRIPTION="eratab may have a byte order mark and CR LF; a name on two lines, and a FIFO in place of eratab, are refused"
	local origin other two="/etc/eratab names volume a in line 1 and in line 2; remove one of the two lines"

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
	bounded 20 eractl list 2> "$T/err" && fail "the FIFO was read"
	grep -q '/etc/eratab is a FIFO, expected a regular file' "$T/err" || fail "got $(cat "$T/err")"
	cp --remove-destination "$T/eratab" /etc/eratab
	eractl open a > /dev/null
}

test_control_characters_of_paths_are_shown_as_numbers()
{
	DESCRIPTION="if the path of metadata has control characters, all outputs escape them"
	local name=$T/$'m\e[31m\nred'

	eractl create data "$(new_disk 64M)" --metadata "$name" > "$T/out"
	grep -qF 'm\x1b[31m\x0ared' "$T/out" || fail "got $(cat -v "$T/out")"
	for command in list "list --json" status "status --verbose" "status --json data" "close data" "open data" "close data" "forget data"; do
		# shellcheck disable=SC2086 # words
		eractl $command >> "$T/out" 2>&1
		cat /etc/eratab >> "$T/out"
	done
	eractl create data "$(new_disk 64M)" --metadata "$name" >> "$T/out" 2>&1 && fail "the device was overwritten"
	cat "${ERAD_OUT:-/tmp}/erad.log" >> "$T/out"
	grep -q $'\e' "$T/out" && fail "got $(cat -v "$T/out")"
	return 0
}
