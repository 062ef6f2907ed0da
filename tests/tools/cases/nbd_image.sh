# shellcheck shell=bash disable=SC2034,SC2154,SC2016,SC2119
# SPDX-License-Identifier: GPL-2.0-or-later
# Backups to qcow2:FILE, an image that eractl serves by qemu-nbd.

# shellcheck source=tests/tools/nbd.sh
. tests/tools/nbd.sh

# is_image N: checks that the image contains the bytes of the volume in era N, and that it is sound
is_image()
{
	qemu-img check -q -f qcow2 "$T/q" || fail "the image is not sound"
	qemu-img compare -q -f raw -F qcow2 "$T/v$1" "$T/q" || fail "the image is not era $1"
	! compgen -G "$T/q.*" || fail "there is a half-made image"
}

# to_image N ARGUMENT…: does as to_nbd, and checks the image afterwards
to_image()
{
	to_nbd "$@" || fail "exit code $?: $(cat "$T/said")"
	is_image "$1"
}

# serving PROGRAM…: runs pgrep or pkill for the qemu-nbd that serves the image
serving()
{
	"$@" -f "^[^ ]*qemu-nbd --format=qcow2 .*$T/q\$"
}

test_nbd_image_has_each_moment()
{
	DESCRIPTION="backup to qcow2:FILE creates the image, makes a full copy and increments that qemu-img finds equal to the volume, leaves no process, and takes no space for zeros"
	volumes_for_nbd
	uri=qcow2:$T/q
	fails 1 "there is no state of a copy at $uri" 1
	[[ ! -e $T/q ]] || fail "there is an image"
	to_image 1 --init
	says "full copy, 18.7 MiB"
	says "verified, at $uri: this is the first copy"
	at 1
	same "$(stat -c %a "$T/q")" 600
	(($(du -k "$T/q" | cut -f 1) < 8000)) || fail "zeros take space: $(du -k "$T/q")"
	# eractl(8) keeps each copy in a snapshot of the image.
	qemu-img snapshot -c 2026-11-30 "$T/q"
	to_image 2 --json
	same "$(json "$T/said" '"$o->{target} $o->{base} $o->{token} $o->{verified}"')" "$uri $(token 1) $(token 2) 1"
	to_image 3
	says "increment"
	qemu-img convert -f qcow2 -O raw -l 2026-11-30 "$T/q" "$T/raw"
	cmp "$T/v1" "$T/raw"
	to_image 3 --full
	says "--full was given"
	! serving pgrep || fail "qemu-nbd still runs"
	# The image may be larger than the volume, and may be there before the first backup.
	qemu-img create -q -f qcow2 "$T/q" 40M
	rm "$T/state"
	to_nbd 2 --init || fail "$(cat "$T/said")"
	to_nbd 3 || fail "$(cat "$T/said")"
	says "increment"
	qemu-img convert -f qcow2 -O raw "$T/q" "$T/raw"
	cmp -n "$size" "$T/v3" "$T/raw"
}

# sockets_of PID: prints the paths of the sockets of libnbd that the children of the process PID
# have open. Prints "(removed)" for a path that does not exist. Fails if there is no socket.
sockets_of()
{
	local child inode path found=

	for child in $(pgrep -P "$1"); do
		for inode in $(readlink "/proc/$child/fd/"* | sed -n 's/^socket:\[\(.*\)\]$/\1/p'); do
			path=$(awk -v inode="$inode" '$7 == inode && $8 ~ "/libnbd" { print $8 }' /proc/net/unix)
			[[ $path ]] || continue
			found=1
			[[ -e $path || -e ${path%/*} ]] && echo "$path" || echo "(removed)"
		done
	done
	[[ $found ]]
}

test_nbd_image_after_a_kill()
{
	DESCRIPTION="after a backup to qcow2:FILE was killed in the middle, or its qemu-nbd was, the next one is an increment and right, and no file of libnbd is left"
	local backup who left
	volumes_for_nbd
	uri=qcow2:$T/q
	to_image 1 --init
	# A qemu-nbd that waits before each write to the image.  With -D, it keeps the process ID in LISTEN_PID.
	mkdir "$T/bin"
	printf '#!/bin/sh\nexec strace -D -qq -f -o /dev/null -e trace=pwrite64,pwritev -e inject=pwrite64,pwritev:delay_enter=2s %s "$@"\n' \
		"$(command -v qemu-nbd)" > "$T/bin/qemu-nbd"
	chmod +x "$T/bin/qemu-nbd"
	for who in eractl qemu-nbd; do
		PATH=$T/bin:$PATH setpriv --pdeathsig KILL eractl backup "$T/m2" "$uri" --device "$T/v2" --state "$T/state" > "$T/said" 2>&1 &
		backup=$!
		until grep -qs '^unfinished' "$T/state"; do
			kill -0 $backup || fail "the backup has ended: $(cat "$T/said")"
			sleep 0.05
		done
		left=$(sockets_of "$backup" | sort -u) || fail "qemu-nbd has no socket of libnbd"
		same "$left" "(removed)"
		if [[ $who == eractl ]]; then
			kill -KILL $backup
			wait $backup 2> /dev/null || :
		else
			serving pkill -KILL
			wait $backup && fail "the backup succeeded"
			says "the connection to the server has ended"
		fi
		between 1 2
		# qemu-nbd ends by itself when its client has ended.
		while serving pgrep; do
			sleep 0.1
		done
		to_image 2
		says "increment"
		at 2
		to_image 1 --full
	done
}

test_nbd_image_explains_errors()
{
	DESCRIPTION="backup to qcow2:FILE refuses an image that is missing, is used, or is of another format, and says what to do; it does not overwrite another image"
	volumes_for_nbd
	uri=qcow2:q
	fails 2 "qcow2:q: expected an absolute path" 1 --init
	uri=qcow2:$T/none/q
	fails 1 "$T/none/q: cannot create the image: No such file or directory" 1 --init
	uri=qcow2:/dev/erad-none
	fails 1 "/dev/erad-none" 1 --init
	[[ ! -e /dev/erad-none ]] || fail "there is an image in memory"
	ln -s "$T/none/q" "$T/link"
	uri=qcow2:$T/link
	fails 1 "$T/link is a symbolic link, and the file to which it leads does not exist" 1 --init
	[[ -L $T/link ]] || fail "the link was replaced"
	uri=qcow2:$T/q
	fails 2 "--state names the image $T/q" 1 --init --state "$T/q"
	to_image 1 --init
	fails 2 "--report names the image $T/q" 2 --report "$T/q"
	fails 2 "--report names the image $T/q" 2 --report "$T/q" --state ""
	is_image 1
	mv "$T/q" "$T/away"
	fails 1 "$T/q: the image is missing, expected the copy that the state $T/state is about; mount the file system of the image" 2
	[[ ! -e $T/q ]] || fail "there is an image"
	at 1
	mkdir "$T/bin"
	ln -s "$(command -v eractl)" "$T/bin/eractl"
	PATH=$T/bin to_nbd 1 --init --state "$T/other" && fail "the image was created without qemu-img"
	says "qemu-img is missing; install the package qemu-utils"
	printf '#!/bin/sh\necho no space >&2\nexit 1\n' > "$T/bin/qemu-img"
	chmod +x "$T/bin/qemu-img"
	PATH=$T/bin:$PATH to_nbd 1 --init --state "$T/other" && fail "the image was created by a qemu-img that failed"
	says "no space"
	says "$T/q: qemu-img cannot create the image: see its message above"
	[[ ! -e $T/q ]] || fail "there is an image"
	! compgen -G "$T/q.*" || fail "there is a half-made image"
	rm "$T/bin/qemu-img"
	# an image of another format
	truncate -s 20M "$T/q"
	fails 1 "$uri: qemu-nbd does not serve the image: see its message above" 2
	says "not in qcow2 format"
	# another image
	random 21 20971520 > "$T/other"
	qemu-img convert -f raw -O qcow2 "$T/other" "$T/q"
	fails 1 "the export does not contain the copy in the state $T/state" 2
	at 1
	mv "$T/away" "$T/q"
	setpriv --pdeathsig KILL qemu-nbd --format qcow2 --socket "$T/sock" --persistent "$T/q" > "$T/server.log" 2>&1 &
	server=$!
	eventually test -S "$T/sock"
	fails 1 "no other program may use the image" 2
	ends_server
	at 1
	PATH=$T/bin to_nbd 2 && fail "the backup succeeded without qemu-nbd"
	says "the package qemu-utils must be installed"
	to_image 2
	says "increment"
}
