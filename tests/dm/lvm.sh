# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# For cases about LVM: makes volume groups, and attaches the volume pv0 below their logical volumes.

export LVM_SUPPRESS_FD_WARNINGS=1

# new_vg SIZE: makes the volume group vg on the disk $pv, with LVM's configuration of a new system.
new_vg()
{
	pv=$(new_disk "$1")
	new_vg_on "$pv"
}

# new_vg_on DEVICE: makes the volume group vg on this device.
new_vg_on()
{
	cat > /etc/lvm/lvmlocal.conf <<- END
		activation { udev_sync=0 udev_rules=0 monitoring=0 }
		devices { obtain_device_list_from_udev=0 external_device_info_source="none" }
	END
	# Without udev, LVM leaves these nodes behind when a case ends without removing its volume
	# group.
	rm -rf /dev/vg /dev/mapper/vg-*
	modprobe -a dm-mirror dm-snapshot dm-thin-pool xfs
	pvcreate -qy "$1" > /dev/null
	vgcreate -qy vg "$1" > /dev/null
}

# new_lv NAME SIZE [OPTION]...: makes a logical volume in vg.
new_lv()
{
	lvcreate -qy -n "$1" -L "$2" "${@:3}" vg > /dev/null
}

# state: prints everything that attach changes and detach restores.
state()
{
	dmsetup table | sort
	cat /etc/lvm/lvmlocal.conf
	cat /etc/eratab 2> /dev/null
	ls /var/lib/erad /dev/mapper
}

# on_device NAME LOWER: succeeds if the device NAME lies on the device LOWER.
on_device()
{
	[[ $(dmsetup deps -o devname "$1") == *"($2)"* ]]
}

# attach [OPTION]...: attaches pv0, and prints for how long I/O was suspended.
attach()
{
	local said

	said=$(eractl attach pv0 --pv "$pv" --write-lvm-filter "$@")
	[[ $said == *"devices of LVM lie on /dev/mapper/pv0 now; I/O stood still for "*" ms at most"* ]] || fail "attach said '$said'"
	said=${said##*; }
	echo "# ${said%%$'\n'*}"
}

# logged LV SINCE: prints the blocks of 64 KiB of the volume that the writes in $T/log touched.
# Leaves out writes that began before SINCE. The logical volume must be contiguous.
logged()
{
	local start

	start=$(dmsetup table "vg-$1" | awk '{ print $5 * 512 }')
	awk -v start="$start" -v since="$2" '$1 == "w" && $2 >= since {
		for (b = int((start + $4) / 65536); b <= int((start + $4 + $5 - 1) / 65536); b++) print b }' "$T/log" | sort -nu
}

# recorded ERA: prints the blocks that erad has recorded since this era.
recorded()
{
	changed pv0 "$1" | awk '{ for (b = $1 / 65536; b < ($1 + $2) / 65536; b++) print b }' | sort -nu
}

# none_missed LV SINCE ERA: checks that every block that was written since the moment SINCE is
# recorded in ERA or a later era.
none_missed()
{
	logged "$1" "$2" > "$T/logged"
	recorded "$3" > "$T/recorded"
	[[ -s $T/logged ]] || fail "the load has written nothing since then"
	# comm needs lines in the order of sort.
	comm -23 <(sort "$T/logged") <(sort "$T/recorded") > "$T/missed"
	[[ ! -s $T/missed ]] || fail "erad has not recorded $(wc -l < "$T/missed") blocks that were written"
}

# files DIRECTORY: writes, syncs and reads back files until $T/stop exists. Failures are in
# $T/failed.
files()
{
	local i

	for ((i = 0; ; i++)); do
		[[ ! -e $T/stop ]] || return 0
		head -c 300000 /dev/urandom > "$1/f$((i % 7))" && sync "$1/f$((i % 7))" && cp "$1/f$((i % 7))" "$1/g" && cmp "$1/f$((i % 7))" "$1/g" ||
			echo "$1: $i" >> "$T/failed"
		nap 0.4
	done
}

# refused TEXT ARGUMENT...: checks that eractl attach of pv0 fails with TEXT, and changes nothing.
refused()
{
	local before

	before=$(state)
	eractl attach pv0 "${@:2}" 2> "$T/err" && fail "attach succeeded, expected a failure: $*"
	grep -q -e "$1" "$T/err" || fail "got '$(cat "$T/err")', expected '$1'"
	same "$(state)" "$before"
}

# lvchange_waits: starts lvchange, and returns when lvchange waits for LVM's lock. lvchange has read
# LVM's configuration by then. Sets lvchange to its process id.
lvchange_waits()
{
	lvchange --refresh vg/a &
	lvchange=$!
	# Look for lvchange's own process id in /proc/locks. Only a wait of lvchange itself proves
	# that lvchange has read LVM's configuration; other LVM commands may be waiting, too.
	wait_until "lvchange waits for LVM's lock" grep -q -e "-> .* $lvchange " /proc/locks
}

# attach_stopped_at POINT: starts erad and an attach, and stops erad at the failpoint. $attach is the
# process number of the attach.
attach_stopped_at()
{
	stop_erad
	start_erad_armed "$1" 1 stop
	eractl attach pv0 --pv "$pv" --write-lvm-filter > "$T/said" 2> "$T/err" &
	attach=$!
	wait_until "erad has stopped at $1" grep -q '^State:[[:space:]]*T' "/proc/$(erad_pid)/status"
}
