# shellcheck shell=bash disable=SC2016,SC2034,SC2119
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl detach, and attaches that are interrupted: afterwards, the logical volumes lie on the
# physical volume again.

# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

test_lvm_detach_beside_a_command()
{
	DESCRIPTION="if a command of LVM or a person has loaded a table, detach waits for LVM's lock, and then fails and keeps the loaded table"
	local pv loaded detach lock

	new_vg 100M
	new_lv a 32M
	attach
	# Make the state in the middle of an lvextend: LVM holds the lock, and a new table is
	# loaded.
	exec {lock}>> /run/lock/lvm/V_vg
	flock "$lock"
	loaded="0 65536 linear $(lsblk -dno MAJ:MIN /dev/mapper/pv0 | tr -d ' ') 100000"
	dmsetup load vg-a --table "$loaded"
	eractl detach pv0 > "$T/said" 2>&1 {lock}>&- &
	detach=$!
	wait_until "the detach has begun" grep -q detaching /etc/eratab
	nap 1
	same "$(dmsetup table --inactive vg-a)" "$loaded"
	exec {lock}>&-
	wait $detach && fail "detach succeeded although a table was loaded"
	grep -q "vg-a has a table that is loaded and not in use" "$T/said" || fail "$(cat "$T/said")"
	same "$(dmsetup table --inactive vg-a)" "$loaded"
	eractl_state_is pv0 active

	# Do the same without erad.
	kill_erad
	eractl detach pv0 2> "$T/said" && fail "detach succeeded although a table was loaded"
	same "$(dmsetup table --inactive vg-a)" "$loaded"
	start_erad
	dmsetup clear vg-a
	eractl detach pv0 > /dev/null
}

test_lvm_detach_beside_a_command_that_waits()
{
	DESCRIPTION="if a command of LVM waits for LVM's lock during a detach, and moves a logical volume to the volume again when it has the lock, detach moves the logical volume back once more"
	local pv before detach lvchange

	new_vg 100M
	new_lv a 32M
	before=$(state)
	attach
	stop_erad
	start_erad_armed BELOW_SWAPPED 1 stop
	wait_until "active" eractl_state_is pv0 active
	eractl detach pv0 > "$T/said" 2>&1 &
	detach=$!
	# erad stops when the detach holds LVM's lock and has moved the logical volume.
	wait_until "erad has stopped in the detach" grep -q '^State:[[:space:]]*T' "/proc/$(erad_pid)/status"
	on_device vg-a "${pv##*/}" || fail "the logical volume is not moved: $(dmsetup deps -o devname vg-a)"
	# LVM's configuration still rejects the path of the physical volume. So lvchange finds the
	# physical volume on the volume, and will move the logical volume there.
	lvchange_waits
	kill -CONT "$(erad_pid)"
	wait "$detach" || fail "$(cat "$T/said")"
	wait "$lvchange" || fail "lvchange has failed"
	same "$(state)" "$before"
}

test_lvm_detach_without_erad_beside_a_command_that_waits()
{
	DESCRIPTION="a detach without erad moves a logical volume back once more, if a command of LVM that waited has moved it to the volume again"
	local before disk pv detach lvchange

	new_vg 100M
	# The physical volume is a device that the test can suspend, so that the detach takes long.
	# The device begins inside the disk. So LVM does not find the physical volume on the disk
	# itself.
	disk=$pv
	vgremove -qy vg > /dev/null
	pvremove -qy "$disk" > /dev/null
	pv=/dev/mapper/slow
	dmsetup create slow --table "0 $(($(blockdev --getsz "$disk") - 2048)) linear $disk 2048"
	pvcreate -qy "$pv" > /dev/null
	vgcreate -qy vg "$pv" > /dev/null
	new_lv a 32M
	before=$(state)
	attach
	write_at vg-a 0 4096
	kill_erad
	# The write below passes the volume and waits for the suspended device. So detach waits for
	# the write while detach holds LVM's lock.
	dmsetup suspend --nolockfs slow
	write_at vg-a 0 4096 &
	nap 0.5
	eractl detach pv0 > "$T/said" 2>&1 &
	detach=$!
	wait_until "the detach has begun" grep -q detaching /etc/eratab
	nap 1
	lvchange --refresh vg/a > "$T/lvchange" 2>&1 &
	lvchange=$!
	nap 1
	dmsetup resume slow
	wait "$detach" || fail "$(cat "$T/said")"
	wait "$lvchange" || fail "$(cat "$T/lvchange")"
	start_erad
	same "$(state)" "$before"
}

test_lvm_detach_without_erad()
{
	DESCRIPTION="detach works without erad: waiting writes complete, no write fails, and the state is as before the attach"
	local pv before seen

	new_vg 100M
	new_lv a 32M
	before=$(state)
	eractl create other "$(new_disk 64M)" > /dev/null
	attach
	write_at vg-a 0 4096
	seen=/var/lib/erad/seen/$(eractl status --json pv0 | field uuid)
	[[ -e $seen ]] || fail "the token of pv0 was not noted"
	kill_erad
	load -t 2 -n 20 /dev/vg/a > "$T/load" 2>&1 &
	wait_until "a write waits" eval "[[ \$(dmsetup status pv0 | awk '{ print \$9 }') != 0 ]]"
	eractl detach pv0 > "$T/said"
	wait $! || fail "$(cat "$T/load")"
	# The metadata of the other volume has another UUID, so detach removes the note of pv0's
	# UUID.
	[[ ! -e $seen ]] || fail "detach has kept $seen"
	start_erad
	same "$(eractl list --json | grep -c pv0)" 0
	eractl close other
	eractl forget other > /dev/null
	same "$(state)" "$before"
}

# erad_dies_beside_a_stopped_standby: starts erad with a standby, stops the standby with SIGSTOP,
# and kills erad. Sets standby to the process number of the standby.
erad_dies_beside_a_stopped_standby()
{
	erad_options=()
	start_erad
	wait_until "active" eractl_state_is pv0 active
	standby=$(pgrep -x erad-standby -P "$(erad_pid)")
	kill -STOP "$standby"
	kill_erad
}

case_timeout["test_lvm_detach_before_the_standby_answers"]=240
test_lvm_detach_before_the_standby_answers()
{
	DESCRIPTION="a detach when erad has just died waits for the standby, is refused if the standby does not answer, and goes on without erad if a standby that hangs was sent SIGTERM"
	local before pv standby

	new_vg 100M
	new_lv a 32M
	before=$(state)
	attach
	stop_erad
	erad_dies_beside_a_stopped_standby
	eractl detach pv0 2> "$T/said" && fail "detach has gone on beside the standby"
	grep -q "erad has died, and its standby, process $standby, is about to serve the volumes, but does not answer yet; try again in a moment" "$T/said" ||
		fail "$(cat "$T/said")"
	(
		nap 0.5
		kill -CONT "$standby"
	) &
	eractl detach pv0 > /dev/null
	wait $!
	same "$(state)" "$before"

	attach
	erad_dies_beside_a_stopped_standby
	kill -TERM "$standby"
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
	kill -CONT "$standby"
	wait_until "the standby has ended" eval "[[ ! -e /proc/$standby || \$(< /proc/$standby/stat) == *') Z '* ]]"
	erad_options=(--no-standby)
	start_erad
}

test_lvm_detach_without_erad_beside_a_copy()
{
	DESCRIPTION="detach without erad names another volume whose metadata has the same UUID or cannot be read, and keeps the note of the newest token"
	local seen

	new_vg 100M
	new_lv a 32M
	attach
	seen=/var/lib/erad/seen/$(eractl status --json pv0 | field uuid)
	cp --sparse=always /var/lib/erad/pv0.erad "$T/copy"
	printf 'other\t/dev/null\t%s\n' "$T/copy" >> /etc/eratab
	kill_erad
	eractl detach pv0 --json > "$T/said"
	grep -q '"same_uuid":"other"' "$T/said" || fail "got $(cat "$T/said")"
	[[ -e $seen ]] || fail "detach has removed $seen, and the copy still needs it"
}

test_lvm_detach_while_the_metadata_hang()
{
	DESCRIPTION="if the metadata device hangs, a detach without erad succeeds, and erad can be started while the device hangs"
	local pv disk detach i

	new_vg 100M
	new_lv a 32M
	disk=$(new_disk 64M)
	dmsetup create slow --table "0 $(blockdev --getsz "$disk") linear $disk 0"
	attach --metadata /dev/mapper/slow
	kill_erad
	dmsetup suspend slow
	eractl detach pv0 > "$T/said" 2>&1 &
	detach=$!
	wait_until "the detach has moved the logical volumes" test ! -e /dev/mapper/pv0
	# The detach holds erad's lock while it waits for the metadata, at most a second. A start of
	# erad fails meanwhile, so try again.
	for ((i = 0; i < 10 * SLOWNESS; i++)); do
		(start_erad) > "$T/start" 2>&1 && break
		nap 1
	done
	dmsetup resume slow
	is_running "$(erad_pid)" || fail "erad cannot be started while the metadata hang: $(cat "$T/start")"
	wait "$detach" || fail "$(cat "$T/said")"
	same "$(cat /etc/eratab)" ""
	same "$(dmsetup table vg-a)" "0 65536 linear $(lsblk -dno MAJ:MIN "$pv" | tr -d ' ') 2048"
}

test_lvm_detach_while_the_directory_of_erad_hangs()
{
	DESCRIPTION="while the writes to the file system of /var/lib/erad hang, a detach moves the logical volumes back in time, says what is left, and can be repeated"
	local pv before code=0

	new_vg 100M
	new_lv a 32M
	slow_home
	before=$(state)
	attach
	write_at vg-a 0 4096
	hang_writes
	bounded 40 eractl detach pv0 > "$T/said" 2>&1 || code=$?
	same "$code" 1
	grep -q "volume pv0: the logical volumes lie on the physical volume again, but the metadata is not closed yet: /var/lib/erad/pv0.erad was not examined within 20 seconds; check whether the device or its file system hangs; when the metadata can be written again, run 'eractl detach pv0' again" \
		"$T/said" || fail "got $(cat "$T/said")"
	bounded 5 write_at vg-a 0 4096 || fail "a write to the logical volume waits"
	dmsetup resume slow
	wait_until "the volume is detached" eractl detach pv0
	same "$(state)" "$before"
}

test_lvm_detach_without_erad_while_the_directory_of_erad_hangs()
{
	DESCRIPTION="while the writes to the file system of /var/lib/erad hang, a detach without erad ends in time, and says that the metadata file is left"
	local pv lvs before

	new_vg 100M
	new_lv a 32M
	slow_home
	lvs=$(dmsetup table vg-a)
	attach
	write_at vg-a 0 4096
	kill_erad
	hang_writes
	bounded 40 eractl detach pv0 > "$T/said" 2>&1 || fail "not detached: $(cat "$T/said")"
	grep -q "volume pv0: /var/lib/erad/pv0.erad is not removed, because its file system has not answered within 10 seconds; when the file system works again, remove the file" \
		"$T/said" || fail "got $(cat "$T/said")"
	# LVM also reads /dev/mapper/slow, which hangs, so lvm does not end.
	grep -q "volume pv0: detached, but cannot tell whether LVM uses $pv again: 'lvm pvs $pv' has not ended within 15 seconds; check whether a device hangs" \
		"$T/said" || fail "got $(cat "$T/said")"
	same "$(dmsetup table vg-a)" "$lvs"
	same "$(cat /etc/eratab)" ""
	dmsetup resume slow
	start_erad
}

test_lvm_detach_beside_a_detach()
{
	DESCRIPTION="a detach without erad that finds erad's lock held says that an erad or another detach may hold the lock"
	local lock

	new_vg 100M
	new_lv a 32M
	attach
	kill_erad
	exec {lock}< /run/erad/erad.lock
	flock "$lock"
	eractl detach pv0 2> "$T/err" && fail "detached, although another program has erad's lock"
	grep -q "an erad is running and does not answer, or another 'eractl detach' is running" "$T/err" || fail "$(cat "$T/err")"
	exec {lock}<&-
	start_erad
	eractl detach pv0 > /dev/null
}

test_lvm_detach_of_a_renamed_device()
{
	DESCRIPTION="detach refuses a volume whose device was renamed, with and without erad, because logical volumes lie on the device; it works again with the old name"
	local pv before

	new_vg 100M
	new_lv a 32M
	before=$(state)
	attach
	dmsetup rename pv0 other0
	eractl detach pv0 2> "$T/err" && fail "detached, but the logical volumes lie on /dev/mapper/other0"
	grep -q "there is no /dev/mapper/pv0, and /dev/mapper/other0 lies on $pv: .*'dmsetup rename other0 pv0'" "$T/err" || fail "$(cat "$T/err")"
	stop_erad
	eractl detach pv0 2> "$T/err" && fail "detached without erad, but the logical volumes lie on /dev/mapper/other0"
	grep -q "'dmsetup rename other0 pv0'" "$T/err" || fail "$(cat "$T/err")"
	same "$(grep -c '^pv0.*erad$' /etc/eratab)" 1
	start_erad
	dmsetup rename other0 pv0
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
}

test_lvm_detach_frees_a_command()
{
	DESCRIPTION="detach without erad works while a command of LVM holds LVM's lock and waits for erad: the command ends, and then the logical volumes move"
	local pv lvextend

	new_vg 100M
	new_lv a 32M
	attach
	kill_erad
	lvextend -L 48M vg/a > "$T/said" 2>&1 &
	lvextend=$!
	wait_until "lvextend waits for erad" eval "[[ \$(dmsetup status pv0 | awk '{ print \$9 }') != 0 ]]"
	bounded 60 eractl detach pv0 > /dev/null || fail "detach does not free lvextend"
	wait $lvextend || fail "$(cat "$T/said")"
	same "$(dmsetup table)" "vg-a: 0 98304 linear $(lsblk -dno MAJ:MIN "$pv" | tr -d ' ') 2048"
	same "$(cat /etc/eratab)" ""
	[[ ! -e /var/lib/erad/pv0.erad ]] || fail "the metadata is left"
	start_erad
	vgchange -qan vg > /dev/null
	vgchange -qay vg > /dev/null
}

test_lvm_detaching_is_shown()
{
	DESCRIPTION="status, doctor and the metrics show that an attach or a detach was interrupted, and doctor shows that LVM rejects the origin"
	local pv origin

	new_vg 100M
	new_lv a 32M
	attach
	origin=$(awk '/^pv0/ { print $2 }' /etc/eratab)
	eractl doctor > "$T/doctor" || :
	grep -qF "pv0: /etc/lvm/lvmlocal.conf has LVM use the volume, and not $origin" "$T/doctor" || fail "$(cat "$T/doctor")"
	dmsetup create stray --uuid LVM-0123 --table "0 8 linear $pv 0"
	eractl doctor > "$T/doctor" && fail "doctor has no problem"
	grep -A 1 "pv0: LVM uses the origin itself" "$T/doctor" | grep -q "# eractl detach pv0" || fail "$(cat "$T/doctor")"
	dmsetup remove stray

	sed -i '/^pv0/s/$/\tdetaching/' /etc/eratab
	eractl status pv0 | grep -q "^pv0 *active, detaching " || fail "status: $(eractl status pv0)"
	eractl doctor > "$T/doctor" && fail "doctor has no problem"
	grep -A 1 "pv0: is being attached or detached" "$T/doctor" | grep -q "# eractl detach pv0" || fail "$(cat "$T/doctor")"
	erad-exporter --textfile "$T/metrics"
	grep -q '^erad_detaching{volume="pv0"} 1$' "$T/metrics" || fail "no erad_detaching: $(cat "$T/metrics")"
	eractl detach pv0 > /dev/null
}

# said_since: prints the messages of erad after the first $from lines.
said_since()
{
	tail -n "+$((from + 1))" "$ERAD_OUT/erad.log"
}

test_lvm_interrupted_is_tried_again()
{
	DESCRIPTION="if erad cannot undo an interrupted attach when it starts, because LVM's configuration cannot be written, it undoes the attach later"
	local pv before from

	new_vg 100M
	new_lv a 32M
	before=$(state)
	attach
	stop_erad
	# Remove the note of the newest token, because erad does not remove it. Only eractl does.
	rm -rf /var/lib/erad/seen
	sed -i '/^pv0/s/$/\tdetaching/' /etc/eratab
	mount --bind /etc/lvm /etc/lvm
	mount -o remount,ro,bind /etc/lvm
	from=$(wc -l < "$ERAD_OUT/erad.log")
	start_erad
	wait_until "erad has tried" eval 'said_since | grep -q "volume pv0: .*cannot be ended now.*Read-only"'
	! dmsetup info pv0 > /dev/null 2>&1 || fail "the volume exists"
	eractl list --json | grep -q pv0 || fail "the volume was forgotten before LVM's configuration was written"
	umount /etc/lvm
	wait_until "the attach is undone" eval "[[ \$(state) == \"\$before\" ]]"
	same "$(said_since | grep -c "cannot be ended now")" 1
}

case_timeout["test_lvm_killed_at_every_step"]=300
test_lvm_killed_at_every_step()
{
	DESCRIPTION="if erad is killed at every step of attach and detach under load, the next erad restores the logical volumes"
	local pv before point

	new_vg 100M
	new_lv a 16M
	new_lv b 16M
	before=$(state)
	load -t 1 -s 600 /dev/vg/a > "$T/load" 2>&1 &
	load_pid=$!
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	wait_back
	for point in $(points attach) $(points detach); do
		if [[ $(points detach) == *"$point"* ]]; then
			attach > /dev/null
			arm "$point"
			eractl detach pv0 > /dev/null 2>&1 || :
		else
			arm "$point"
			eractl attach pv0 --pv "$pv" --write-lvm-filter > /dev/null 2>&1 && fail "attach worked at $point"
		fi
		wait_killed
		wait_back
		# Remove the note of the newest token. Only eractl removes the note, and this eractl
		# has received no answer.
		rm -rf /var/lib/erad/seen
		wait_until "$point is undone" eval "[[ \$(state) == \"\$before\" ]]" || fail "at $point: $(diff <(echo "$before") <(state))"
		is_running $load_pid || fail "the load ended at $point: $(cat "$T/load")"
	done
	kill -TERM $load_pid
	wait $load_pid || fail "$(cat "$T/load")"
}
