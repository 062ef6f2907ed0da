# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Findings of eractl doctor, each caused by a test.

# finds LEVEL AREA TEXT: checks that doctor prints the finding.  Unless the level is ok, the next
# line contains a command.  For a problem, the exit code is 1.
finds()
{
	local status=0

	eractl doctor > "$T/doctor" || status=$?
	grep -A 1 -E "^$1 +$2 +" "$T/doctor" | grep -A 1 -F -- "$3" > "$T/found" ||
		fail "no '$1' of $2 with '$3' in: $(cat "$T/doctor")"
	[[ $1 != problem || $status == 1 ]] || fail "exit code $status, expected 1"
	FOUND=$(sed -n '2s/^ *# //p' "$T/found")
}

# types COMMAND: checks that the last finding contains this command.
types()
{
	same "$FOUND" "$1"
}

# a_good_machine: prepares the VM so that doctor finds no problem, as far as this VM allows it.
a_good_machine()
{
	local release

	release=$(uname -r)
	# Keep the description in the file that the suite reads. The suite's own trap on EXIT does
	# this, but the trap that is set here replaces it.
	trap 'restore_machine; echo "$DESCRIPTION" > "$T.description"' EXIT
	modprobe ext4
	mkdir -p "$T/modules/updates/dkms" "$T/modules/build" "$T/disk"
	touch "$T/modules/build/Makefile"
	cp "build/kmod/$release/kmod/dm-erad.ko" "$T/modules/updates/dkms/"
	echo "updates/dkms/dm-erad.ko:" > "$T/modules/modules.dep"
	mount --bind "$T/modules" "/lib/modules/$release"
	cp /etc/group "$T/group"
	echo "erad:x:977:" >> "$T/group"
	mount --bind "$T/group" /etc/group
	stop_erad
	start_erad
	erad-exporter --listen 127.0.0.1:9813 > "$T/exporter" 2>&1 &
	exporter=$!
	origin=$(new_disk 64M)
	ln -s "$origin" "$T/origin"
	udev_data=/run/udev/data/b$(lsblk -dno MAJ:MIN "$origin" | tr -d ' ')
	mkdir -p /run/udev/data
	printf 'E:ID_SERIAL=disk7\nI:1\n' > "$udev_data"
	truncate -s 64M "$T/image"
	mkfs.ext4 -q "$T/image"
	mount -o loop "$T/image" "$T/disk"
	eractl create data "$T/origin" --metadata "$T/disk/data.erad" > /dev/null
}

restore_machine()
{
	local path

	for path in /etc/group /etc/systemd/system /sys/module/module/parameters/sig_enforce "/usr/lib/modules/$(uname -r)"; do
		! grep -q " $path " /proc/mounts || umount "$path"
	done
	: > /etc/fstab
	rm -f /etc/crypttab "${udev_data-}"
	# The metadata is on a file system that the test unmounts below.
	! grep -q " $T/mnt " /proc/mounts || umount "$T/mnt"
	eractl close --all > /dev/null 2>&1 || :
	unmount_below "$T"
}

test_doctor_finds_nothing()
{
	DESCRIPTION="on a machine without problems, doctor finds no problem and exits with 0"
	a_good_machine
	wait_until "the exporter listens" curl -s http://127.0.0.1:9813/
	eractl doctor > "$T/doctor" || fail "$(cat "$T/doctor")"
	same "$(grep -v '^ok ' "$T/doctor" || :)" ""
	same "$(awk '{ print $2 }' "$T/doctor" | uniq | paste -sd ' ')" \
		"kernel headers module erad group bpf exporter origin volume metadata"
	same "$(eractl doctor --json | perl -MJSON::PP -0777 -ne 'my $o = JSON::PP->new->decode($_);
		print "$o->{version} ", join(" ", map { $_->{level} } grep { ($_->{volume} // "") eq "data" } @{$o->{findings}})')" \
		"1 ok ok ok"
}

case_needs["test_doctor_finds_the_machine"]=/sys/module/module/parameters/sig_enforce
test_doctor_finds_the_machine()
{
	local release

	DESCRIPTION="doctor finds problems of the kernel, its headers, the module, erad, the group, the BPF file system and the exporter"
	release=$(uname -r)
	a_good_machine
	setarch --uname-2.6 build/bin/eractl doctor > "$T/old" || :
	grep -E '^problem +kernel .*erad needs 6.1 or later' "$T/old" || fail "an old kernel is not found: $(cat "$T/old")"

	rm "$T/modules/build/Makefile"
	finds note headers "the headers of Linux $release are not installed"
	types "apt install linux-headers-$release"
	: > "$T/modules/modules.dep"
	finds problem headers "the headers of Linux $release are not installed"
	finds problem module "is loaded, but not installed for Linux $release"
	types "dkms autoinstall -k $release"
	echo "updates/dkms/dm-erad.ko:" > "$T/modules/modules.dep"

	# a kernel that loads only signed modules
	echo Y > "$T/enforce"
	mount --bind "$T/enforce" /sys/module/module/parameters/sig_enforce
	finds problem module "is not signed"
	printf '~Module signature appended~\n' >> "$T/modules/updates/dkms/dm-erad.ko"
	finds ok module "dm-erad.ko, signed"
	umount /sys/module/module/parameters/sig_enforce

	# the installed module has another version than the loaded module
	perl -0777 -pi -e 's/\0version=[0-9.]*/"\0version=" . "9" x (length($&) - 9)/e' "$T/modules/updates/dkms/dm-erad.ko"
	finds note module "is loaded, version 99999 is installed"

	kill "$exporter"
	wait "$exporter" || :
	finds note exporter "is not enabled"
	types "systemctl enable --now erad-exporter.socket"
	mkdir -p "$T/units/sockets.target.wants" /etc/systemd/system
	mount --bind "$T/units" /etc/systemd/system
	touch "$T/units/sockets.target.wants/erad-exporter.socket"
	finds problem exporter "is enabled, but nothing listens"
	types "systemctl start erad-exporter.socket"
	mkdir "$T/units/erad-exporter.socket.d"
	finds note exporter "another address may be set"

	mkdir -p /run/systemd/system
	finds problem erad "is not started at boot"
	types "systemctl enable erad"
	umount /etc/systemd/system
	rmdir /run/systemd/system /run/systemd 2> /dev/null || :

	mount -t tmpfs none /sys/fs/bpf
	finds problem bpf "no BPF file system is mounted"
	umount /sys/fs/bpf

	mv /run/erad/status.sock "$T/status.sock"
	finds problem group "the group erad exists, but /run/erad/status.sock does not"
	types "systemctl kill --kill-who=main -s KILL erad.service"
	mv "$T/status.sock" /run/erad/status.sock
	umount /etc/group
	finds problem group "there is no group erad"
	types "systemd-sysusers"
	mount --bind "$T/group" /etc/group

	stop_erad
	finds problem erad "erad is not running"
	types "systemctl start erad"
	start_erad
	eractl close data
	stop_erad
	rmmod dm_erad
	finds problem module "dm-erad is not loaded"
	types "modprobe dm-erad"
	insmod "build/kmod/$release/kmod/dm-erad.ko"
	start_erad
}

# doctor_with_abi ABI: runs doctor as if the loaded module had this protocol version. Prints what
# doctor says about erad and about the group, and the commands for these.
doctor_with_abi()
{
	cc -shared -fPIC -O1 -Iinclude -o "$T/abi.so" -x c - -DABI="$1" <<- 'EOF'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <stdarg.h>
		#include "erad_uapi.h"

		int ioctl(int fd, unsigned long nr, ...)
		{
			int (*real)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
			va_list args;
			void *arg;
			int r;

			va_start(args, nr);
			arg = va_arg(args, void *);
			va_end(args);
			r = real(fd, nr, arg);
			if (nr == ERAD_IOC_VERSION)
				((struct erad_version *)arg)->abi = ABI;
			return r;
		}
	EOF
	LD_PRELOAD=$T/abi.so eractl doctor > "$T/doctor" && fail "doctor has found no problem"
	grep -A 1 -E '^[a-z]+ +(erad|group) ' "$T/doctor"
}

test_doctor_finds_another_protocol()
{
	DESCRIPTION="if the loaded module has another protocol version, doctor recommends a reboot, and never a start or a restart of erad"
	a_good_machine
	doctor_with_abi 7 > "$T/said"
	grep -q "^problem *erad *the loaded module has protocol version 7, the erad of version .* expects 1; do not restart erad" "$T/said" ||
		fail "$(cat "$T/said")"
	grep -qE '^ +# reboot$' "$T/said" || fail "$(cat "$T/said")"
	mv /run/erad/status.sock "$T/status.sock"
	doctor_with_abi 7 >> "$T/said"
	mv "$T/status.sock" /run/erad/status.sock
	stop_erad
	doctor_with_abi 7 >> "$T/said"
	! grep systemctl "$T/said" || fail "doctor recommends to start an erad that cannot work"
	# Without erad and with the right module, doctor recommends a start.
	doctor_with_abi 1 > "$T/said"
	grep -qE '^ +# systemctl start erad$' "$T/said" || fail "$(cat "$T/said")"
	start_erad
}

test_doctor_finds_what_goes_past()
{
	local other other_mount line

	DESCRIPTION="doctor finds what bypasses erad in fstab, crypttab, LVM and device-mapper, and errors of a volume"
	a_good_machine
	other=$(new_disk 64M)
	mkfs.ext4 -q -U 01234567-89ab-cdef-0123-456789abcdef /dev/mapper/data
	echo "$origin /mnt ext4 defaults 0 0" > /etc/fstab
	finds problem fstab "data: /mnt is mounted from the origin, $origin"
	types "editor /etc/fstab"
	echo "UUID=01234567-89ab-cdef-0123-456789abcdef /mnt ext4 defaults 0 0" > /etc/fstab
	finds note fstab "is on the origin as well as on the volume"

	# With noauto, a mount of the path opens the volume, and a mount of the UUID does not.
	sed -i '/^data/s/$/ noauto/' /etc/eratab
	finds problem fstab "data: /mnt is mounted at boot by UUID=01234567-89ab-cdef-0123-456789abcdef, for which the boot does not open a volume with the option noauto"
	types "editor /etc/fstab"
	sed -i 's/defaults/noauto/' /etc/fstab
	finds note fstab "is on the origin as well as on the volume"
	echo "/dev/mapper/data /mnt ext4 defaults 0 0" > /etc/fstab
	eractl doctor > "$T/doctor" || :
	! grep ' fstab ' "$T/doctor" || fail "a mount of the path is a finding"
	: > /etc/fstab
	echo "secret $origin none luks" > /etc/crypttab
	finds problem crypttab "data: secret is on the origin"
	rm /etc/crypttab

	# a closed volume
	eractl close data
	finds note volume "data: is closed"
	types "eractl open data"
	sed -i '/^data/s/ noauto//' /etc/eratab
	finds problem volume "data: is closed"
	mkdir "$T/mnt"
	mount "$origin" "$T/mnt"
	finds problem origin "data: the origin itself is mounted on $T/mnt"
	types "umount $T/mnt && mount /dev/mapper/data $T/mnt"
	umount "$T/mnt"
	# The name of this mount point would run a command if it were not quoted.
	other_mount=$T/$'it\'s;touch ran #\nreboot \e[2J'
	mkdir "$other_mount"
	mount "$origin" "$other_mount"
	finds problem origin "data: the origin itself is mounted on $T/it's"
	same "$(bash -c "umount() { printf '<%s>' \"\$@\"; }; mount() { printf '<%s>' \"\$@\"; }; $FOUND")" \
		"<$other_mount></dev/mapper/data><$other_mount>"
	[[ ! $FOUND =~ [^\ -~] ]] || fail "got $FOUND, expected printable characters only"
	umount "$other_mount"

	# another device or program uses the origin
	dmsetup create other --table "0 2048 linear $origin 0"
	finds problem origin "uses the origin itself"
	dmsetup remove other
	dmsetup create other --uuid LVM-0123 --table "0 2048 linear $origin 0"
	finds problem lvm "LVM uses the origin itself"
	dmsetup remove other

	# two lines for the same volume
	line=$(grep '^data' /etc/eratab)
	echo "${line/data/second}" >> /etc/eratab
	finds problem eratab "data: volume second has the same origin"
	finds problem eratab "data: volume second has the same metadata"
	sed -i '/^second/d' /etc/eratab
	echo "broken" >> /etc/eratab
	finds problem eratab "broken"
	sed -i '/^broken/d' /etc/eratab

	# origins with paths that may change at a reboot
	sed -i "s|$T/origin|$origin|" /etc/eratab
	finds note origin "may name another device after the next boot"
	sed -i "s|$origin|$T/origin|" /etc/eratab
	finds ok origin "$T/origin"
	rm "$udev_data"
	finds note origin "has no serial number, WWN or UUID"
	sed -i "s|$T/origin|/dev/absent|" /etc/eratab
	finds problem origin "/dev/absent is not there"
	: > /etc/eratab
	finds note eratab "has no volume"
}

test_doctor_finds_bad_places()
{
	DESCRIPTION="doctor finds metadata in memory, on the volume itself, on the disk of the origin or without free space, and missing metadata"
	a_good_machine
	mkdir "$T/mnt" "$T/memory"
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	cp "$T/disk/data.erad" "$T/mnt/"
	cp /etc/eratab "$T/eratab"
	sed -i "s|$T/disk|$T/mnt|" /etc/eratab
	finds problem metadata "is on the volume itself"
	umount "$T/mnt"
	eractl close data
	mount "$origin" "$T/mnt"
	finds note metadata "is on the same disk as the origin"
	umount "$T/mnt"
	finds problem metadata "No such file or directory"
	mount -t tmpfs none "$T/memory"
	cp "$T/disk/data.erad" "$T/memory/"
	sed -i "s|$T/mnt|$T/memory|" /etc/eratab
	finds problem metadata "is in memory"
	cp "$T/eratab" /etc/eratab
	fallocate -l "$(($(df --output=avail -B 1 "$T/disk" | tail -n 1) - 4096))" "$T/disk/fill" || :
	finds problem metadata "bytes free; to write the metadata anew, erad needs"
	types "df $T/disk"
	eractl forget data > /dev/null
}

test_doctor_finds_a_file_at_the_node()
{
	local origin

	DESCRIPTION="create and open refuse a regular file at /dev/mapper/NAME, doctor reports it, and the command that doctor prints keeps its content"
	origin=$(new_disk 64M)
	echo kept > /dev/mapper/data
	eractl create data "$origin" 2> "$T/err" && fail "create of a volume whose node is a file succeeded"
	grep -q "/dev/mapper/data is a regular file of 5 B in memory, expected no file" "$T/err" || fail "$(cat "$T/err")"
	[[ ! -s /etc/eratab && ! -e /var/lib/erad/data.erad ]] || fail "a refused create has left something"
	rm /dev/mapper/data
	eractl create data "$origin"
	eractl close data

	echo kept > /dev/mapper/data
	eractl open data 2> "$T/err" && fail "open of a volume whose node is a file succeeded"
	grep -q "'mv /dev/mapper/data /var/tmp/' keeps it" "$T/err" || fail "$(cat "$T/err")"
	! dmsetup info data > /dev/null 2>&1 || fail "a refused open has made the device"
	finds problem volume "data: /dev/mapper/data is a regular file of 5 B in memory, and not the volume"
	types "mv /dev/mapper/data /var/tmp/"
	bash -c "$FOUND"
	same "$(cat /var/tmp/data)" kept
	eractl open data

	# Replace the node of an open volume by a regular file.
	rm /dev/mapper/data
	echo kept > /dev/mapper/data
	finds problem volume "data: /dev/mapper/data is a regular file of 5 B in memory, and not the volume"
	types "mv /dev/mapper/data /var/tmp/ && dmsetup mknodes data"
	bash -c "$FOUND"
	write_at data 0 4096
	same "$(changed data 1)" "0 65536"
}
