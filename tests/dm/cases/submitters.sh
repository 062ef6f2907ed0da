# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Held writes are charged to the cgroup of their writer. Other cases: polled writes, writes with
# REQ_NOWAIT, disks with integrity data, zoned devices.

# as CGROUP COMMAND...: runs the command in the cgroup.
as()
{
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo $$ > "$1/cgroup.procs" && exec "${@:2}"' bash "/sys/fs/cgroup/$1" "${@:2}"
}

# written CGROUP DISK: prints the bytes that the cgroup has written to the disk.
written()
{
	sed -n "s|^$(< "/sys/class/block/${2##*/}/dev") .*wbytes=\([0-9]*\).*|\1|p" "/sys/fs/cgroup/$1/io.stat"
}

# holds VOLUME: returns whether a write to the volume is held.
holds()
{
	[[ $(dmsetup status "$1" | cut -d ' ' -f 9) != 0 ]]
}

scsi_debug_module=$(modinfo -n scsi_debug 2> /dev/null || echo /none)
# scsi_debug OPTION...: sets disk to a new disk of 64 MiB.
scsi_debug()
{
	local pattern='/sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*'

	modprobe -r scsi_debug
	modprobe sd_mod
	modprobe scsi_debug dev_size_mb=64 delay=0 "$@"
	wait_until "there is a disk" compgen -G "$pattern"
	disk=$(compgen -G "$pattern")
	disk=/dev/${disk##*/}
	wait_until "the disk has a node" test -b "$disk"
}

test_held_writes_have_their_cgroup()
{
	DESCRIPTION="held writes of two volumes are charged to the cgroups of their writers, and obey io.max of the origin"
	local one two writers=() began took

	echo +io > /sys/fs/cgroup/cgroup.subtree_control
	mkdir -p /sys/fs/cgroup/{one,two}
	one=$(new_disk 64M)
	two=$(new_disk 64M)
	eractl create one "$one"
	eractl create data "$two"
	echo "$(< "/sys/class/block/${two##*/}/dev") wbps=1048576" > /sys/fs/cgroup/two/io.max
	kill_erad
	as one dd if=/dev/zero of=/dev/mapper/one conv=nocreat bs=1M count=1 oflag=direct status=none &
	writers+=($!)
	as two dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=4M count=1 oflag=direct status=none &
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
	# At 1 MiB a second, 4 MiB take about 4 seconds. The limit lets the first part pass at once, so
	# require only 2 seconds.
	((took >= 2000)) || fail "4 MiB at 1 MiB a second took $took ms"
	same "$(changed data 1)" "0 4194304"
}

test_polled_writes()
{
	DESCRIPTION="writes whose submitters poll with io_uring, and writes that must not wait, are held and complete"
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

case_needs["test_integrity_data"]=$scsi_debug_module
test_integrity_data()
{
	DESCRIPTION="on a disk that checks integrity data, held writes and writes to recorded blocks have their integrity data"
	local disk writer

	scsi_debug dif=1 dix=1
	eractl create data "$disk"
	same "$(cat "/sys/dev/block/$(dmsetup info -c --noheadings -o major,minor --separator : data)/integrity/format")" T10-DIF-TYPE1-CRC
	head -c 4M /dev/urandom > "$T/data"
	kill_erad
	dd if="$T/data" of=/dev/mapper/data conv=nocreat bs=1M oflag=direct status=none &
	writer=$!
	wait_until "a write is held" holds data
	start_erad
	wait $writer || fail "a held write failed"
	dd if="$T/data" of=/dev/mapper/data conv=nocreat bs=1M oflag=direct status=none || fail "a recorded write failed"
	cmp "$T/data" <(dd if=/dev/mapper/data bs=1M count=4 iflag=direct status=none)
	same "$(changed data 1)" "0 4194304"
	eractl close data
	modprobe -r scsi_debug
}

case_needs["test_zoned_devices"]=$scsi_debug_module
test_zoned_devices()
{
	DESCRIPTION="the module refuses a zoned origin even if dm would accept it, and the kernel's log says why"
	local disk model before

	for model in aware managed; do
		scsi_debug zbc=$model zone_size_mb=8
		[[ $(< "/sys/block/${disk##*/}/queue/zoned") != none ]] || continue	# since 6.9, kernels use host-aware disks as disks without zones
		before=$(dmesg | grep -c "Zoned data devices are not supported" || :)
		dmsetup create zoned --table "0 131072 erad - $disk 128 2 uuid 7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e003" 2> /dev/null &&
			fail "a host-$model device is accepted"
		(($(dmesg | grep -c "Zoned data devices are not supported") == before + 1)) || fail "host-$model: not said"
	done
	modprobe -r scsi_debug
}
