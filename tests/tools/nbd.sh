# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# NBD servers for the tests of backup. The functions set $server to the process of the server, and
# $uri to its URI.

# shellcheck source=tests/tools/backups.sh
. tests/tools/backups.sh

# Makes closed volumes in eras 1 to 4; nothing was written in era 4.
volumes_for_nbd()
{
	local i

	three_eras 2> /dev/null
	cp "$T/v3" "$T/v4"
	for i in 1 2 3 4; do
		sealed $i
	done
	truncate -s 20M "$T/export"
}

# with_server COMMAND…: runs the server, which ends with the case, and waits until it listens at
# $T/sock
with_server()
{
	rm -f "$T/sock"
	setpriv --pdeathsig KILL "$@" > "$T/server.log" 2>&1 &
	server=$!
	uri="nbd+unix:///?socket=$T/sock"
	eventually test -S "$T/sock"
}

# listening PORT: succeeds if a server listens at the TCP port of this machine
listening()
{
	: < "/dev/tcp/127.0.0.1/$1"
}

# serve [FILTER…] PLUGIN…: runs nbdkit with these arguments
serve()
{
	with_server nbdkit --foreground --unix "$T/sock" "$@"
}

# ends_server [SIGNAL]: ends the server, which may have ended already
ends_server()
{
	kill "-${1:-TERM}" "$server" 2> /dev/null || true
	wait "$server" 2> /dev/null || true
}

# to_nbd N ARGUMENT…: backs up the volume in era N to $uri, and keeps the output in $T/said
to_nbd()
{
	local n=$1

	shift
	eractl backup "$T/m$n" "$uri" --device "$T/v$n" --state "$T/state" "$@" > "$T/said" 2>&1
}

# copied N ARGUMENT…: does as to_nbd, and checks that the export is $T/vN afterwards
copied()
{
	to_nbd "$@" || fail "exit code $?: $(cat "$T/said")"
	cmp -n "$size" "$T/v$1" "$T/export" || fail "the export is not era $1"
}

# fails CODE TEXT N ARGUMENT…: does as to_nbd, and checks that it fails
fails()
{
	local code=0 expected=$1 text=$2

	shift 2
	to_nbd "$@" || code=$?
	same "$code" "$expected"
	says "$text"
}

# at N: checks that the state is of a complete copy in era N
at()
{
	grep -qx "at erad-.*-$1" "$T/state" || fail "got $(head -n 3 "$T/state"), expected era $1"
	grep -q '^complete' "$T/state" || fail "the copy is not complete: $(head -n 3 "$T/state")"
}

# between N M: checks that the state is of a copy between eras N and M; N may be empty
between()
{
	if ! grep -qx "at ${1:+erad-.*-$1}" "$T/state" || ! grep -qx "unfinished erad-.*-$2" "$T/state"; then
		fail "got $(head -n 3 "$T/state"), expected a copy between eras $1 and $2"
	fi
}
