# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl attach: inserts a volume between a physical volume of LVM and its logical volumes, while
# the logical volumes are in use.

# shellcheck source=tests/dm/lvm.sh
. tests/dm/lvm.sh

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

	# LVM's commands must still work, and each table that they load must use the volume.
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

test_lvm_attach_refused()
{
	DESCRIPTION="attach refuses metadata on the same volume group, a volume group with swap, unknown tables and a disk with other users, says why, and changes nothing; detach refuses a volume that is not attached or is in use"
	local pv other third node

	new_vg 200M
	new_lv a 32M
	new_lv b 32M
	other=$(new_disk 80M)
	node=$(lsblk -dno MAJ:MIN "$pv" | tr -d ' ')
	refused 'r|^/dev/loop[0-9]*$|' --pv "$pv"
	refused "lies on" --pv "$pv" --write-lvm-filter --metadata /dev/vg/b
	refused "No such file" --pv /dev/none --write-lvm-filter

	# Add another disk to the volume group.
	pvcreate -qy "$other" > /dev/null
	vgextend -q vg "$other" > /dev/null
	# No logical volume lies on this disk. But its volume group contains swap, so the initramfs
	# would activate the volume group.
	mkswap /dev/vg/b > /dev/null
	swapon /dev/vg/b
	refused "swap lies on /dev/mapper/vg-b, a logical volume of the same volume group" --pv "$other" --write-lvm-filter
	swapoff /dev/vg/b
	lvcreate -qy -n meta -L 16M vg "$other" > /dev/null
	refused "same volume group" --pv "$pv" --write-lvm-filter --metadata /dev/vg/meta

	# The initramfs would activate this volume group, because it contains swap.
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

	# a volume that eractl create has made
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

case_share["test_lvm_attach_beside_a_busy_udev"]=oldest
test_lvm_attach_beside_a_busy_udev()
{
	DESCRIPTION="attach waits only a few seconds for a busy udev, because it holds LVM's locks, for which udev's rules may wait"
	local pv

	new_vg 100M
	new_lv a 32M
	# There is no udev here. The test makes the files that erad reads.
	mkdir -p /run/udev
	touch /run/udev/control /run/udev/queue
	attach
	rm /run/udev/control /run/udev/queue
	log_has "waited \([5-9]\|1[0-9]\) seconds for udev to process the event 'change' of $pv"
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

doctor_says()
{
	eractl doctor > "$T/doctor" || :
}

test_lvm_initramfs_is_old()
{
	DESCRIPTION="with initramfs-tools, attach and detach say that the initramfs must be made again, and doctor names each initramfs that is older than the configuration of LVM"
	local pv program=/usr/sbin/update-initramfs image
	image=/boot/initrd.img-$(uname -r)

	# The VM keeps changes of its files in memory, so this changes nothing outside of the VM.
	[[ -e $program ]] || install -m 755 /bin/true "$program"
	new_vg 100M
	new_lv a 32M
	eractl attach pv0 --pv "$pv" --write-lvm-filter > "$T/said"
	grep -q "^pv0: run 'update-initramfs -u -k all' before the next boot" "$T/said" || fail "attach said: $(cat "$T/said")"

	# $image.old stands for the image of a kernel that is not installed any more.
	# update-initramfs does not make this image again, so doctor must not name it.
	touch -d '1 hour ago' "$image" "$image.old"
	doctor_says
	grep -A 1 "^problem *lvm *pv0: $image is older than /etc/lvm/lvmlocal.conf" "$T/doctor" | grep -q "# update-initramfs -u -k all$" ||
		fail "doctor does not name $image: $(cat "$T/doctor")"
	same "$(grep -c "is older than" "$T/doctor")" 1
	touch "$image"
	doctor_says
	! grep "is older than" "$T/doctor" || fail "doctor names a new image"
	touch -d '1 hour' /etc/lvm/lvm.conf
	doctor_says
	grep -q "$image is older than /etc/lvm/lvm.conf" "$T/doctor" || fail "doctor does not look at lvm.conf: $(cat "$T/doctor")"
	touch /etc/lvm/lvm.conf "$image"
	eractl detach pv0 > "$T/said"
	grep -q "^pv0: run 'update-initramfs -u -k all' before the next boot" "$T/said" || fail "detach said: $(cat "$T/said")"
}

test_lvm_other_lock_directory()
{
	DESCRIPTION="attach and detach refuse a configuration in which LVM takes its locks in another directory, and accept another path of the same directory"
	local pv before

	new_vg 100M
	new_lv a 32M
	cp /etc/lvm/lvmlocal.conf "$T/conf"
	mkdir "$T/locks"
	echo "global/locking_dir = \"$T/locks\"" >> /etc/lvm/lvmlocal.conf
	refused "global/locking_dir=\"$T/locks\", expected \"/run/lock/lvm\"" --pv "$pv" --write-lvm-filter
	ln -s /run/lock "$T/run"
	{ cat "$T/conf"; echo "global/locking_dir = \"$T/run/lvm/\""; } > /etc/lvm/lvmlocal.conf
	before=$(state)
	attach
	cp /etc/lvm/lvmlocal.conf "$T/attached"
	sed -i "s|locking_dir = .*|locking_dir = \"$T/locks\"|" /etc/lvm/lvmlocal.conf
	eractl detach pv0 2> "$T/err" && fail "detached, although LVM takes its locks in another directory"
	grep -q "global/locking_dir=\"$T/locks\"" "$T/err" || fail "$(cat "$T/err")"
	cp "$T/attached" /etc/lvm/lvmlocal.conf
	eractl_state_is pv0 active
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
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
	grep -q "run 'eractl detach pv0' to detach and forget the volume" "$T/err" || fail "$(cat "$T/err")"
	grep -q ^pv0 /etc/eratab || fail "the line is gone"
	# LVM's configuration cannot be read, so forget cannot know whether the configuration
	# contains a pattern of pv0.
	mv /etc/lvm/lvmlocal.conf "$T/conf"
	mkdir /etc/lvm/lvmlocal.conf
	eractl forget pv0 2> "$T/err" && fail "forget succeeded although LVM's configuration cannot be read"
	grep -q "cannot tell whether it is attached to a physical volume: cannot read /etc/lvm/lvmlocal.conf" "$T/err" || fail "$(cat "$T/err")"
	rmdir /etc/lvm/lvmlocal.conf
	mv "$T/conf" /etc/lvm/lvmlocal.conf
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

test_lvm_attach_beside_a_command()
{
	DESCRIPTION="if a command of LVM that began before the attach puts a logical volume back on the physical volume, attach fails and undoes its changes"
	local pv before attach lvchange other

	new_vg 100M
	new_lv a 32M
	# With two volume groups, pvs waits for the lock of only one of them. This may be the lock
	# of the other group, and not of vg.
	other=$(new_disk 32M)
	pvcreate -qy "$other" > /dev/null
	vgcreate -qy other "$other" > /dev/null
	before=$(state)
	# Stop the attach when it holds LVM's lock, and before LVM's configuration rejects the
	# physical volume.
	attach_stopped_at BELOW_LOCKED
	lvchange_waits
	kill -CONT "$(erad_pid)"
	wait "$attach" && fail "attached beside a command of LVM: $(cat "$T/said" "$T/err")"
	grep -q "ran at the same time has put /dev/mapper/vg-a back on $pv, so the volume is detached again" "$T/err" || fail "$(cat "$T/err")"
	wait "$lvchange"
	same "$(state)" "$before"
}

test_lvm_attach_waits_for_earlier_commands()
{
	DESCRIPTION="attach waits for a command of LVM that began earlier and gets LVM's lock later; if the command does not end, attach fails and undoes its changes"
	local pv before attach lvchange

	new_vg 100M
	new_lv a 32M
	before=$(state)
	attach_stopped_at BELOW_LOCKED
	lvchange_waits
	# Stop lvchange, so that attach gets LVM's lock first.
	kill -STOP "$lvchange"
	kill -CONT "$(erad_pid)"
	wait "$attach" && fail "attached, although lvchange still runs: $(cat "$T/said" "$T/err")"
	grep -q "process $lvchange still runs 'lvchange --refresh vg/a', a command of LVM, and may put logical volumes back on $pv, so the volume is detached again" "$T/err" ||
		fail "$(cat "$T/err")"
	kill -CONT "$lvchange"
	wait "$lvchange"
	same "$(state)" "$before"

	attach_stopped_at BELOW_LOCKED
	lvchange_waits
	kill -STOP "$lvchange"
	kill -CONT "$(erad_pid)"
	wait_until "the logical volume lies on the volume" on_device vg-a pv0
	nap 2
	kill -CONT "$lvchange"
	wait "$attach" && fail "attached beside a command of LVM: $(cat "$T/said" "$T/err")"
	grep -q "ran at the same time has put /dev/mapper/vg-a back on $pv, so the volume is detached again" "$T/err" || fail "$(cat "$T/err")"
	wait "$lvchange"
	same "$(state)" "$before"
}

test_lvm_attach_written_without_locks()
{
	DESCRIPTION="commands of LVM do not wait while attach writes its metadata; if a command has changed a logical volume or the physical volume, attach fails and undoes its changes"
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

	# While the attach is stopped, replace the physical volume by another one on the same disk.
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
	DESCRIPTION="attach refuses an existing metadata file before it writes a line to eratab, so that the file is not removed if erad is killed then"
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

# check_removal: checks that erad's package is not removed while the volumes pv0 and pv1 are attached
# and another volume is open, and that the message names the right command for each volume.
check_removal()
{
	eractl create other "$(new_disk 16M)" > /dev/null
	! sh daemon/debian/erad.prerm remove 2> "$T/err" || fail "the package would be removed: $(cat "$T/err")"
	same "$(grep -o "Run 'eractl detach .*" "$T/err" | sort | paste -sd ' ')" "Run 'eractl detach pv0' first. Run 'eractl detach pv1' first."
	same "$(sed -n '/these volumes are open/,/eractl close --all/p' "$T/err" | sed '1d;$d')" "  other"
	eractl close other
	eractl forget other > /dev/null
}

test_lvm_attached_twice()
{
	DESCRIPTION="a second attach of a physical volume is refused; attach of a volume works, and detach of the lower volume then says what to detach first"
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
	grep -q "volume pv1 lies on this device: detach or close volume pv1 first" "$T/err" || fail "$(cat "$T/err")"
	check_removal
	eractl detach pv1 > /dev/null
	eractl detach pv0 > /dev/null
	same "$(state)" "$before"
}

# Run in a separate mount namespace, so that no mount stays after the case.  The shell ends at the
# first command that fails.
case_timeout["test_lvm_manual_page"]=300
test_lvm_manual_page()
{
	DESCRIPTION="the commands of erad-lvm(7), exactly as they are in the manual page, track, copy and grow a logical volume, and track and copy it below its volume group"
	local pv copies

	new_vg 512M
	new_lv data 64M
	mkfs.ext4 -q /dev/vg/data
	copies=$(new_disk 320M)
	mkfs.ext4 -q "$copies"
	mkdir -p /backup
	{
		echo "mount $copies /backup"
		echo 'mount /dev/vg/data /srv'
		# The function `copied` checks that the last copy equals the snapshot.
		echo 'copied() { if [ -e /backup/data ]; then eractl restore-backup /backup/data /backup/data.img --overwrite; fi; cmp /dev/vg/night /backup/data.img; }'
		page_commands erad-lvm.7 "ON A LOGICAL VOLUME" |
			sed -e 's/^since=/echo later > \/srv\/later; &/' -e 's/^resize2fs .*/&; test $(blockdev --getsize64 \/dev\/mapper\/data) = 100663296/' -e 's/^lvremove/copied; &/'
		# Files are written before each copy, so that the later copy has something to copy.
		page_commands erad-lvm.7 "BELOW THE VOLUME GROUP" |
			sed -e "s|/dev/vdb|$pv|" -e 's/^era=/copy=0; &/' -e 's/^eractl diff .*"\$era"$/& > "$T\/diff"/' -e 's/^lvremove/cmp \/dev\/vg\/night \/backup\/lv.img; &/' \
				-e 's/^eractl checkpoint .*new$/cp -r \/etc \/srv\/again-$((++copy)); sync -f \/srv; &/'
		echo 'test -s /backup/lv.ranges && test -e /srv/again-2/passwd'
		echo 'grep -q later /srv/later'
		echo 'umount /srv'
	} > "$T/script"
	same "$(grep -c . "$T/script")" 64
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
	# Without lazy_itable_init=0, ext4 would write inode tables in the background while it is
	# mounted, and the first diff below would not be empty.
	mkfs.ext4 -q -E lazy_itable_init=0 /dev/mapper/secret
	mkdir "$T/m"
	mount /dev/mapper/secret "$T/m"
	before=$(state)
	attach
	sync -f "$T/m"
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
