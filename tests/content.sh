# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Content of a disk that erad must not destroy. The images are made once, for tests that compare
# every byte.

# The types of content that content() can make in a file. On a block device it can also make lvm.
CONTENTS=(ext4 xfs btrfs luks gpt random)

# content TYPE PATH: makes content of this type at the path, on 32 MiB of zeros in a file or on a
# block device.
content()
{
	case $1 in
	ext4)
		mkfs.ext4 -q -F "$2"
		;;
	xfs)
		# mkfs.xfs makes a file system of less than 300 MiB only if these variables show
		# that a test of xfsprogs is running.
		TEST_DIR=x TEST_DEV=x QA_CHECK_FS=x mkfs.xfs -q -f "$2"
		;;
	btrfs)
		mkfs.btrfs -q --mixed "$2" > /dev/null 2>&1
		;;
	luks)
		echo secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$2" -
		;;
	gpt)
		echo size=8M | sfdisk -q --no-reread --no-tell-kernel --label gpt "$2"
		;;
	lvm)
		pvcreate -qq -y --config "devices { use_devicesfile = 0 } activation { udev_sync = 0 }" "$2" 2> /dev/null
		;;
	random)
		perl -e 'srand 7; print pack "L*", map { int rand 2 ** 32 } 1 .. 65536' | dd of="$2" conv=notrunc,fsync status=none
		;;
	late)
		# Zeros, except for one byte.  The byte is in the range that becomes the era array,
		# far from the beginning of the metadata.
		printf x | dd of="$2" bs=1 seek=5000000 conv=notrunc,fsync status=none
		;;
	esac
}

# content_file TYPE: makes $T/TYPE, and $T/TYPE.before, a copy of all its bytes.
content_file()
{
	truncate -s 32M "$T/$1"
	content "$1" "$T/$1"
	cp --sparse=always "$T/$1" "$T/$1.before"
}
