# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The interface of dm-era in erad, used through dmsetup: messages, status, tables and snapshots.

# refused MESSAGE ERROR: checks that the message to the volume "data" fails with ERROR.
refused()
{
	dmsetup message data 0 "$1" 2> "$T/err" && fail "the argument was accepted: $1"
	grep -q "$2" "$T/err" || fail "message $1: got $(cat "$T/err"), expected $2"
}

# status_field N: prints field N of the line that "dmsetup status data" prints.  Field 4 is the size of
# a metadata block.
status_field()
{
	dmsetup status data | cut -d ' ' -f "$1"
}

not()
{
	! "$@"
}

not_listed()
{
	[[ ! $(eractl list) =~ data ]]
}

pinned()
{
	[[ $(eractl status --json data | field snapshot_era) != null ]]
}

case_share["test_messages"]=both
test_messages()
{
	DESCRIPTION="dmsetup message begins an era, and takes and drops a snapshot; its errors are those of dm-era, also while erad is stopped or dead"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 0 4096
	same "$(dmsetup message data 0 checkpoint)" 2
	write_at data 65536 4096
	same "$(changed data 2)" "65536 65536"
	same "$(status_field 4)" 8
	same "$(status_field 6)" 2
	same "$(status_field 7)" -
	refused drop_metadata_snap "Invalid argument"
	same "$(dmsetup message data 0 TAKE_METADATA_SNAP)" ""
	same "$(status_field 6)" 3
	same "$(status_field 7)" 2
	refused take_metadata_snap "Invalid argument"
	same "$(status_field 6)" 3
	refused "checkpoint 1" "Invalid argument"
	refused what "Invalid argument"
	eractl snapshot take data 2> "$T/err" && fail "a second snapshot was accepted"
	grep -q "a snapshot of era 2 is held" "$T/err" || fail "the error has no reason: $(cat "$T/err")"
	dmsetup message data 0 Drop_Metadata_Snap
	same "$(status_field 7)" -
	kill -STOP "$(erad_pid)"
	timeout 2 dmsetup message data 0 checkpoint && fail "the checkpoint was acknowledged although no erad runs"
	kill_erad
	refused checkpoint "not connected"
	start_erad
	dmsetup message data 0 checkpoint > "$T/era"
}

test_snapshot()
{
	DESCRIPTION="a snapshot shows the earlier state while the volume is written to, and exists after a kill, a close and an open"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin" --block-size 4K
	load -t 2 -n 100 -s 20 -r 1 -b 4096 -d /dev/mapper/data > "$T/first"
	eractl diff data --since 1 --snapshot 2> "$T/err" && fail "there is no snapshot yet"
	grep -q "no snapshot is held" "$T/err" || fail "the error does not say that there is no snapshot: $(cat "$T/err")"
	same "$(eractl snapshot take data)" 2
	same "$(eractl status --json data | field snapshot_era)" 1
	load -t 2 -n 600 -s 20 -r 2 -b 4096 -d /dev/mapper/data > "$T/second"
	same "$(eractl diff data --since 1 --snapshot --format ranges)" "$(cat "$T/first")"
	same "$(changed data 2)" "$(cat "$T/second")"
	eractl diff data --since 2 --snapshot 2> "$T/err" && fail "the era had not begun"
	kill_erad
	start_erad
	same "$(eractl diff data --since 1 --snapshot --format ranges)" "$(cat "$T/first")"
	eractl close data
	same "$(eractl diff data --since 1 --snapshot --format ranges)" "$(cat "$T/first")"
	eractl check /var/lib/erad/data.erad
	eractl open data
	same "$(status_field 7)" 1
	load -t 2 -n 100 -s 20 -r 3 -b 4096 -d /dev/mapper/data > "$T/third"
	same "$(eractl diff data --since 1 --snapshot --format ranges)" "$(cat "$T/first")"
	eractl snapshot drop data
	eractl snapshot drop data 2> "$T/err" && fail "a snapshot was dropped twice"
	same "$(eractl snapshot take data)" 4
	same "$(eractl diff data --since 2 --snapshot --format ranges)" "$(changed data 2)"
}

# checkpoint DEVICE [SECTOR]: begins an era by a message, and prints the era.  Tries again, because
# a message fails if erad has not attached to a new table in time.
checkpoint()
{
	until dmsetup message "$1" "${2-0}" checkpoint 2> "$T/err"; do
		grep -q "not connected" "$T/err" || fail "$(cat "$T/err")"
		sleep 0.1
	done
}

case_share["test_dmsetup_alone"]=both
test_dmsetup_alone()
{
	DESCRIPTION="as with dm-era, loading a table with a new metadata device makes a volume: eractl is not needed, and a table can have several targets"
	local origin meta other table first second

	origin=$(new_disk 64M)
	meta=$(new_disk 16M)
	other=$(new_disk 16M)
	table="0 131072 erad $meta $origin 128"
	dmsetup create data --table "$table"
	same "$(checkpoint data)" 2
	same "$(dmsetup table data | cut -d ' ' -f 1-3,6)" "0 131072 erad 128"
	write_at data 65536 4096
	same "$(changed data 2)" "65536 65536"
	dmsetup message data 0 take_metadata_snap
	kill_erad
	start_erad
	same "$(status_field 6)" 3
	same "$(status_field 7)" 2
	write_at data 131072 4096
	# Rename devices, reload them in any order, remove them and make them again.
	dmsetup rename data moved
	same "$(checkpoint moved)" 4
	dmsetup rename moved data
	dmsetup load data --table "$table"
	dmsetup suspend data
	dmsetup resume data
	same "$(checkpoint data)" 6
	dmsetup suspend data
	dmsetup load data --table "$table"
	dmsetup resume data
	same "$(checkpoint data)" 8
	dmsetup remove data
	wait_until "closed" not_listed
	dmsetup create data --table "$table"
	same "$(checkpoint data)" 10
	same "$(changed data 2)" "65536 131072"
	same "$(eractl diff data --snapshot --since 1 --format ranges)" "65536 65536"
	dmsetup remove data
	wait_until "closed" not_listed
	# erad must not format a device with content.
	printf 'something' | dd of="$other" conv=notrunc,fsync status=none
	dmsetup create data --table "0 131072 erad $other $origin 128"
	refused checkpoint "not connected"
	same "$(head -c 9 "$other")" something
	dmsetup remove data
	wait_until "closed" not_listed
	dd if=/dev/zero of="$other" bs=4K count=2 conv=notrunc,fsync status=none
	# erad must not format a device whose metadata has lost its superblocks either.
	dd if=/dev/zero of="$meta" bs=4K count=2 conv=notrunc,fsync status=none
	dmsetup create data --table "$table"
	refused checkpoint "not connected"
	# The checkpoint may have been refused before erad had examined the metadata, so wait until
	# status shows the reason.
	# shellcheck disable=SC2016 # eval expands it
	wait_until "status says why" eval 'eractl status --json data | field error | grep -q "$meta is not empty: got data at byte 12.*; erad writes new metadata to a blank device only"'
	dmsetup remove data
	wait_until "closed" not_listed
	dd if=/dev/zero of="$meta" bs=1M count=16 conv=notrunc,fsync status=none
	# Make a device with three targets: a linear one, and two of erad.
	dmsetup create data <<- EOT
		0 8 linear $origin 0
		8 65536 erad $meta $origin 128
		65544 65536 erad $other $(new_disk 64M) 64
	EOT
	checkpoint data 8 > "$T/era"
	same "$(checkpoint data 65544)" 2
	# Either of the two volumes may have the name "data". The volume of the removed device had
	# this name, and erad may open the two volumes before or after it closes the volume of the
	# removed device.
	first=$(eractl list | awk -v meta="$meta" '$0 ~ meta { print $1 }')
	second=$(eractl list | awk -v meta="$other" '$0 ~ meta { print $1 }')
	write_at data $((65544 * 512 + 32768)) 4096
	same "$(changed "$second" 2)" "32768 32768"
	same "$(changed "$first" "$(cat "$T/era")")" ""
}

test_live_reader()
{
	DESCRIPTION="dump and check of a live volume show the state at one moment; a map begins no era; a reader that dies leaves no snapshot behind"
	local origin writer reader

	origin=$(new_disk 512M)
	eractl create data "$origin" --block-size 4K
	# Write every second block: then the dump is longer than the kernel's buffers between erad
	# and its reader.
	perl -e 'open(my $f, "+<", "/dev/mapper/data") or die; for (0 .. 32767) { sysseek($f, $_ << 13, 0); syswrite($f, "x" x 4096) }'
	sync
	load -t 4 -s 100 -r 2 -b 4096 -d /dev/mapper/data > /dev/null &
	writer=$!
	eractl dump data > "$T/live"
	same "$(sed -n 's/.*current_era="\([0-9]*\)".*/\1/p' "$T/live")" 1
	same "$(tail -n 1 "$T/live")" "</superblock>"
	eractl check data | grep -q "no faults" || fail "check of the live volume failed"
	same "$(eractl status --json data | field snapshot_era)" null
	# The dump and the check above have begun eras 2 and 3. A map begins no era, so its blocks
	# may be of different moments.
	same "$(eractl status --json data | field era)" 3
	eractl map data --json > "$T/map"
	same "$(eractl status --json data | field era)" 3
	grep -q '"era":3,"since":1,' "$T/map" || fail "the map is not of era 3: $(head -c 200 "$T/map")"
	grep -q '"offset":.*"era":1,' "$T/map" || fail "the map has nothing of era 1"
	kill $writer
	wait $writer || fail "the load had an I/O error"
	# The first reader reads nothing, and erad waits 30 seconds for this reader.  Meanwhile, erad
	# refuses a second reader.
	mkfifo "$T/fifo"
	exec 3<> "$T/fifo"
	eractl dump data > "$T/fifo" &
	reader=$!
	wait_until "pinned" pinned
	eractl dump data > /dev/null 2> "$T/err" && fail "two readers were accepted at the same time"
	grep -q "under way" "$T/err" || fail "the error has no reason: $(cat "$T/err")"
	refused take_metadata_snap "busy"
	refused drop_metadata_snap "Invalid argument"
	kill -KILL $reader
	wait_until "no pin" not pinned
	# Dump the snapshot of `eractl snapshot take` from the open volume. It must equal both dumps
	# of the closed volume: with --snapshot, and without.
	eractl snapshot take data > /dev/null
	eractl dump data > /dev/null 2> "$T/err" && fail "dump succeeded although a snapshot existed"
	grep -q -- "--snapshot" "$T/err" || fail "the error does not name --snapshot: $(cat "$T/err")"
	eractl dump data --snapshot > "$T/snapshot"
	eractl close data
	eractl dump data --snapshot | cmp - "$T/snapshot" || fail "the snapshot differs when it is closed"
	eractl dump data > "$T/closed"
	same "$(sed 's/ current_era="[0-9]*"//; s/ notes="[^"]*"//' "$T/closed")" "$(sed 's/ current_era="[0-9]*"//; s/ notes="[^"]*"//' "$T/snapshot")"
	eractl check data
}

case_share["test_several_in_one_table"]=both
test_several_in_one_table()
{
	DESCRIPTION="if one table has two targets of erad, and the table is reloaded, suspended under a write or has its targets exchanged, each volume keeps its own eras"
	local origin meta other first second writer line

	origin=$(new_disk 64M)
	meta=$(new_disk 16M)
	other=$(new_disk 16M)
	first="65536 erad $meta $origin 128"
	second="65536 erad $other $(new_disk 64M) 64"
	dmsetup create data <<< "0 $first"$'\n'"65536 $second"
	same "$(checkpoint data) $(checkpoint data 65536)" "2 2"
	write_at data $((1 << 16)) 4096
	write_at data $(((32 << 20) + (1 << 15))) 4096
	dmsetup load data <<< "0 $first"$'\n'"65536 $second"
	dmsetup suspend data
	dmsetup resume data
	same "$(checkpoint data) $(checkpoint data 65536)" "4 4"
	write_at data $((2 << 16)) 4096
	write_at data $(((32 << 20) + (2 << 15))) 4096
	dmsetup suspend data
	write_at data $((3 << 16)) 4096 &
	writer=$!
	dmsetup load data <<< "0 $first"$'\n'"65536 $second"
	nap 0.3
	is_running $writer || fail "a write completed on a suspended device"
	dmsetup resume data
	wait $writer
	write_at data $(((32 << 20) + (3 << 15))) 4096
	same "$(checkpoint data) $(checkpoint data 65536)" "6 6"
	dmsetup load data <<< "0 $second"$'\n'"65536 $first"
	dmsetup suspend data
	dmsetup resume data
	write_at data $((4 << 15)) 4096
	write_at data $(((32 << 20) + (4 << 16))) 4096
	same "$(checkpoint data) $(checkpoint data 65536)" "8 8"
	dmsetup remove data
	wait_until "closed" not_listed
	for line in "$meta" "$other"; do
		same "$(eractl dump "$line" | sed -n 's/.*<era block="\([0-9]*\)" era="\([0-9]*\)".*/\1:\2/p' | tr '\n' ' ')" \
			"1:2 2:4 3:5 4:7 "
	done
}

held_is()
{
	[[ $(status_field 9) == "$1" ]]
}

# suspending PID: returns whether the process waits in device-mapper's code of the kernel.
suspending()
{
	[[ $(< "/proc/$1/wchan") == dm_* ]]
}

case_share["test_interrupted_resume"]=both
test_interrupted_resume()
{
	DESCRIPTION="if the resume of a new table is interrupted while held writes keep the old table busy, the old table still works"
	local origin writer resumer

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 0 4096
	dmsetup load data --table "$(dmsetup table data)"
	kill_erad
	write_at data 65536 4096 &
	writer=$!
	wait_until "the write is held" held_is 1
	dmsetup resume data 2> "$T/err" &
	resumer=$!
	wait_until "the resume waits for the held write" suspending $resumer
	kill -TERM $resumer
	wait $resumer && fail "the resume worked"
	dmsetup clear data
	same "$(dmsetup info -c --noheadings -o suspended data)" Active
	write_at data 4096 4096 &
	wait_until "a write to a recorded block completes" not is_running $!
	is_running $writer || fail "the first write to a block did not wait for erad"
	start_erad
	wait $writer
	same "$(dmsetup message data 0 checkpoint)" 2
	write_at data 131072 4096
	same "$(changed data 2)" "131072 65536"
	same "$(changed data 1)" "0 196608"
}

# wakes COMMAND...: checks that a `dmsetup wait` for the next event of the volume "data" ends after
# the command, and not earlier.
wakes()
{
	local waiter number

	# Read the number before COMMAND runs: in the background, `dmsetup info` could run after
	# COMMAND, and `dmsetup wait` would wait for a further event.
	number=$(dmsetup info -c --noheadings -o events data)
	dmsetup wait data "$number" > /dev/null &
	waiter=$!
	nap 0.5
	is_running $waiter || fail "dmsetup wait ends before $*"
	"$@"
	wait_until "dmsetup wait ends by $*" not is_running $waiter
}

case_share["test_events"]=both
test_events()
{
	DESCRIPTION="dmsetup wait returns when an era begins, for any reason, and when the state changes"
	local origin

	origin=$(new_disk 64M)
	eractl create data "$origin"
	wakes eractl checkpoint data
	wakes dmsetup message data 0 checkpoint
	wakes dmsetup message data 0 take_metadata_snap
	same "$(status_field 6)" 4
	wakes kill_erad
	same "$(status_field 8)" detached
	wakes start_erad
	wait_until "active" eractl_state_is data active
}
