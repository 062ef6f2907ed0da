# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl attach and detach: insert a volume between a physical volume of LVM and its logical
# volumes, and remove it, while the logical volumes are in use.

export LVM_SUPPRESS_FD_WARNINGS=1

# new_vg SIZE: makes the volume group vg on the disk $pv, with LVM's configuration of a new system.
new_vg()
{
	cat > /etc/lvm/lvmlocal.conf <<- END
		activation { udev_sync=0 udev_rules=0 monitoring=0 }
		devices { obtain_device_list_from_udev=0 external_device_info_source="none" }
	END
	# Without udev, LVM leaves these nodes behind when a case ends without removing its volume
	# group.
	rm -rf /dev/vg /dev/mapper/vg-*
	modprobe -a dm-mirror dm-snapshot dm-thin-pool xfs
	pv=$(new_disk "$1")
	pvcreate -qy "$pv" > /dev/null
	vgcreate -qy vg "$pv" > /dev/null
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

# attach [OPTION]...: attaches pv0, and prints for how long I/O was suspended.
attach()
{
	local said

	said=$(eractl attach pv0 --pv "$pv" --write-lvm-filter "$@")
	[[ $said == *"devices of LVM lie on /dev/mapper/pv0 now; I/O stood still for "*" ms at most" ]] || fail "attach said '$said'"
	echo "# ${said##*; }"
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
# recorded since ERA.
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
		nap 0.05
	done
}

case_timeout["test_lvm_attached_under_load"]=240
test_lvm_attached_under_load()
{
	DESCRIPTION="attach and detach work under mounted ext4 and xfs and a verifying load: no write fails or is missing, and writes of LVM's own commands are tracked"
	local pv before era since

	new_vg 900M
	new_lv ext 64M
	new_lv xfs 320M
	new_lv raw 64M
	mkfs.ext4 -q /dev/vg/ext
	mkfs.xfs -q /dev/vg/xfs
	mkdir "$T/ext" "$T/xfs"
	mount /dev/vg/ext "$T/ext"
	mount /dev/vg/xfs "$T/xfs"
	before=$(state)
	files "$T/ext" &
	files "$T/xfs" &
	load -t 2 -s 600 -w "$T/log" /dev/vg/raw > "$T/load" 2>&1 &
	load_pid=$!
	nap 2
	attach --metadata "$T/meta"
	since=${EPOCHREALTIME/./}
	same "$(pvs --noheadings -o pv_name | tr -d ' \n')" /dev/mapper/pv0
	nap 2
	none_missed raw "$since" 1

	# LVM still works, and each of its tables uses the volume.
	lvextend -qr -L 96M vg/ext > /dev/null 2>&1
	lvcreate -qy -s -n snap -L 16M vg/ext > /dev/null
	lvrename -q vg snap snap2 > /dev/null
	lvcreate -qy --type thin-pool -n pool -L 32M vg > /dev/null 2>&1
	lvcreate -qy -n thin -V 64M --thinpool vg/pool > /dev/null 2>&1
	lvchange --refresh vg/raw
	vgchange --refresh vg > /dev/null
	era=$(eractl checkpoint pv0)
	since=${EPOCHREALTIME/./}
	write_at vg-thin 0 65536
	nap 2
	none_missed raw "$since" "$era"
	dmsetup table | grep -v '^pv0:' | grep -q " $(lsblk -dno MAJ:MIN "$pv" | tr -d ' ') " && fail "a table names the physical volume: $(dmsetup table)"
	lvremove -qy vg/thin vg/pool vg/snap2 > /dev/null 2>&1

	eractl detach pv0 > "$T/said"
	nap 1
	kill -TERM $load_pid
	wait $load_pid || fail "$(cat "$T/load")"
	touch "$T/stop"
	wait
	[[ ! -e $T/failed ]] || fail "files: $(cat "$T/failed")"
	umount "$T/ext" "$T/xfs"
	e2fsck -fn /dev/vg/ext > /dev/null 2>&1 || fail "ext4 is damaged"
	xfs_repair -n /dev/vg/xfs > /dev/null 2>&1 || fail "xfs is damaged"
	lvreduce -qy -f -L 64M vg/ext > /dev/null 2>&1
	rm -f "$T/meta"
	same "$(state)" "$before"
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

test_lvm_attach_refused()
{
	DESCRIPTION="attach refuses what could do harm, says why, and changes nothing; detach does the same"
	local pv other third node

	new_vg 200M
	new_lv a 32M
	new_lv b 32M
	other=$(new_disk 80M)
	node=$(lsblk -dno MAJ:MIN "$pv" | tr -d ' ')
	refused 'r|^/dev/loop[0-9]*$|' --pv "$pv"
	refused "lies on" --pv "$pv" --write-lvm-filter --metadata /dev/vg/b
	refused "No such file" --pv /dev/none --write-lvm-filter

	# the same volume group on another disk
	pvcreate -qy "$other" > /dev/null
	vgextend -q vg "$other" > /dev/null
	# No logical volume lies on this disk, but the initramfs would activate the volume group.
	mkswap /dev/vg/b > /dev/null
	swapon /dev/vg/b
	refused "swap lies on /dev/mapper/vg-b, a logical volume of the same volume group" --pv "$other" --write-lvm-filter
	swapoff /dev/vg/b
	lvcreate -qy -n meta -L 16M vg "$other" > /dev/null
	refused "same volume group" --pv "$pv" --write-lvm-filter --metadata /dev/vg/meta

	# The initramfs would activate this volume group.
	mkswap /dev/vg/b > /dev/null
	swapon /dev/vg/b
	refused "swap lies on /dev/mapper/vg-b, a logical volume of the same volume group" --pv "$pv" --write-lvm-filter
	swapoff /dev/vg/b

	dmsetup suspend vg-a
	refused "vg-a is suspended" --pv "$pv" --write-lvm-filter
	dmsetup resume vg-a
	dmsetup load vg-a --table "0 8 zero"
	refused "vg-a has a table that is loaded" --pv "$pv" --write-lvm-filter
	dmsetup clear vg-a
	dmsetup create foreign --table "0 8 linear $pv 0"
	refused "foreign uses device" --pv "$pv" --write-lvm-filter
	dmsetup remove foreign
	dmsetup load vg-a --table "0 65536 mirror core 2 1024 nosync 2 $node 2048 $(lsblk -dno MAJ:MIN "$other" | tr -d ' ') 2048"
	dmsetup resume vg-a
	refused "type mirror" --pv "$pv" --write-lvm-filter
	lvchange --refresh vg/a

	# the administrator's own filter
	echo 'devices/global_filter = [ "r|/dev/sdz|" ]' >> /etc/lvm/lvmlocal.conf
	refused "LVM has a filter already" --pv "$pv" --write-lvm-filter
	sed -i '$d' /etc/lvm/lvmlocal.conf
	# a disk in use by a file system
	third=$(new_disk 16M)
	pvcreate -qy --metadatacopies 0 "$third" > /dev/null
	dd if="$third" of="$T/label" bs=512 skip=1 count=1 status=none
	mkfs.ext4 -qF "$third"
	mkdir "$T/m"
	mount "$third" "$T/m"
	refused "Failed to find physical volume" --pv "$third" --write-lvm-filter
	dd if="$T/label" of="$third" bs=512 seek=1 count=1 conv=fsync status=none
	refused "in use, but not by logical volumes: mounted" --pv "$third" --write-lvm-filter
	umount "$T/m"

	# a volume of create
	eractl create data "$(new_disk 16M)" > /dev/null
	eractl detach data 2> "$T/err" && fail "detach of a volume of create succeeded"
	grep -q "does not lie below logical volumes" "$T/err" || fail "$(cat "$T/err")"
	eractl status data > /dev/null
	# a volume that another program uses
	attach --metadata "$T/meta"
	exec {held}< /dev/mapper/pv0
	eractl detach pv0 2> "$T/err" && fail "detach of an open volume succeeded"
	grep -q "in use by others" "$T/err" || fail "$(cat "$T/err")"
	exec {held}<&-
	eractl_state_is pv0 active
	eractl close pv0 2> /dev/null && fail "a volume below logical volumes was closed"
	eractl detach pv0 > /dev/null
}

test_lvm_attach_no_circle()
{
	DESCRIPTION="attach refuses a metadata file on a volume whose own metadata file is on the physical volume, because writes would wait for each other"
	local pv other

	new_vg 100M
	new_lv meta 32M
	other=$(new_disk 100M)
	pvcreate -qy "$other" > /dev/null
	vgcreate -qy vh "$other" > /dev/null
	lvcreate -qy -n meta -L 32M vh > /dev/null
	mkfs.ext4 -q /dev/vg/meta
	mkfs.ext4 -q /dev/vh/meta
	mkdir "$T/vg" "$T/vh"
	mount /dev/vg/meta "$T/vg"
	mount /dev/vh/meta "$T/vh"
	eractl attach pv1 --pv "$other" --write-lvm-filter --metadata "$T/vg/pv1" > /dev/null
	refused "metadata $T/vh/pv0 depends on volume pv1, whose metadata $T/vg/pv1 lies on $pv" --pv "$pv" --write-lvm-filter --metadata "$T/vh/pv0"
	bounded 20 dd if=/dev/zero of="$T/vh/file" bs=4k count=1 oflag=direct status=none || fail "a write waits"
	eractl detach pv1 > /dev/null
	umount "$T/vg" "$T/vh"
	vgremove -qfy vh > /dev/null
}

test_lvm_attach_by_any_path()
{
	DESCRIPTION="attach writes LVM's filter for any path of the physical volume, and with a PATH without sbin; attach fails if LVM gives no answer"
	local pv before path node

	new_vg 100M
	new_lv a 32M
	before=$(state)
	ln -s "$pv" "$T/link"
	node=$(lsblk -dno MAJ:MIN "$pv" | tr -d ' ')
	mknod "$T/node" b "${node%:*}" "${node#*:}"
	for path in "${pv#/}" "$T/link" "$T/node"; do
		(cd / && PATH=/usr/bin:/bin "$(command -v eractl)" attach pv0 --pv "$path" --write-lvm-filter > "$T/said" 2>&1) || fail "$(cat "$T/said")"
		grep -q '^devices/global_filter' /etc/lvm/lvmlocal.conf || fail "no filter for $path"
		same "$(pvs --noheadings -o pv_name | tr -d ' \n')" /dev/mapper/pv0
		# If LVM used the physical volume, lvm pvs would list it.
		lvm pvs "$pv" > "$T/said" 2>&1 && fail "LVM uses $pv, attached as $path"
		eractl detach pv0 > /dev/null
		same "$(state)" "$before"
	done
	mount --bind /bin/false "$(readlink -f "$(command -v lvm)")"
	refused "'lvm pvs $pv' failed" --pv "$pv" --write-lvm-filter
	umount "$(readlink -f "$(command -v lvm)")"
}

test_lvm_forget_refused()
{
	DESCRIPTION="forget refuses an attached volume, because LVM would still reject the physical volume; detach removes the volume, and says so if LVM still rejects the physical volume"
	local pv before

	new_vg 100M
	new_lv a 32M
	before=$(state)
	attach
	vgchange -qan vg > /dev/null
	eractl close pv0
	eractl forget pv0 2> "$T/err" && fail "forget of an attached volume succeeded"
	grep -q "'eractl detach pv0' forgets the volume" "$T/err" || fail "$(cat "$T/err")"
	grep -q ^pv0 /etc/eratab || fail "the line is gone"
	eractl detach pv0 > "$T/said" 2> "$T/err"
	same "$(cat "$T/err")" ""
	vgchange -qay vg > /dev/null
	same "$(state)" "$before"

	# the administrator's own filter
	echo "devices/global_filter = [ \"r|^$pv\$|\" ]" >> /etc/lvm/lvmlocal.conf
	eractl attach pv0 --pv "$pv" > /dev/null
	eractl detach pv0 2> "$T/err"
	grep -q "volume pv0: detached, but LVM does not use $pv: .*remove the filter" "$T/err" || fail "$(cat "$T/err")"
	sed -i '$d' /etc/lvm/lvmlocal.conf
	same "$(state)" "$before"
}

test_lvm_attach_fails()
{
	DESCRIPTION="an attach that fails while it writes the metadata or LVM's configuration undoes all its changes"
	local pv bad before

	new_vg 100M
	new_lv a 32M
	bad=$(new_disk 16M)
	dmsetup create bad --table "0 $(blockdev --getsz "$bad") flakey $bad 0 0 3600 1 error_writes"
	refused "Input/output error" --pv "$pv" --write-lvm-filter --metadata /dev/mapper/bad
	dmsetup remove bad
	mkdir /etc/lvm/lvmlocal.conf.erad.new
	refused "cannot create /etc/lvm/lvmlocal.conf.erad.new" --pv "$pv" --write-lvm-filter
	rmdir /etc/lvm/lvmlocal.conf.erad.new
	before=$(state)
	attach
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
}

# attach_stopped_at POINT: starts erad and an attach, and stops erad at the failpoint. $attach is the process of the attach.
attach_stopped_at()
{
	stop_erad
	start_erad_armed "$1" 1 stop
	eractl attach pv0 --pv "$pv" --write-lvm-filter > "$T/said" 2> "$T/err" &
	attach=$!
	wait_until "erad has stopped at $1" grep -q '^State:[[:space:]]*T' "/proc/$(erad_pid)/status"
}

test_lvm_attach_beside_a_command()
{
	DESCRIPTION="if an earlier command of LVM puts a logical volume back on the physical volume, attach fails and undoes its changes"
	local pv before attach lvchange other

	new_vg 100M
	new_lv a 32M
	# With another volume group, pvs may not wait for the lock of the first one.
	other=$(new_disk 32M)
	pvcreate -qy "$other" > /dev/null
	vgcreate -qy other "$other" > /dev/null
	before=$(state)
	# Attach has LVM's lock, and LVM does not reject the physical volume yet.
	attach_stopped_at BELOW_LOCKED
	lvchange --refresh vg/a &
	lvchange=$!
	wait_until "lvchange waits for LVM's lock" grep -q -e '->' /proc/locks
	kill -CONT "$(erad_pid)"
	wait "$attach" && fail "attached beside a command of LVM: $(cat "$T/said" "$T/err")"
	grep -q "ran at the same time has put /dev/mapper/vg-a back on $pv, so the volume is detached again" "$T/err" || fail "$(cat "$T/err")"
	wait $lvchange
	same "$(state)" "$before"
}

test_lvm_attach_written_without_locks()
{
	DESCRIPTION="commands of LVM run while attach writes its metadata; attach then fails and undoes its changes, because a logical volume or the physical volume is another one"
	local pv before attach

	new_vg 100M
	new_lv a 32M
	attach_stopped_at BELOW_WRITTEN
	bounded 20 lvextend -q -L 48M vg/a > /dev/null || fail "lvextend failed, or waits for attach"
	kill -CONT "$(erad_pid)"
	wait "$attach" && fail "attached what has changed: $(cat "$T/said")"
	grep -q "$pv has changed while the metadata was written, try again: /dev/mapper/vg-a has another table now" "$T/err" || fail "$(cat "$T/err")"
	same "$(ls /var/lib/erad)$(cat /etc/eratab)" ""

	attach_stopped_at BELOW_WRITTEN
	bounded 20 lvrename -q vg a b > /dev/null || fail "lvrename failed, or waits for attach"
	kill -CONT "$(erad_pid)"
	wait "$attach" && fail "attached what has changed: $(cat "$T/said")"
	grep -q "/dev/mapper/vg-a was renamed to vg-b" "$T/err" || fail "$(cat "$T/err")"

	# another physical volume in the same place
	vgremove -qfy vg > /dev/null
	vgcreate -qy vg "$pv" > /dev/null
	attach_stopped_at BELOW_WRITTEN
	vgremove -qy vg > /dev/null
	pvremove -qy "$pv" > /dev/null
	pvcreate -qy "$pv" > /dev/null
	kill -CONT "$(erad_pid)"
	wait "$attach" && fail "attached what has changed: $(cat "$T/said")"
	grep -q "$pv is another physical volume" "$T/err" || fail "$(cat "$T/err")"
	same "$(ls /var/lib/erad)$(cat /etc/eratab)" ""

	vgcreate -qy vg "$pv" > /dev/null
	new_lv a 32M
	before=$(state)
	attach
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
}

test_lvm_attach_keeps_old_metadata()
{
	DESCRIPTION="attach refuses a metadata file that exists before it writes its line, so that an erad that is killed then does not have the file removed"
	local pv

	new_vg 100M
	new_lv a 32M
	eractl create old "$(new_disk 16M)" > /dev/null
	eractl close old
	cp /var/lib/erad/old.erad "$T/old"
	eractl forget old > /dev/null
	echo "an older file" > /var/lib/erad/pv0.erad
	stop_erad
	start_erad_armed BELOW_LISTED
	refused "is not empty" --pv "$pv" --write-lvm-filter
	same "$(cat /var/lib/erad/pv0.erad)" "an older file"
	cp "$T/old" /var/lib/erad/pv0.erad
	refused "attach overwrites no file there" --pv "$pv" --write-lvm-filter --overwrite-metadata
	cmp /var/lib/erad/pv0.erad "$T/old"
	rm /var/lib/erad/pv0.erad
}

test_lvm_detach_beside_a_command()
{
	DESCRIPTION="detach drops no table that a command of LVM or a person has loaded: it waits for LVM's lock, and then refuses"
	local pv loaded detach lock

	new_vg 100M
	new_lv a 32M
	attach
	# The state in the middle of an lvextend: LVM has the lock, and a new table is loaded.
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

	# The same without erad.
	kill_erad
	eractl detach pv0 2> "$T/said" && fail "detach succeeded although a table was loaded"
	same "$(dmsetup table --inactive vg-a)" "$loaded"
	start_erad
	dmsetup clear vg-a
	eractl detach pv0 > /dev/null
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
	# The metadata of another volume has another UUID, so the note is removed.
	[[ ! -e $seen ]] || fail "detach has kept $seen"
	start_erad
	same "$(eractl list --json | grep -c pv0)" 0
	eractl close other
	eractl forget other > /dev/null
	same "$(state)" "$before"
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

test_lvm_attached_twice()
{
	DESCRIPTION="a second attach of a physical volume is refused; on a volume it works, and detach of the lower volume says what to detach first"
	local pv before

	new_vg 100M
	new_lv a 32M
	before=$(state)
	attach
	eractl attach pv0 --pv "$pv" --write-lvm-filter 2> "$T/err" && fail "attached twice"
	grep -q "a volume of this name is open already" "$T/err" || fail "$(cat "$T/err")"
	eractl attach pv1 --pv "$pv" --write-lvm-filter 2> "$T/err" && fail "attached twice"
	grep -q "is the origin of volume pv0" "$T/err" || fail "$(cat "$T/err")"
	eractl attach pv1 --pv /dev/mapper/pv0 --write-lvm-filter > /dev/null
	eractl detach pv0 2> "$T/err" && fail "detached below a volume"
	grep -q "volume pv1 lies on it: detach volume pv1 first, or close it" "$T/err" || fail "$(cat "$T/err")"
	eractl detach pv1 > /dev/null
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
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
	# Only eractl removes the note of the newest token.
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
		# Only eractl removes the note of the newest token, but this eractl has got no
		# answer.
		rm -rf /var/lib/erad/seen
		wait_until "$point is undone" eval "[[ \$(state) == \"\$before\" ]]" || fail "at $point: $(diff <(echo "$before") <(state))"
		is_running $load_pid || fail "the load ended at $point: $(cat "$T/load")"
	done
	kill -TERM $load_pid
	wait $load_pid || fail "$(cat "$T/load")"
}

# lv_blocks LV: prints the blocks of 64 KiB of the logical volume that a load has written, from its
# "ranges" in $T/load.
lv_blocks()
{
	awk '{ for (b = int($1 / 65536); b < ($1 + $2) / 65536; b++) print b }' "$1" | sort -nu
}

test_lvm_diff_of_a_logical_volume()
{
	DESCRIPTION="diff --lv lists the writes to a logical volume in several pieces, striped over two volumes, or with a snapshot; it refuses thin volumes and parts that are not tracked"
	local pv other third era lv

	new_vg 200M
	other=$(new_disk 200M)
	third=$(new_disk 64M)
	pvcreate -qy "$other" "$third" > /dev/null
	vgextend -q vg "$other" > /dev/null
	lvcreate -qy -n pieces -l 3 vg "$pv" > /dev/null
	lvcreate -qy -n between -l 1 vg "$pv" > /dev/null
	lvextend -q -l +5 vg/pieces "$pv" > /dev/null
	lvcreate -qy -n stripes -i 2 -I 64 -l 8 vg > /dev/null
	attach
	eractl attach pv1 --pv "$other" --write-lvm-filter > /dev/null
	era=$(eractl checkpoint pv0)
	same "$(eractl checkpoint pv1)" "$era"

	load -t 2 -n 15 /dev/vg/pieces > "$T/pieces"
	lv_blocks "$T/pieces" > "$T/want"
	eractl diff pv0 --lv vg/pieces --since "$era" --format ranges > "$T/got"
	same "$(lv_blocks "$T/got")" "$(cat "$T/want")"
	[[ $(eractl diff pv0 --lv vg/pieces --since "$era") == *"changed of 32 MiB"* ]] || fail "the sum is not of the logical volume"
	same "$(eractl diff pv0 --lv /dev/vg/between --since "$era" --format ranges)" ""

	load -t 2 -n 15 /dev/vg/stripes > "$T/stripes"
	eractl diff pv0 --lv vg/stripes --since "$era" --format ranges > "$T/got" 2> "$T/err"
	grep -q "eractl diff pv1 --lv vg/stripes" "$T/err" || fail "the other volume is not named: $(cat "$T/err")"
	eractl diff pv1 --lv vg/stripes --since "$era" --format ranges >> "$T/got" 2> "$T/err"
	same "$(lv_blocks "$T/got")" "$(lv_blocks "$T/stripes")"

	lvcreate -qy -s -n snap -l 2 vg/pieces > /dev/null
	eractl diff pv0 --lv vg/pieces --since "$era" --format ranges > "$T/got"
	same "$(lv_blocks "$T/got")" "$(cat "$T/want")"
	lvremove -qy vg/snap > /dev/null

	lvcreate -qy --type thin-pool -n pool -l 4 vg > /dev/null 2>&1
	lvcreate -qy -n thin -V 64M --thinpool vg/pool > /dev/null 2>&1
	eractl diff pv0 --lv vg/thin --since 1 > /dev/null 2> "$T/err" && fail "diff --lv translated a thin volume"
	grep -q "is a thin volume.*thin_delta" "$T/err" || fail "$(cat "$T/err")"
	vgextend -q vg "$third" > /dev/null
	lvextend -q -l +2 vg/pieces "$third" > /dev/null
	eractl diff pv0 --lv vg/pieces --since 1 > /dev/null 2> "$T/err" && fail "diff --lv translated a part that is not tracked"
	grep -q "does not track: copy it in full" "$T/err" || fail "$(cat "$T/err")"
	eractl diff pv0 --lv vg/none --since 1 2> "$T/err" && fail "diff listed a logical volume that does not exist"
	grep -q "vg/none is not an active logical volume" "$T/err" || fail "$(cat "$T/err")"
	eractl diff pv0 --lv vg/between --since 1 --format xml 2> "$T/err" && fail "diff listed blocks of the logical volume"
	grep -q "xml is for whole volumes" "$T/err" || fail "$(cat "$T/err")"
	eractl detach pv1 > /dev/null
	eractl detach pv0 > /dev/null
}

# snapshot_copied TEXT [ARGUMENT...]: copies the snapshot vg/night of the moment $token, and compares what is restored with the snapshot.
snapshot_copied()
{
	eractl backup data "$T/dir" --device /dev/vg/night --to "$token" "${@:2}" > "$T/said" 2>&1 || fail "exit code $?: $(cat "$T/said")"
	grep -qF -- "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
	eractl restore-backup "$T/dir" "$T/restored" --at "$token" --overwrite > /dev/null
	cmp "$T/restored" /dev/vg/night
}

# snapshot_refused TEXT DEVICE [TOKEN]: no copy of the device is made, and the directory does not change.
snapshot_refused()
{
	find "$T/dir" -type f -printf '%p %s %T@\n' | sort > "$T/before"
	eractl backup data "$T/dir" --device "$2" --to "${3-$token}" > "$T/said" 2>&1 && fail "it worked: $(cat "$T/said")"
	grep -qF -- "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
	find "$T/dir" -type f -printf '%p %s %T@\n' | sort | diff "$T/before" -
}

case_timeout["test_lvm_backup_of_a_snapshot"]=300
test_lvm_backup_of_a_snapshot()
{
	DESCRIPTION="backup --device copies a snapshot while the file system on the volume is written: each copy equals its snapshot, fsck finds no error, and writes after the checkpoint are in the next increment, too"
	local pv i token writer init=--init

	new_vg 600M
	new_lv data 64M
	eractl create data /dev/vg/data > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mkdir "$T/mnt" "$T/dir"
	mount /dev/mapper/data "$T/mnt"
	files "$T/mnt" &
	writer=$!
	for i in 1 2 3; do
		nap 1
		fsfreeze -f "$T/mnt"
		token=$(eractl checkpoint data --token)
		lvcreate -qy -s -n night -L 80M vg/data > /dev/null
		fsfreeze -u "$T/mnt"
		nap 1
		snapshot_copied "$([[ $init ]] && echo "full copy" || echo increment)" $init
		e2fsck -fn "$T/restored" > "$T/fsck" 2>&1 || fail "$(cat "$T/fsck")"
		cp "$T/restored" "$T/copy$i"
		echo "$token" > "$T/token$i"
		lvremove -qy vg/night > /dev/null
		init=
	done
	cmp -s "$T/copy1" "$T/copy2" && fail "nothing was written between the snapshots"
	touch "$T/stop"
	wait $writer
	[[ ! -e $T/failed ]] || fail "files: $(cat "$T/failed")"
	umount "$T/mnt"
	for i in 1 2 3; do
		eractl restore-backup "$T/dir" "$T/restored" --at "$(< "$T/token$i")" --overwrite > /dev/null
		cmp "$T/restored" "$T/copy$i"
	done

	# A block that is written between the checkpoint and the snapshot is in both copies, and one that is written later in the second.
	token=$(eractl checkpoint data --token)
	write_at data 33554432 65536
	lvcreate -qy -s -n night -L 80M vg/data > /dev/null
	write_at data 41943040 65536
	snapshot_copied increment
	snapshot_refused "expected a snapshot, or leave out --device" /dev/mapper/data
	snapshot_refused "/dev/vg/data is the origin of volume data" /dev/vg/data
	snapshot_refused "begin an era, make a new snapshot" /dev/vg/night "${token%:*}:99999"
	cmp /dev/vg/night /dev/mapper/data > /dev/null && fail "the snapshot has the later block"
	lvremove -qy vg/night > /dev/null
	token=$(eractl checkpoint data --token)
	lvcreate -qy -s -n night -L 80M vg/data > /dev/null
	snapshot_copied "increment, 128 KiB"
	cmp "$T/restored" /dev/mapper/data
	lvremove -qy vg/night > /dev/null

	# Other devices, and a snapshot that has overflowed.
	token=$(eractl checkpoint data --token)
	new_lv small 60M
	new_lv large 68M
	new_lv same 64M
	snapshot_refused "/dev/vg/small has 62914560 bytes, expected a snapshot of volume data with 67108864 bytes" /dev/vg/small
	snapshot_refused "/dev/vg/large has 71303168 bytes, expected" /dev/vg/large
	dd if=/var/lib/erad/data.erad of=/dev/vg/same conv=nocreat,fsync status=none
	snapshot_refused "it is metadata of erad" /dev/vg/same
	lvcreate -qy -s -n night -L 4M vg/data > /dev/null
	write_at data 0 8388608
	snapshot_refused "/dev/vg/night: cannot read at byte" /dev/vg/night
	# The volume is smaller than its origin, and so than the snapshot.
	lvremove -qy vg/night > /dev/null
	eractl resize data --size 48M > /dev/null
	token=$(eractl checkpoint data --token)
	lvcreate -qy -s -n night -L 80M vg/data > /dev/null
	eractl backup data "$T/dir" --device /dev/vg/night --to "$token" > "$T/said"
	grep -F "the volume has 50331648 bytes now" "$T/said"
	eractl restore-backup "$T/dir" "$T/restored" --overwrite > /dev/null
	cmp "$T/restored" /dev/mapper/data
	eractl close data
	eractl forget data
	vgremove -qfy vg > /dev/null
}

# Run in a separate mount namespace, so that no mount stays after the case.  The shell ends at the
# first command that fails.
test_lvm_manual_page()
{
	DESCRIPTION="the commands of erad-lvm(7), exactly as they are in the manual page, track, copy and grow a logical volume, and track it below its volume group"
	local pv copies

	new_vg 512M
	new_lv data 64M
	mkfs.ext4 -q /dev/vg/data
	copies=$(new_disk 160M)
	mkfs.ext4 -q "$copies"
	mkdir -p /backup
	{
		echo "mount $copies /backup"
		echo 'mount /dev/vg/data /srv'
		# What was copied last equals the snapshot.
		echo 'copied() { if [ -e /backup/data ]; then eractl restore-backup /backup/data /backup/data.img --overwrite; fi; cmp /dev/vg/night /backup/data.img; }'
		page_commands erad-lvm.7 "ON A LOGICAL VOLUME" |
			sed -e 's/^since=/echo later > \/srv\/later; &/' -e 's/^resize2fs .*/&; test $(blockdev --getsize64 \/dev\/mapper\/data) = 100663296/' -e 's/^lvremove/copied; &/'
		page_commands erad-lvm.7 "BELOW THE VOLUME GROUP" | sed -e "s|/dev/vdb|$pv|" -e 's/^eractl diff .*/& > "$T\/diff"/'
		echo 'grep -q later /srv/later'
		echo 'umount /srv'
	} > "$T/script"
	same "$(grep -c . "$T/script")" 42
	unshare --mount bash -euxo pipefail "$T/script" > "$T/out"
	grep -q 'changed of 128 MiB' "$T/diff" || fail "the diff is $(cat "$T/diff")"
	same "$(eractl list --json | grep -c '"volume"')" 0
	e2fsck -fn /dev/vg/data > /dev/null 2>&1 || fail "the file system is damaged"
	vgremove -qfy vg > /dev/null
}

test_lvm_on_luks()
{
	DESCRIPTION="a volume group with LUKS on a logical volume is attached and detached while mounted, and diff --lv lists the blocks of the encrypted file"
	local pv before era

	new_vg 200M
	modprobe -a dm-crypt ext4
	new_lv secret 64M
	head -c 64 /dev/urandom > "$T/key"
	cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$T/key" /dev/vg/secret
	cryptsetup open --key-file "$T/key" /dev/vg/secret secret
	mkfs.ext4 -q /dev/mapper/secret
	mkdir "$T/m"
	mount /dev/mapper/secret "$T/m"
	before=$(state)
	attach
	era=$(eractl checkpoint pv0)
	same "$(eractl diff pv0 --lv vg/secret --since "$era" --format ranges)" ""
	cp /dev/vg/secret "$T/copy"
	head -c 5000000 /dev/urandom > "$T/m/file"
	sync "$T/m/file"
	umount "$T/m"
	cryptsetup close secret
	# Apply the changed blocks to the copy: then it equals the current encrypted logical volume.
	eractl diff pv0 --lv vg/secret --since "$era" --format ranges > "$T/ranges"
	[[ $(awk '{ n += $2 } END { print n }' "$T/ranges") -ge 5000000 ]] || fail "too few blocks: $(cat "$T/ranges")"
	while read -r at length; do
		dd if=/dev/vg/secret of="$T/copy" bs=64K iflag=skip_bytes,count_bytes,direct oflag=seek_bytes conv=notrunc skip="$at" seek="$at" count="$length" status=none
	done < "$T/ranges"
	cmp /dev/vg/secret "$T/copy"
	cryptsetup open --key-file "$T/key" /dev/vg/secret secret
	mount /dev/mapper/secret "$T/m"
	eractl detach pv0 > /dev/null
	same "$(stat -c %s "$T/m/file")" 5000000
	same "$(state)" "$before"
	umount "$T/m"
	cryptsetup close secret
}
