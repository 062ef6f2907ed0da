# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The standby serves the volumes when erad is killed. The next erad replaces the standby. The
# standby ends when erad is stopped.

# start_both: restarts erad with a standby.
start_both()
{
	stop_erad
	erad_options=()
	start_erad
}

# standbys: prints the pids of all standbys, without those that have ended and are zombies.
standbys()
{
	pgrep -x -r D,R,S,T erad-standby || :
}

# one_standby: checks that there is exactly one standby.
one_standby()
{
	[[ $(standbys | wc -l) == 1 ]]
}

# next_erad: starts erad while a standby serves. erad answers only after it has replaced the
# standby.
next_erad()
{
	local old

	old=$(standbys)
	start_erad
	[[ ! $old ]] || wait_until "the standby has been relieved" is_relieved "$old"
	wait_until "erad answers" eractl list
}

# is_relieved PID: checks that the process has ended, or is a zombie.
is_relieved()
{
	[[ ! -e /proc/$1 || $(< "/proc/$1/stat") == *") Z "* ]]
}

# end_both: starts an erad without a standby, because the next case expects that there is no standby.
end_both()
{
	erad_options=(--no-standby)
	erad_gone || stop_erad
	next_erad
	wait_until "no standby is left" only_standby ""
}

test_standby_life()
{
	DESCRIPTION="the standby is in locked memory and protected from the OOM killer, serves when erad is killed, is replaced by the next erad, and ends with erad"
	local pid standby other

	start_both
	wait_until "there is one standby" one_standby
	standby=$(standbys)
	same "$(cat "/proc/$standby/oom_score_adj")" -1000
	(($(awk '/VmLck/ { print $2 }' "/proc/$standby/status") > 8000)) || fail "its memory is not locked"
	# Every writable mapping is in memory as a whole, so the standby never waits until the
	# kernel has read a page.
	same "$(awk '/^[0-9a-f]+-/ { writable = $2 ~ /^rw-p/ } /^Size:/ { size = $2 } /^Rss:/ && writable && size != $2 { print }' \
		"/proc/$standby/smaps")" ""
	eractl create data "$(new_disk 64M)"
	write_at data 0 4096

	# Although no new erad has been started, writes must complete, and requests must be
	# answered.
	kill_erad
	write_at data 1048576 4096
	wait_until "the standby answers" eractl status data
	same "$(eractl status --json data | field state mirror)" "active degraded"
	[[ $(eractl status data) == *"the standby of erad serves"* ]] || fail "status does not say who serves"
	same "$(changed data 1)" $'0 65536\n1048576 65536'
	same "$(eractl checkpoint data)" 2
	same "$(eractl status --json data | field mirror)" complete
	write_at data 2097152 4096

	# The next erad replaces the standby, and starts a standby of its own.
	next_erad
	wait_until "there is one standby" one_standby
	other=$(standbys)
	[[ $other != "$standby" ]] || fail "the standby has not been relieved"
	[[ $(eractl status data) != *"the standby of erad serves"* ]] || fail "status says that the standby serves"
	same "$(eractl status --json data | field state mirror)" "active complete"
	same "$(changed data 2)" "2097152 65536"
	timeout 10 erad > "$T/out" 2>&1 && fail "a second erad started"
	grep -q "another erad is running" "$T/out" || fail "$(cat "$T/out")"

	# If the standby dies, erad continues, and logs this.
	kill -KILL "$other"
	log_has "the standby has ended"
	write_at data 3145728 4096
	stop_erad
	start_erad

	# The standby ends with erad. An erad without a standby leaves no process behind.
	stop_erad
	wait_until "the standby has ended" only_standby ""
	end_both
	same "$(changed data 2)" $'2097152 65536\n3145728 65536'
	eractl close data
}

test_standby_killed_twice()
{
	DESCRIPTION="if erad is killed again while the next erad starts, or as soon as it serves, exactly one process serves the volume at all times"
	local i pid

	start_both
	eractl create data "$(new_disk 64M)" --block-size 4K
	for ((i = 0; i < 6; i++)); do
		kill_erad
		setsid erad < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2>&1 &
		echo $! > /run/vm/erad.pid
		# In each round, the write begins at another moment while the next erad starts.
		nap "0.$((i * 15 + 5))"
		bounded 20 write_at data $((i << 20)) 4096 || fail "round $i: nobody serves the volume"
	done
	kill_erad
	bounded 20 write_at data $((i << 20)) 4096 || fail "no erad serves the volume"
	wait_until "one standby is left" one_standby
	next_erad
	same "$(changed data 1)" "$(for ((i = 0; i < 7; i++)); do echo "$((i << 20)) 4096"; done)"
	same "$(eractl status --json data | field state mirror)" "active complete"
	end_both
	eractl close data
}

# only_standby PID: checks that this process is the only standby.
only_standby()
{
	[[ $(standbys) == "$1" ]]
}

test_standby_goes_on()
{
	DESCRIPTION="if an erad dies while it starts, the standby that serves keeps serving, because it knows the volumes"
	local standby

	start_both
	standby=$(standbys)
	eractl create data "$(new_disk 64M)" --block-size 4K
	kill_erad
	wait_until "the standby answers" eractl status data
	die_while_starting
	wait_until "only the first standby is there" only_standby "$standby"
	write_at data 0 4096
	eractl checkpoint data
	next_erad
	same "$(changed data 1)" "0 4096"
	end_both
	eractl close data
}

# die_while_starting: starts an erad that dies before it replaces the serving standby.
die_while_starting()
{
	local status=0

	echo "START_SET_UP 1" > "$T/armed"
	ERAD_FAILPOINT=$T/armed bounded 20 build/failpoints/bin/erad < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2>&1 || status=$?
	same "$status" 137
}

# one_write_is_held: checks that one write of the volume "data" is held.
one_write_is_held()
{
	[[ $(eractl status --json data | field held) == 1 ]]
}

# is_stopping PID: succeeds if SIGTERM, which the test has sent to the process, is not pending any
# more.
is_stopping()
{
	! grep -q "ShdPnd:.*4...\$" "/proc/$1/status"
}

test_standby_told_to_end()
{
	DESCRIPTION="if a standby was told to end but hangs, it does not count as a serving standby: the next standby replaces it"
	local first second metadata

	start_both
	first=$(standbys)
	metadata=$(new_disk 4M)
	dmsetup create slow-end --table "0 $(blockdev --getsz "$metadata") linear $metadata 0"
	eractl create data "$(new_disk 64M)" --metadata /dev/mapper/slow-end --block-size 4K
	kill_erad
	wait_until "the standby answers" eractl status data

	# Stop the process before SIGTERM: it then has been told to end, but cannot end.
	kill -STOP "$first"
	kill -TERM "$first"
	die_while_starting
	bounded 40 write_at data 0 4096 || fail "no erad serves the volume"
	is_relieved "$first" || fail "the first standby is still there"

	# Let the second standby hang when it is told to end: it waits for a write to the metadata,
	# and the metadata hangs.
	wait_until "there is one standby" one_standby
	second=$(standbys)
	dmsetup suspend --noflush --nolockfs slow-end
	write_at data 1048576 4096 &
	wait_until "the write is held" one_write_is_held
	wait_until "the write to the metadata hangs" waits_for_io "$second"
	kill -TERM "$second"
	wait_until "the second standby stops" is_stopping "$second"
	die_while_starting
	same "$(wc -w <<< "$(standbys)")" 2
	dmsetup resume slow-end
	bounded 40 write_at data 2097152 4096 || fail "no erad serves the volume"
	wait
	next_erad
	same "$(changed data 1)" $'0 4096\n1048576 4096\n2097152 4096'
	end_both
	eractl close data
	dmsetup remove slow-end
}

test_standby_hung_eratab()
{
	DESCRIPTION="if eratab is on a file system that hangs when the next erad replaces the standby, each live volume is still served"
	local disk standby

	start_both
	disk=$(new_disk 64M)
	dmsetup create below-eratab --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	mkfs.ext4 -q /dev/mapper/below-eratab
	mkdir -p "$T/etc"
	mount /dev/mapper/below-eratab "$T/etc"
	ln -sf "$T/etc/eratab" /etc/eratab
	touch "$T/etc/eratab"
	eractl create data "$(new_disk 64M)" --block-size 4K > /dev/null
	kill_erad
	wait_until "the standby answers" eractl status data
	standby=$(standbys)
	# Stop the standby with SIGSTOP, so that it does not end by itself: the next erad kills it
	# after some seconds.
	kill -STOP "$standby"
	: > "$T/next.log"
	setsid erad < /dev/null > "$T/next.log" 2>&1 &
	echo $! > /run/vm/erad.pid
	wait_until "the next erad relieves the standby" grep -q "relieving the standby" "$T/next.log"
	sync -f "$T/etc"
	echo 3 > /proc/sys/vm/drop_caches
	dmsetup suspend --nolockfs below-eratab
	bounded 30 write_at data 0 4096 || fail "nobody serves the volume: $(cat "$T/next.log")"
	is_relieved "$standby" || fail "the standby is still there"
	dmsetup resume below-eratab
	wait_until "erad answers" eractl list
	same "$(changed data 1)" "0 4096"
	end_both
	eractl close data
	eractl forget data
	rm /etc/eratab
	umount "$T/etc"
	dmsetup remove below-eratab
}

test_standby_without_socket()
{
	DESCRIPTION="an erad that cannot make its socket, or cannot write below /run/erad, still serves the volumes, and answers requests as soon as it can"
	local socket=/run/erad/erad.sock

	stop_erad
	start_erad
	eractl create data "$(new_disk 64M)" --block-size 4K
	stop_erad
	rm -f $socket
	mkdir -p $socket/something
	setsid erad < /dev/null >> "${ERAD_OUT:-/tmp}/erad.log" 2>&1 &
	echo $! > /run/vm/erad.pid
	bounded 20 write_at data 0 4096 || fail "no erad serves the volume"
	log_has "answers no requests until the socket exists"
	wait_until "there is one standby" one_standby
	rm -r $socket
	wait_until "erad answers" eractl list
	same "$(changed data 1)" "0 4096"
	stop_erad

	mount -t tmpfs -o size=4k none /run/erad
	dd if=/dev/zero of=/run/erad/full bs=4k count=1 status=none
	erad_options=()
	start_erad
	same "$(eractl status --json data | field state standby)" "active none"
	bounded 20 write_at data 1048576 4096 || fail "no erad serves the volume"
	stop_erad
	umount /run/erad
	end_both
	same "$(changed data 1)" $'0 4096\n1048576 4096'
	eractl close data
}

case_timeout["test_standby_under_load"]=200
test_standby_under_load()
{
	DESCRIPTION="if erad is killed under load, with checkpoints, its standby serves; no block is lost, and no write fails"
	local i writer meta origin

	start_both
	origin=$(new_disk 64M)
	slow_disk slow "$origin" 10
	meta=$(new_disk 1M)
	eractl create data /dev/mapper/slow --metadata "$meta" --block-size 4K
	load -t 4 -s 10 -r 1 -b 4096 -d /dev/mapper/data > "$T/touched" 2> "$T/load" &
	writer=$!
	for ((i = 0; i < 4; i++)); do
		nap 0.7
		kill_erad
		wait_until "the standby answers" eractl checkpoint data
		nap 0.3
		next_erad
		eractl checkpoint data
	done
	wait $writer || fail "the load saw an error: $(cat "$T/load")"
	same "$(changed data 1)" "$(cat "$T/touched")"
	end_both
	eractl close data
	eractl check "$meta"
}
