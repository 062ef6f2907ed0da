# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2046
# SPDX-License-Identifier: GPL-2.0-or-later
# eractl backup of volumes of a running erad to an NBD server. tests/tools contains the cases that
# use files only: errors, kills, TLS.

# shellcheck source=tests/dm/image.sh
. tests/dm/image.sh

# serves FILE [FILTER PARAMETER…]: runs an NBD server that exports FILE. Sets server and uri.
serves()
{
	uri="nbd+unix:///?socket=$T/sock"
	rm -f "$T/sock"
	nbdkit --exit-with-parent --foreground --unix "$T/sock" ${2-} file "$1" "${@:3}" > "$T/server.log" 2>&1 &
	server=$!
	wait_until "the server" test -S "$T/sock"
}

# backs_up TEXT ARGUMENT…: makes a backup of the volume, and checks that the output contains the
# text
backs_up()
{
	eractl backup data "$uri" --state "$T/state" "${@:2}" > "$T/said" 2>&1 || fail "exit code $?: $(cat "$T/said")"
	grep -qF -- "$1" "$T/said" || fail "got '$(cat "$T/said")', expected '$1'"
}

# is_copy N: checks that the export contains a clean file system with the text "copy N"
is_copy()
{
	e2fsck -fn "$T/export" > "$T/fsck" 2>&1 || fail "copy $1 is damaged: $(cat "$T/fsck")"
	same "$(debugfs -R 'cat /kept' "$T/export" 2> /dev/null)" "copy $1"
}

case_timeout["test_backup_nbd_under_load"]=300
test_backup_nbd_under_load()
{
	DESCRIPTION="backup to an NBD server of a mounted ext4 under load, by --image and by --freeze, makes a full copy and increments that are clean; if the server is killed during a freeze, the file system is thawed, and the next backup is an increment"
	local writer server uri i

	mkdir "$T/mnt"
	eractl create data "$(new_disk 32M)" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	truncate -s 32M "$T/export"
	serves "$T/export"
	files &
	writer=$!
	nap 0.5
	for i in 0 1; do
		echo "copy $i" > "$T/mnt/kept"
		sync -f "$T/mnt/kept"
		backs_up "$( ((i)) && echo increment || echo "full copy"), " $( ((i)) || echo --init) --image --cow 34M
		grep -q "verified, at .*I/O stood still for .* ms" "$T/said" || fail "got '$(cat "$T/said")'"
		same "$(image_state)" none
		is_copy $i
	done
	touch "$T/stop"
	wait $writer
	kill $server
	serves "$T/export" --filter=delay delay-write=2
	echo "copy 2" > "$T/mnt/kept"
	eractl backup data "$uri" --state "$T/state" --freeze > "$T/said" 2>&1 &
	i=$!
	wait_until "the first write" grep -q '^unfinished' "$T/state"
	kill -KILL $server
	wait $i && fail "the backup worked, expected a failure: $(cat "$T/said")"
	grep -qF "the connection to the server has ended" "$T/said" || fail "got '$(cat "$T/said")'"
	# This write would wait if the file system were still frozen.
	echo "copy 3" > "$T/mnt/kept"
	serves "$T/export"
	backs_up "increment, " --freeze
	grep -q ", frozen for " "$T/said" || fail "got '$(cat "$T/said")'"
	is_copy 3
	umount "$T/mnt"
	kill $server
}

test_backup_nbd_after_a_gap()
{
	DESCRIPTION="backup to an NBD server whose units are larger than the blocks of the volume copies whole units; after writes past erad, it makes a full copy"
	local origin server uri at

	origin=$(new_disk 32M)
	eractl create data "$origin" --block-size 4K > /dev/null
	truncate -s 32M "$T/export"
	serves "$T/export" --filter=blocksize-policy blocksize-error-policy=error blocksize-minimum=64K blocksize-preferred=64K \
		blocksize-maximum=1M
	backs_up "full copy, " --init
	for at in 4096 $((32 * 1048576 - 4096)); do
		write_at data $at 4096
	done
	backs_up '"copied_bytes":131072,' --json
	cmp "$T/export" /dev/mapper/data
	eractl close data
	dd if=/dev/urandom of="$origin" bs=4096 seek=4000 count=9 oflag=direct conv=notrunc status=none
	eractl open data > /dev/null 2>&1 || eractl open data --accept-gap > /dev/null
	backs_up "full copy, "
	cmp "$T/export" /dev/mapper/data
	kill $server
}

test_backup_nbd_image_beside_a_freeze()
{
	DESCRIPTION="backup --freeze to an image of qemu-nbd refuses an image on the file system that is to be frozen, also by a link, and makes a clean copy elsewhere"
	local uri

	mkdir "$T/mnt"
	eractl create data "$(new_disk 32M)" > /dev/null
	mkfs.ext4 -q /dev/mapper/data
	mount /dev/mapper/data "$T/mnt"
	for uri in "qcow2:$T/mnt/q" "qcow2:$T/link"; do
		eractl backup data "$uri" --state "$T/state" --init --freeze > "$T/said" 2>&1 && fail "the backup worked, expected a failure: $(cat "$T/said")"
		grep -qE "($T/mnt|$T/link): it is on the file system of .*, so this file system cannot be frozen" "$T/said" || fail "got '$(cat "$T/said")'"
		[[ $uri == */link || ! -e $T/mnt/q ]] || fail "there is an image"
		qemu-img create -q -f qcow2 "$T/mnt/q" 32M
		ln -sf mnt/q "$T/link"
	done
	echo "copy 1" > "$T/mnt/kept"
	uri=qcow2:$T/image
	backs_up "full copy, " --init --freeze
	umount "$T/mnt"
	qemu-img convert -f qcow2 -O raw "$T/image" "$T/export"
	is_copy 1
}
