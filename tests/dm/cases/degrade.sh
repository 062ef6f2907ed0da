# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Writes continue without erad: detach_policy=degrade and eractl abort --degrade.

# create_data: creates the volume "data", with its metadata on a device.  Sets $meta, and $era, the
# era that has just begun.
create_data()
{
	meta=$(new_disk 4M)
	eractl create data "$(new_disk 64M)" --metadata "$meta" > /dev/null
	era=$(eractl checkpoint data)
}

# open_with OPTIONS: closes the volume "data", and opens it with these options in eratab.
open_with()
{
	eractl close data > /dev/null
	sed -i "s/^\(data[[:blank:]].*\)$/\1 $1/" /etc/eratab
	eractl open data > /dev/null
}

target_is()
{
	[[ $(dmsetup status data) == *" $1 "* ]]
}

# check_full_and_exact ERA: checks that every block counts as written since ERA, and that the diff is
# exact again after the next checkpoint.
check_full_and_exact()
{
	local size era

	size=$(blockdev --getsize64 /dev/mapper/data)
	same "$(changed data "$1")" "0 $size"
	era=$(eractl checkpoint data)
	same "$(changed data "$era")" ""
	write_at data 1048576 4096
	same "$(changed data "$era")" "1048576 65536"
}

test_degrade_under_ext4()
{
	DESCRIPTION="if erad is killed and not started again, a busy ext4 continues after detach_timeout; the next increment is a full one, and the increment after it is exact"
	local meta writer before era

	create_data
	open_with detach_policy=degrade,detach_timeout=2
	dmsetup table data | grep -q 'detach_policy degrade detach_timeout 2' || fail "table: $(dmsetup table data)"
	mkfs.ext4 -q /dev/mapper/data
	mkdir "$T/mnt"
	mount /dev/mapper/data "$T/mnt"
	era=$(eractl checkpoint data)
	(
		i=0
		while [[ ! -e $T/enough ]]; do
			dd if=/dev/urandom of="$T/mnt/f$((i % 20))" bs=64K count=4 conv=fsync status=none || exit
			echo $((++i)) > "$T/count"
		done
	) &
	writer=$!
	wait_until "files are written" test -s "$T/count"
	kill_erad
	wait_until "degraded" target_is degraded
	before=$(< "$T/count")
	writes_go_on() { (($(< "$T/count") > before + 3)); }
	wait_until "writes go on without erad" writes_go_on
	start_erad
	wait_until "active" eractl_state_is data active
	before=$(< "$T/count")
	wait_until "writes go on with erad" writes_go_on
	touch "$T/enough"
	wait $writer || fail "a write failed"
	umount "$T/mnt"
	e2fsck -fn /dev/mapper/data > "$T/fsck" 2>&1 || fail "$(cat "$T/fsck")"
	eractl status data > "$T/status"
	grep -q 'data: every block counts as written in era' "$T/status" || fail "status does not say that every block counts as written: $(cat "$T/status")"
	check_full_and_exact "$era"
	eractl close data > /dev/null
	eractl check "$meta"
}

test_degrade_by_hand()
{
	DESCRIPTION="eractl abort --degrade works while erad runs and while it does not run, and is refused if the metadata is in a file"
	local meta other writer era

	create_data
	write_at data 0 4096
	eractl abort data --degrade
	recovered() { (($(eractl status --json data | field era) > era)) && eractl_state_is data active; }
	wait_until "erad is back by itself" recovered
	check_full_and_exact "$era"

	era=$(eractl checkpoint data)
	kill_erad
	write_at data $((5 << 20)) 4096 &
	writer=$!
	wait_until "a write is held" held_now_are 1
	eractl abort data --degrade
	wait $writer || fail "the write failed"
	target_is degraded || fail "status: $(dmsetup status data)"
	start_erad
	check_full_and_exact "$era"

	other=$(new_disk 16M)
	eractl create other "$other" > /dev/null
	eractl abort other --degrade 2> "$T/err" && fail "a volume with metadata in a file was degraded"
	grep -q 'its table names no metadata device' "$T/err" || fail "got: $(cat "$T/err")"
	same "$(eractl status --json other | field state)" active
	eractl close other > /dev/null
	sed -i 's/^\(other[[:blank:]].*\)$/\1 detach_policy=degrade/' /etc/eratab
	eractl open other 2> "$T/err" && fail "open with detach_policy=degrade and metadata in a file succeeded"
	grep -q 'needs the metadata on a block device' "$T/err" || fail "got: $(cat "$T/err")"
}

test_degrade_found_at_open()
{
	DESCRIPTION="an open finds a degrade record before any write passes"
	local meta era

	create_data
	kill_erad
	eractl abort data --degrade
	write_at data $((7 << 20)) 4096
	wait_until "removed" dmsetup remove data
	start_erad
	eractl open data > /dev/null 2>&1 || eractl_state_is data active || fail "the volume was not opened"
	check_full_and_exact "$era"
	eractl close data > /dev/null
	eractl open data > /dev/null
	era=$(eractl status --json data | field era)
	same "$(changed data "$era")" ""
}

test_degrade_with_gap_refuse()
{
	DESCRIPTION="with gap=refuse, metadata with a degrade record is opened only with --accept-gap"
	local meta era i

	create_data
	open_with gap=refuse
	era=$(eractl checkpoint data)
	kill_erad
	eractl abort data --degrade
	write_at data $((7 << 20)) 4096
	wait_until "removed" dmsetup remove data
	start_erad
	for i in 1 2; do
		eractl open data 2> "$T/err" && fail "open $i succeeded"
		grep -q "writes may have gone past erad (degraded): .*--accept-gap" "$T/err" || fail "got $(cat "$T/err")"
	done
	eractl open data --accept-gap > /dev/null
	check_full_and_exact "$era"
	eractl close data > /dev/null
	eractl open data > /dev/null
}

test_degrade_then_reload()
{
	DESCRIPTION="if a degraded target is replaced by a reload while erad is stopped, erad finds the degrade record, although it has the metadata open already"
	local meta era table pid

	create_data
	pid=$(erad_pid)
	kill -STOP "$pid"
	eractl abort data --degrade
	write_at data $((9 << 20)) 4096
	table=$(dmsetup table data)
	dmsetup suspend --nolockfs data
	dmsetup load data --table "$table"
	dmsetup resume data
	kill -CONT "$pid"
	recovered() { (($(eractl status --json data | field era) > era)) && eractl_state_is data active; }
	wait_until "erad has moved over" recovered
	check_full_and_exact "$era"
}
