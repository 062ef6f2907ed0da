#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Boots a machine with systemd, udev and LVM's own activation after a volume was attached below its
# volume group.
#
# usage: tests/host/lvm.sh KERNEL

set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=${1:-6.1}
work=$(mktemp -d "$PWD/build/lvm.XXXXXX")
trap 'rm -rf "$work"' EXIT
began=$SECONDS
claim="after a boot, the logical volumes lie on the attached volume, or on the physical volume if the attach was interrupted"

# The first boot has no volume and no file system in fstab.
first=$work/first
units=$first/etc/systemd/system
mkdir -p "$units/sysinit.target.wants" "$first/mnt/data"
# Make the link that `systemctl enable` would make.
ln -s /usr/local/lib/systemd/system/erad.service "$units/sysinit.target.wants/"

# boot PART FILES: boots a VM that runs this part of lvm-guest.
boot()
{
	tests/vm/run --kernel "$kernel" --dir "$work/vm" --timeout 600 --systemd --files "$2" \
		--disk "256M:$work/pv" --disk "64M:$work/meta" -- tests/host/lvm-guest "$1"
}

# later [OPTION]: makes a directory with the files of a later boot, and prints the directory's name.
# OPTION is added to the volume's line in eratab.
later()
{
	local files=$work/later${1-}

	cp -a "$first" "$files"
	mkdir -p "$files/etc/lvm" "$files/usr/lib/systemd/system-generators"
	cp "$work/vm/out/lvmlocal.conf" "$files/etc/lvm/"
	sed "/^pv0/s/\$/${1:+\\t$1}/" "$work/vm/out/eratab" > "$files/etc/eratab"
	echo "/dev/vg/data /mnt/data ext4 defaults 0 0" > "$files/etc/fstab"
	cp /usr/lib/systemd/system-generators/systemd-fstab-generator "$files/usr/lib/systemd/system-generators/"
	# Delay udev, so that erad starts while udev still processes the first event of the disk.
	# At this moment, udev's rules have recognized the disk as an origin already.
	mkdir -p "$files/etc/udev/rules.d" "$files/etc/systemd/system/erad.service.d"
	echo 'KERNEL=="vda", ACTION=="add", PROGRAM="/bin/sh -c '"'touch /run/first-event; sleep 6'"'"' > "$files/etc/udev/rules.d/62-slow.rules"
	cat > "$files/etc/systemd/system/erad.service.d/slow.conf" <<- EOF
		[Service]
		ExecStartPre=/bin/sh -c "until test -e /run/first-event; do sleep 0.1; done"
	EOF
	echo "$files"
}

if output=$(boot attach "$first" 2>&1 && boot tracked "$(later)" 2>&1 && boot interrupted "$(later detaching)" 2>&1); then
	echo "ok lvm_boot ($((SECONDS - began)) s) $claim"
else
	echo "not ok lvm_boot ($((SECONDS - began)) s) $claim"
	printf '%s\n' "$output" | sed 's/^/  | /'
fi
