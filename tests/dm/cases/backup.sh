# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl backup of volumes of a running erad, and eractl restore-backup to devices. tests/tools
# contains the cases that use files only: closed volumes, kills of eractl, damage.

# backs_up TEXT ARGUMENT…: makes a backup into $T/dir, and checks that the output contains the text
backs_up()
{
	local text=$1

	shift
	eractl backup "$1" "$T/dir" "${@:2}" > "$T/said" 2>&1 || fail "exit code $?: $(cat "$T/said")"
	grep -qF -- "$text" "$T/said" || fail "got '$(cat "$T/said")', expected '$text'"
}

# not_backed_up TEXT ARGUMENT…: checks that a backup into $T/dir fails with the text, and changes no copy
not_backed_up()
{
	local text=$1

	shift
	cp "$T/dir/MANIFEST" "$T/before"
	eractl backup "$1" "$T/dir" "${@:2}" > "$T/said" 2>&1 && fail "the command succeeded, expected a failure: $(cat "$T/said")"
	grep -qF -- "$text" "$T/said" || fail "got '$(cat "$T/said")', expected '$text'"
	cmp "$T/dir/MANIFEST" "$T/before"
	[[ ! -e $T/dir/unfinished.erad ]] || fail "an unfinished file was left"
}

# restored_equals DEVICE [ARGUMENT…]: restores into a new file, and compares it with the device
restored_equals()
{
	rm -f "$T/restored"
	eractl restore-backup "$T/dir" "$T/restored" "${@:2}" > /dev/null
	cmp "$T/restored" "$1"
}

test_backup_of_an_open_volume()
{
	DESCRIPTION="backup of an open volume makes a chain of copies that restore-backup writes to a device; backup refuses another volume's directory, and fails if the volume is written during the copy"
	local origin other target small writer

	origin=$(new_disk 32M)
	other=$(new_disk 32M)
	target=$(new_disk 32M)
	small=$(new_disk 31M)
	mkdir "$T/dir" "$T/mnt"
	eractl create data "$origin" > /dev/null
	write_at data 4194304 262144
	backs_up "full copy, 32 MiB" data --init --verify
	restored_equals /dev/mapper/data
	cp "$T/restored" "$T/first"
	write_at data 0 65536
	write_at data 8388608 4096
	backs_up "increment, 128 KiB" data
	restored_equals /dev/mapper/data
	# Fill the device first: the restore must write zeros where the copy contains zeros.
	dd if=/dev/urandom of="$target" bs=1M count=32 oflag=direct conv=nocreat status=none
	eractl restore-backup "$T/dir" "$target" > "$T/said" 2>&1 && fail "restore-backup accepted a device without --overwrite"
	grep -F "this would overwrite all of the device" "$T/said"
	eractl restore-backup "$T/dir" "$target" --overwrite > "$T/said"
	cmp "$target" /dev/mapper/data
	eractl restore-backup "$T/dir" "$small" --overwrite > "$T/said" 2>&1 && fail "restore-backup accepted a device that is too small"
	grep -F "$small has 32505856 bytes, expected at least 33554432, the size of the volume" "$T/said"
	mkfs.ext4 -q "$target"
	mount "$target" "$T/mnt"
	eractl restore-backup "$T/dir" "$target" --overwrite > "$T/said" 2>&1 && fail "restore-backup accepted a mounted device"
	grep -F "it is in use, for example mounted" "$T/said"
	umount "$T/mnt"

	dmsetup create slow --table "0 $(blockdev --getsz "$other") delay $other 0 40 $other 0 0"
	eractl create other /dev/mapper/slow > /dev/null
	not_backed_up "it contains the backups of volume data (" other
	grep -F "got volume other (" "$T/said"
	stop_erad
	not_backed_up "erad is not running" data
	start_erad
	write_at data 16777216 65536
	backs_up "increment" data
	restored_equals /dev/mapper/data
	restored_equals "$T/first" --at "$(sed -n 's/.*"file":"full-000001.*"token":"\([^"]*\)".*/\1/p' "$T/dir/MANIFEST")"

	# Write to the volume while backup reads it.  The read takes more than a second.
	mv "$T/dir" "$T/aside"
	mkdir "$T/dir"
	while [[ ! -e $T/stop ]]; do
		write_at other 25165824 4096
	done &
	writer=$!
	eractl backup other "$T/dir" --init > "$T/said" 2>&1 && fail "the command succeeded, expected a failure: $(cat "$T/said")"
	touch "$T/stop"
	wait $writer
	grep -F "was written to while it was copied, so this copy does not count" "$T/said"
	same "$(ls "$T/dir")" "$(printf '%s\n' LOCK MANIFEST)"
	backs_up "full copy" other
	restored_equals /dev/mapper/other
	rm -r "$T/dir"
	mv "$T/aside" "$T/dir"
	eractl resize data --size 24M > /dev/null
	backs_up "the volume has 25165824 bytes now, and had 33554432 bytes" data
	restored_equals /dev/mapper/data
}

test_backup_of_a_closed_volume()
{
	DESCRIPTION="a volume is backed up while it is open and while it is closed; a write to the origin of the closed volume makes backup fail, and makes the next copy full"
	local origin snapshot token metadata=/var/lib/erad/data.erad

	origin=$(new_disk 32M)
	mkdir "$T/dir" "$T/mnt"
	eractl create data "$origin" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	# Write only to blocks that the file system does not use, so that it can still be mounted
	# below.
	backs_up "full copy" data --init
	# Write after the checkpoint of the full copy, in the same era, and close the volume. The
	# eras do not show whether this write came before the copy, so the next copy must be full,
	# too.
	write_at data 22020096 65536
	eractl close data
	backs_up "the last copy is of the same era, in which the volume may have been written since" "$metadata" --device "$origin"
	restored_equals "$origin"
	backs_up "nothing was written since the last copy" "$metadata" --device "$origin"
	eractl open data > /dev/null
	write_at data 23068672 65536
	backs_up "increment" data
	restored_equals /dev/mapper/data
	not_backed_up "close the volume first" "$metadata" --device "$origin"
	write_at data 26214400 65536
	# End the era of the last copy by another checkpoint: then the next copy is an increment on
	# the last copy.
	eractl checkpoint data > /dev/null
	eractl close data
	backs_up "increment" "$metadata" --device "$origin"
	restored_equals "$origin"
	# The last copy is of the open volume. Write, and close the volume in the same era. The next
	# copy must be an increment on the copy before the last one.
	eractl open data > /dev/null
	backs_up "increment" data
	write_at data 27262976 65536
	eractl close data
	backs_up "the copy is an increment on the copy before that, incr-" "$metadata" --device "$origin"
	restored_equals "$origin"
	mount "$origin" "$T/mnt"
	not_backed_up "$origin is in use, for example mounted, although its volume is closed" "$metadata" --device "$origin"
	umount "$T/mnt"
	not_backed_up "$origin was written since its volume was closed" "$metadata" --device "$origin"
	eractl open data > /dev/null
	backs_up "writes may have gone past erad" data
	restored_equals /dev/mapper/data
	# The copy of the closed volume and the copy of the snapshot have the same token. But only
	# the snapshot contains the write after the checkpoint, and its copy must contain this
	# write, too.
	token=$(eractl checkpoint data --token)
	eractl close data
	backs_up "increment" "$metadata" --device "$origin"
	eractl open data > /dev/null
	write_at data 28311552 65536
	snapshot=$(new_disk 32M)
	dd if=/dev/mapper/data of="$snapshot" bs=1M oflag=direct status=none
	backs_up "increment" data --device "$snapshot" --to "$token"
	restored_equals "$snapshot"
}

test_backup_of_a_snapshot_that_is_older_than_the_last_copy()
{
	DESCRIPTION="backup of a snapshot that is older than the last copy makes an increment on an earlier copy, or a full copy if the last full copy is not older than the snapshot, and says so; the next copy is right, too"
	local origin snapshot token

	origin=$(new_disk 32M)
	mkdir "$T/dir"
	eractl create data "$origin" > /dev/null
	write_at data 1048576 65536
	backs_up "full copy" data --init
	write_at data 2097152 65536
	token=$(eractl checkpoint data --token)
	snapshot=$(new_disk 32M)
	dd if=/dev/mapper/data of="$snapshot" bs=1M oflag=direct status=none
	write_at data 3145728 65536
	backs_up "increment" data
	write_at data 4194304 65536
	backs_up "increment" data
	backs_up "so the copy is an increment on an earlier copy, full-000001.erad" data --device "$snapshot" --to "$token"
	grep -qF "the snapshot is of era ${token##*:}, and the copy incr-000003.erad is of era " "$T/said" || fail "got '$(cat "$T/said")'"
	restored_equals "$snapshot"
	backs_up "increment" data
	restored_equals /dev/mapper/data
	backs_up "--full was given" data --full
	write_at data 5242880 65536
	backs_up "increment" data
	backs_up "the snapshot is of era ${token##*:}, and the last full copy, full-000006.erad, is of era " data --device "$snapshot" --to "$token"
	grep -qF "full copy" "$T/said" || fail "got '$(cat "$T/said")'"
	restored_equals "$snapshot"
	write_at data 6291456 65536
	backs_up "increment" data
	restored_equals /dev/mapper/data
}

# mounted_volume: makes the volume "data" with an ext4 file system, mounted at $T/mnt. Reading the
# whole volume takes seconds.
mounted_volume()
{
	local disk

	disk=$(new_disk 64M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") delay $disk 0 40 $disk 0 0"
	mkdir "$T/dir" "$T/mnt"
	eractl create data /dev/mapper/slow > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	seq 100000 > "$T/mnt/old"
}

# thawed: checks that the file system can be written
thawed()
{
	bounded 20 sh -c "echo new > $T/mnt/new && sync -f $T/mnt" || fail "the file system is frozen"
}

test_backup_freezes_a_mounted_volume()
{
	DESCRIPTION="backup --freeze makes a clean copy of a file system that is being written, and refuses a freeze that would block the backup itself"
	local writer

	mounted_volume
	while :; do
		date > "$T/mnt/now"
		sync -f "$T/mnt"
	done &
	writer=$!
	backs_up "frozen for" data --init --freeze
	backs_up "increment" data --freeze --verify
	kill $writer
	wait $writer 2> /dev/null || :
	thawed
	eractl restore-backup "$T/dir" "$T/restored" > /dev/null
	dumpe2fs -h "$T/restored" 2> /dev/null | grep -F needs_recovery && fail "the copy is not of a frozen file system"
	fsck.ext4 -fn "$T/restored"
	debugfs -R "cat old" "$T/restored" 2> /dev/null | cmp - <(seq 100000)

	mkdir "$T/mnt/dir"
	eractl backup data "$T/mnt/dir" --init --freeze > "$T/said" 2>&1 && fail "the directory is on the frozen file system"
	grep -F "$T/mnt/dir: it is on the file system of /dev/mapper/data, so this file system cannot be frozen" "$T/said"
	eractl backup data "$T/dir" --freeze > "$T/mnt/said" 2> "$T/said" && fail "the output is on the frozen file system"
	grep -F "the output is a file on the file system of" "$T/said"
	mkdir -p /var/lib/erad/seen
	mount --bind "$T/mnt" /var/lib/erad/seen
	not_backed_up "/var/lib/erad/seen: it is on the file system of" data --freeze
	umount /var/lib/erad/seen
	fsfreeze -f "$T/mnt"
	not_backed_up "it is frozen already" data --freeze
	# The test had frozen the file system, so backup must have left it frozen.
	fsfreeze -u "$T/mnt"
	thawed
	umount "$T/mnt"
	not_backed_up "no file system on it is mounted" data --freeze
	backs_up "increment" data
}

# backs_up_half: begins a full backup with --freeze in the background, as the process $half, and
# returns while the file system is still frozen
backs_up_half()
{
	# Without job control, the shell makes commands in the background ignore SIGINT.
	setsid env --default-signal=INT eractl backup data "$T/dir" --freeze --full > "$T/said" 2>&1 &
	half=$!
	wait_until "the copy has begun" test -e "$T/dir/unfinished.erad"
}

test_backup_thaws_in_every_case()
{
	DESCRIPTION="backup --freeze thaws the file system if eractl or its process group gets a signal, if erad or eractl's guardian process is killed, and if nothing is copied for a time"
	local half signal guardian

	mounted_volume
	backs_up "full copy" data --init --freeze
	for signal in INT TERM HUP KILL; do
		backs_up_half
		kill -$signal -- "-$half"
		wait "$half" && fail "exit code 0 after $signal"
		thawed
		backs_up "increment" data --freeze
		thawed
	done
	# Kill eractl and its guardian at once, as "killall -KILL eractl" does.
	backs_up_half
	# shellcheck disable=SC2046 # there may be several
	kill -KILL $(pgrep -x eractl)
	wait "$half" && fail "exit code 0 after KILL"
	thawed
	backs_up "increment" data --freeze
	backs_up_half
	stop_erad
	start_erad
	wait "$half" || :
	thawed
	backs_up "increment" data --freeze
	backs_up_half
	kill_erad
	start_erad
	wait "$half" || :
	thawed
	backs_up "increment" data --freeze
	# Kill the guardian, eractl's child process.  Then eractl thaws the file system, and the copy
	# does not count.
	backs_up_half
	read -r guardian < "/proc/$half/task/$half/children" || :
	kill -KILL "$guardian"
	wait "$half" && fail "exit code 0 although the guardian was killed"
	grep -q "the process that keeps the file system frozen has ended before the copy was complete, so this copy does not count" "$T/said" ||
		fail "$(cat "$T/said")"
	thawed
	# Stop the guardian, so that the thaw hangs.
	backs_up_half
	read -r guardian < "/proc/$half/task/$half/children" || :
	kill -STOP "$guardian"
	wait "$half" && fail "exit code 0 although the file system is still frozen"
	grep -q "the copy counts, but its file system was not thawed within 10 seconds" "$T/said" || fail "$(cat "$T/said")"
	kill -CONT "$guardian"
	thawed
	backs_up "increment" data --freeze
	# Stop eractl, so that the copy does not go on. The guardian thaws the file system.
	backs_up_half
	kill -STOP "$half"
	bounded 90 sh -c "echo new > $T/mnt/new && sync -f $T/mnt" || fail "the file system is frozen"
	kill -CONT "$half"
	wait "$half" && fail "exit code 0 although the file system was thawed meanwhile"
	backs_up "increment" data --freeze
	eractl restore-backup "$T/dir" "$T/restored" > /dev/null
	fsck.ext4 -fn "$T/restored"
}

# slow_writes MS: from now on, each write to the volume's disk takes MS milliseconds, and a read or a
# flush takes no time
slow_writes()
{
	local disk

	disk=$(dmsetup deps -o devname slow | sed 's/.*(\(.*\))/\/dev\/\1/')
	dmsetup load slow --table "0 $(blockdev --getsz "$disk") delay $disk 0 0 $disk 0 $1 $disk 0 0"
	dmsetup suspend slow
	dmsetup resume slow
}

# flies DEVICE: succeeds if one write to the device is in flight
flies()
{
	local reads writes

	read -r reads writes < "/sys/dev/block/$(lsblk -dno MAJ:MIN "$1" | tr -d ' ')/inflight"
	((writes == 1))
}

test_backup_notices_a_write_in_flight()
{
	DESCRIPTION="a write to the device that is in flight at the beginning or at the end of a copy is noticed: the kernel may count it at its beginning or at its end, and the copy may have a part of it"
	local disk writer half

	mkdir "$T/dir" "$T/dir2"
	disk=$(new_disk 32M)
	dmsetup create slow --table "0 65536 linear $disk 0"
	# The kernel does not count a write that dm-delay delays as in flight at this device, but it counts the
	# write at the device above.
	dmsetup create top --table "0 65536 linear /dev/mapper/slow 0"
	eractl create data /dev/mapper/top > /dev/null
	slow_writes 600000
	dd if=/dev/zero of=/dev/mapper/top conv=nocreat bs=4096 count=1 seek=100 oflag=direct status=none &
	writer=$!
	wait_until "the write is in flight" flies /dev/mapper/top
	eractl close data
	eractl backup /var/lib/erad/data.erad "$T/dir" --init --device /dev/mapper/top > "$T/said" 2>&1 &&
		fail "the copy counts although a write was in flight"
	grep -F "/dev/mapper/top is being written to: a write was in flight at each look for 5 seconds; unmount or freeze what is on it" "$T/said" ||
		fail "got '$(cat "$T/said")'"
	# Suspending the device ends the delay.
	slow_writes 0
	wait $writer

	eractl open data > /dev/null
	dmsetup load slow --table "0 65536 delay $disk 0 200 $disk 0 600000 $disk 0 0"
	dmsetup suspend slow
	dmsetup resume slow
	eractl backup data "$T/dir2" --init > "$T/said" 2>&1 &
	half=$!
	wait_until "the copy has begun" test -e "$T/dir2/unfinished.erad"
	kill -STOP $half
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=4096 count=1 seek=100 oflag=direct status=none &
	writer=$!
	wait_until "the write is in flight" flies /dev/mapper/data
	kill -CONT $half
	wait $half && fail "the copy counts although a write was in flight: $(cat "$T/said")"
	grep -F "/dev/mapper/data was written to while it was copied, so this copy does not count" "$T/said" || fail "got '$(cat "$T/said")'"
	slow_writes 0
	wait $writer
}

# freezes PID: succeeds if a child process of the process PID is in the system call that freezes a file
# system, which is the ioctl FIFREEZE. Sets guardian to the child process.
freezes()
{
	local children

	read -ra children < "/proc/$1/task/$1/children" || :
	for guardian in "${children[@]}"; do
		! grep -q " 0xc0045877 " "/proc/$guardian/syscall" || return 0
	done
	return 1
}

test_backup_thaws_if_the_guardian_is_killed_during_the_freeze()
{
	DESCRIPTION="if eractl's guardian process is killed while it freezes the file system, the freeze is completed by the kernel, and eractl thaws the file system"
	local half guardian

	mounted_volume
	backs_up "full copy" data --init --freeze
	slow_writes 3000
	echo dirty > "$T/mnt/dirty"
	eractl backup data "$T/dir" --freeze > "$T/said" 2>&1 &
	half=$!
	wait_until "the guardian freezes the file system" freezes "$half"
	kill -KILL "$guardian"
	wait "$half" && fail "exit code 0: $(cat "$T/said")"
	grep -F "the process that freezes the file system has ended" "$T/said" || fail "got $(cat "$T/said")"
	slow_writes 0
	thawed
	backs_up "increment" data --freeze
}

test_backup_freeze_writes_the_dirty_data_first()
{
	DESCRIPTION="backup --freeze writes the dirty data before the checkpoint, so that the next increment does not have them; it prints a note if this takes long, and counts the time that the kernel needs for the freeze"
	local frozen copied

	mounted_volume
	backs_up "full copy" data --init --freeze
	slow_writes 3000
	dd if=/dev/urandom of="$T/mnt/dirty" bs=1M count=8 status=none
	eractl backup data "$T/dir" --freeze --json > "$T/json" 2> "$T/said" || fail "exit code $?: $(cat "$T/said")"
	grep -F "/dev/mapper/data: to write the dirty data of the file system has taken 5 seconds so far" "$T/said" || fail "no note: $(cat "$T/said")"
	frozen=$(field .frozen_seconds < "$T/json")
	((${frozen%.*} >= 3)) || fail "frozen for $frozen seconds, expected 3 seconds at least"
	eractl backup data "$T/dir" --freeze --json > "$T/json"
	copied=$(field .copied_bytes < "$T/json")
	((copied < 4 << 20)) || fail "the next increment has $copied bytes, expected less than the 8 MiB that were dirty"
}
