# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Held writes of some kinds of submitter: whose cgroup pays, polled, not to wait.

# as CGROUP COMMAND...
as()
{
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo $$ > "$1/cgroup.procs" && exec "${@:2}"' bash "/sys/fs/cgroup/$1" "${@:2}"
}

# written CGROUP DISK: bytes that the cgroup wrote to the disk itself
written()
{
	sed -n "s|^$(< "/sys/class/block/${2##*/}/dev") .*wbytes=\([0-9]*\).*|\1|p" "/sys/fs/cgroup/$1/io.stat"
}

# holds VOLUME: a write to it
holds()
{
	[[ $(dmsetup status "$1" | cut -d ' ' -f 9) != 0 ]]
}

test_held_writes_have_their_cgroup()
{
	DESCRIPTION="held writes of two volumes count for the cgroups of their writers, and obey io.max of the origin"
	local one two writers=() began took

	echo +io > /sys/fs/cgroup/cgroup.subtree_control
	mkdir -p /sys/fs/cgroup/{one,two}
	one=$(new_disk 64M)
	two=$(new_disk 64M)
	eractl create one "$one"
	eractl create data "$two"
	echo "$(< "/sys/class/block/${two##*/}/dev") wbps=1048576" > /sys/fs/cgroup/two/io.max
	kill_erad
	as one dd if=/dev/zero of=/dev/mapper/one bs=1M count=1 oflag=direct status=none &
	writers+=($!)
	# One write, as the limit lets the first one pass at once.
	as two dd if=/dev/zero of=/dev/mapper/data bs=4M count=1 oflag=direct status=none &
	writers+=($!)
	wait_until "one holds a write" holds one
	wait_until "data holds a write" holds data
	began=$(now_ms)
	start_erad
	wait "${writers[0]}" || fail "the write to one failed"
	wait "${writers[1]}" || fail "the write to data failed"
	took=$(($(now_ms) - began))
	same "$(written one "$one")" 1048576
	same "$(written one "$two")" ""
	same "$(written two "$two")" 4194304
	same "$(written two "$one")" ""
	# A busy machine only makes it longer.
	((took >= 2000)) || fail "4 MiB at 1 MiB a second took $took ms"
	same "$(changed data 1)" "0 4194304"
}

test_polled_writes()
{
	DESCRIPTION="writes whose submitters poll for them, by io_uring, and writes that must not wait are held, and complete"
	local options writer

	modprobe null_blk nr_devices=1 gb=1 memory_backed=1 submit_queues=1 poll_queues=1
	eractl create data /dev/nullb0
	for options in "--ioengine=io_uring --hipri" "--ioengine=pvsync2 --hipri" "--ioengine=pvsync2 --nowait=1"; do
		eractl checkpoint data > /dev/null
		kill_erad
		# shellcheck disable=SC2086
		fio --name=held --filename=/dev/mapper/data --direct=1 --rw=write --bs=64k --iodepth=8 --size=4M $options > "$T/fio" 2>&1 &
		writer=$!
		wait_until "a write is held" holds data
		nap 0.3
		start_erad
		wait $writer || fail "$options: $(cat "$T/fio")"
		same "$(changed data "$(eractl status --json data | field era)")" "0 4194304"
	done
	eractl close data
	modprobe -r null_blk
}
