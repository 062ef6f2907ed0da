# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# A physical volume, or the metadata of its volume, that hangs during an attach or a detach: other volumes
# are served, and the attach or the detach ends in time.

# shellcheck source=tests/dm/hung.sh
. tests/dm/hung.sh
# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

# new_hung_vg: makes the volume "other", and vg/a on the physical volume /dev/mapper/slow.
new_hung_vg()
{
	pv=/dev/mapper/slow
	with_other
	backing=$(new_disk 100M)
	# LVM must not find the physical volume on the backing device, so its label lies elsewhere there.
	dmsetup create slow --table "0 196608 linear $backing 2048"
	new_vg_on "$pv"
	new_lv a 32M
}

# hang_a_write: lets each write to the physical volume hang, and begins a write to vg/a. Reads and flushes
# go on. Sets writer to the process that writes.
hang_a_write()
{
	dmsetup load slow --table "0 196608 delay $backing 2048 0 $backing 2048 600000 $backing 2048 0"
	dmsetup resume slow
	write_at vg-a 1048576 4096 &
	writer=$!
	wait_until "the write is in flight" delays_a_write slow
}

# let_go: lets the write complete.
let_go()
{
	dmsetup load slow --table "0 196608 linear $backing 2048"
	dmsetup resume slow
	wait "$writer" || fail "the write has failed"
}

# ends_in_time SECONDS PROCESS TEXT: checks that the process, whose messages are in $T/said, fails within
# this time, and says this.
ends_in_time()
{
	local began=$SECONDS

	while is_running "$2"; do
		((SECONDS - began < $1 * SLOWNESS)) || fail "no end after $1 seconds"
		nap 0.2
	done
	! wait "$2" || fail "it has succeeded: $(cat "$T/said")"
	grep -qF "$3" "$T/said" || fail "got $(cat "$T/said")"
}

case_timeout["test_lvm_attach_while_the_origin_hangs"]=400
test_lvm_attach_while_the_origin_hangs()
{
	DESCRIPTION="while a write to a physical volume hangs, attach is refused in time, at each replacement of a table; meanwhile other volumes are closed, opened, created and served; when the write has completed, what attach has left can be undone, and attach works"
	local pv backing writer attach disk before

	new_hung_vg
	disk=$(new_disk 64M)
	before=$(state)
	hang_a_write
	eractl attach pv0 --pv "$pv" --write-lvm-filter > "$T/said" 2>&1 &
	attach=$!
	wait_until "the attach waits" suspend_waits
	others_come_and_go "$disk"
	ends_in_time 40 $attach "the I/O of /dev/mapper/vg-a has not ended within 20 seconds; check whether a device below it hangs"
	let_go
	wait_until "the attach is undone" eval "[[ \$(state) == \"\$before\" ]]" || fail "$(diff <(echo "$before") <(state))"

	# Now the write hangs when the logical volume lies on the volume's device already.
	attach_stopped_at BELOW_MOVED
	hang_a_write
	kill -CONT "$(erad_pid)"
	wait_until "the attach waits" suspend_waits
	others_come_and_go "$disk"
	mv "$T/err" "$T/said"
	ends_in_time 90 "$attach" "the I/O of /dev/mapper/pv0 has not ended within 20 seconds; check whether a device below it hangs"
	others_are_served
	let_go
	eractl detach pv0 > /dev/null 2>&1 || :
	same "$(dmsetup table vg-a)" "$(grep "^vg-a: " <<< "$before" | cut -d" " -f2-)"
	attach
	write_at vg-a 0 4096
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
}

case_timeout["test_lvm_detach_while_the_origin_hangs"]=300
test_lvm_detach_while_the_origin_hangs()
{
	DESCRIPTION="while a write to a physical volume hangs, detach is refused in time, and the volume stays attached without a gap; meanwhile other volumes are closed, opened, created and served"
	local pv backing writer detach disk

	new_hung_vg
	disk=$(new_disk 64M)
	attach
	hang_a_write
	eractl detach pv0 > "$T/said" 2>&1 &
	detach=$!
	wait_until "the detach waits" suspend_waits
	others_come_and_go "$disk"
	ends_in_time 40 $detach "the I/O of /dev/mapper/pv0 has not ended within 20 seconds; check whether a device below it hangs"
	let_go
	! grep -q "^pv0.*detaching" /etc/eratab || fail "the volume is being detached"
	wait_until "the volume is served" eractl_state_is pv0 active
	no_gap pv0
	eractl detach pv0 > /dev/null
}

case_timeout["test_lvm_detach_while_a_degrade_record_hangs"]=300
test_lvm_detach_while_a_degrade_record_hangs()
{
	DESCRIPTION="while the write of a degrade record hangs, a detach of its volume is refused in time; meanwhile other volumes are closed, opened, created and served; when the metadata works again, the volume is detached"
	local pv detach disk

	with_other
	disk=$(new_disk 64M)
	new_vg 100M
	new_lv a 32M
	dmsetup create slow --table "0 131072 linear $(new_disk 64M) 0"
	attach --metadata /dev/mapper/slow
	hang_record pv0 vg-a
	eractl detach pv0 > "$T/said" 2>&1 &
	detach=$!
	wait_until "the detach waits" removal_waits
	others_come_and_go "$disk"
	ends_in_time 60 $detach "the table of /dev/mapper/pv0 is not replaced after 25 seconds, but the kernel goes on; check whether a device below it hangs; when the device works again, run 'eractl detach pv0' again"
	grep -q "^pv0.*detaching" /etc/eratab || fail "the volume is not being detached: $(cat /etc/eratab)"
	others_are_served
	dmsetup resume slow
	wait_until "the volume is detached" eractl detach pv0
	! grep -q "^pv0" /etc/eratab || fail "the line is left"
	same "$(dmsetup table vg-a)" "0 65536 linear $(lsblk -dno MAJ:MIN "$pv" | tr -d ' ') 2048"
}
