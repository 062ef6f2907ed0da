# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# SPDX-License-Identifier: GPL-2.0-or-later
# Backups to the export of an NBD server.

# shellcheck source=tests/tools/nbd.sh
. tests/tools/nbd.sh

test_nbd_backup_has_each_moment()
{
	DESCRIPTION="backup to nbdkit makes a full copy, then increments; does nothing if nothing was written; what follows the volume in the export stays"
	volumes_for_nbd
	random 9 1000 | dd of="$T/export" bs=1 seek="$size" conv=notrunc status=none
	cp "$T/export" "$T/before"
	serve file "$T/export"
	fails 1 "there is no state of a copy at $uri" 1
	copied 1 --init
	says "full copy, 18.7 MiB"
	says "verified, at $uri: this is the first copy"
	at 1
	copied 1
	says "nothing was written since the last copy, $uri"
	copied 2 --json
	same "$(json "$T/said" '"$o->{target} $o->{base} $o->{token} $o->{verified} $o->{already}"')" "$uri $(token 1) $(token 2) 1 0"
	copied 3
	says "increment"
	at 3
	copied 3 --full
	says "--full was given"
	cmp -i "$size" "$T/before" "$T/export"
	fails 1 "leave out --init" 3 --init
	fails 1 "$T/m3: this is not the state of a copy that eractl writes" 3 --state "$T/m3"
}

test_nbd_backup_works_with_qemu_nbd()
{
	DESCRIPTION="backup to a raw and to a qcow2 image of qemu-nbd makes a full copy and increments; zeros take no space in the image"
	volumes_for_nbd
	serve_qemu()
	{
		with_server qemu-nbd --format "$1" --socket "$T/sock" --persistent --discard unmap --detect-zeroes off "$2"
	}
	serve_qemu raw "$T/export"
	copied 1 --init
	copied 2
	says "increment"
	(($(du -k "$T/export" | cut -f 1) < 8000)) || fail "zeros take space: $(du -k "$T/export")"
	ends_server
	rm "$T/state"
	qemu-img create -q -f qcow2 "$T/q" 20M
	serve_qemu qcow2 "$T/q"
	to_nbd 1 --init || fail "$(cat "$T/said")"
	to_nbd 3 || fail "$(cat "$T/said")"
	says "increment"
	ends_server
	(($(du -k "$T/q" | cut -f 1) < 8000)) || fail "zeros take space: $(du -k "$T/q")"
	qemu-img convert -f qcow2 -O raw "$T/q" "$T/export"
	cmp -n "$size" "$T/v3" "$T/export"
}

test_nbd_backup_has_requests_in_flight()
{
	DESCRIPTION="backup writes zeros as zeros, has several requests in flight, flushes after the last write, reads back after the flush, and uses at most 64 MiB of memory"
	volumes_for_nbd
	cp "$T/v1" "$T/v2"
	write_blocks "$T/v2" 7 0 200
	sealed 2
	serve --filter=log --filter=delay file "$T/export" logfile="$T/log" delay-write=500ms delay-read=0
	cat > "$T/rss" <<-'END'
		import resource, subprocess, sys
		subprocess.run(sys.argv[2:], check=True)
		open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
	END
	python3 "$T/rss" "$T/kib" eractl backup "$T/m2" "$uri" --device "$T/v2" --state "$T/state" --init > "$T/said"
	cmp -n "$size" "$T/v2" "$T/export"
	(($(cat "$T/kib") < 65536)) || fail "got $(cat "$T/kib") KiB of memory"
	# The log contains a line when a request begins, with "...", and one when it ends, with
	# "return=".
	awk '/ Write .*\.\.\.$/ { if (++n > most) most = n } /\.\.\.Write .*return=/ { n-- } END { print most }' "$T/log" > "$T/most"
	(($(cat "$T/most") >= 8)) || fail "got $(cat "$T/most") writes in flight"
	same "$(grep -c ' Zero .*\.\.\.$' "$T/log")" 1
	awk '/\.\.\.$/ && / (Write|Zero|Flush|Read) / { for (i = 1; i <= NF; i++) if ($i ~ /^(Write|Zero|Flush|Read)$/) print $i }' "$T/log" | uniq > "$T/order"
	same "$(tr '\n' ' ' < "$T/order")" "Read Write Zero Write Flush Read "
}

test_nbd_backup_flushes_each_gib()
{
	DESCRIPTION="backup begins a flush after each GiB that it has written, so that the flush at the end does not take long"
	truncate -s 2200M "$T/v1"
	metadata "$T/m1" format 35200 128 timeline 77 era 1 mark 0 35200 close-sealed "$T/v1"
	serve --threads=1 --filter=log memory 2200M logfile="$T/log"
	eractl backup "$T/m1" "$uri" --device "$T/v1" --state "$T/state" --init > "$T/said"
	same "$(grep -oE ' (Zero|Flush) .*\.\.\.$' "$T/log" | awk '{ print $1 }' | uniq -c | awk '{ print $1, $2 }')" \
		"$(printf '%s\n' "32 Zero" "1 Flush" "32 Zero" "1 Flush" "5 Zero" "1 Flush")"
}

test_nbd_backup_waits_for_a_slow_server()
{
	DESCRIPTION="backup waits for a server that needs 15 s until it can be used, and for one that reads nothing for 70 s; it says so if a server does not answer for a minute"
	local port silent backup
	volumes_for_nbd
	# a server that does not answer
	perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1); my $c = $s->accept; sleep 100' "$T/silent" &
	eventually test -S "$T/silent"
	eractl backup "$T/m3" "nbd+unix:///?socket=$T/silent" --device "$T/v3" --state "$T/none" --init > "$T/silence" 2>&1 &
	silent=$!
	serve --filter=delay file "$T/export" delay-open=15
	copied 1 --init
	ends_server
	# The volume is larger than the buffers of the connection, and the server reads one request in
	# 100 ms until it stops.
	write_blocks "$T/v2" 6 0 299
	sealed 2
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])')
	setpriv --pdeathsig KILL nbdkit --foreground --threads=1 --ipaddr 127.0.0.1 --port "$port" --filter=delay file "$T/export" delay-write=100ms > "$T/server.log" 2>&1 &
	server=$!
	eventually listening "$port"
	uri=nbd://127.0.0.1:$port/
	rm "$T/state"
	to_nbd 2 --init --overwrite &
	backup=$!
	eventually grep -q '^unfinished' "$T/state"
	kill -STOP $server
	sleep 70
	kill -CONT $server
	wait $backup || fail "$(cat "$T/said")"
	cmp -n "$size" "$T/v2" "$T/export"
	wait $silent && fail "the backup to a server that does not answer has worked"
	grep -F "no answer for 60 seconds; check that an NBD server runs there" "$T/silence"
}

test_nbd_backup_keeps_to_the_units_of_the_server()
{
	DESCRIPTION="backup keeps to the server's minimum, preferred and maximum block size, also at the end of a volume that is no multiple of the minimum, and works without write-zeroes"
	local filter
	volumes_for_nbd
	for filter in "--filter=blocksize-policy" "--filter=blocksize-policy --filter=nozero"; do
		head -c 20M /dev/zero | tr '\0' '\377' > "$T/export"
		# shellcheck disable=SC2086
		serve $filter file "$T/export" blocksize-error-policy=error blocksize-minimum=64K blocksize-preferred=128K blocksize-maximum=192K
		rm -f "$T/state"
		fails 1 "the export has content; if it is the right export, --overwrite overwrites it" 1 --init
		copied 1 --init --overwrite
		copied 2
		copied 3
		says "increment"
		same "$(tail -c +$((size + 1)) "$T/export" | tr -d '\377' | wc -c)" 0
		ends_server
	done
}

test_nbd_backup_survives_the_end_of_the_server()
{
	DESCRIPTION="if the server is killed in the middle, backup says so and fails, the base stays noted, and the next backup is an increment and right; an interrupted full copy is made again"
	local backup
	volumes_for_nbd
	serve --filter=delay file "$T/export" delay-write=60
	killed()
	{
		to_nbd "$@" &
		backup=$!
		eventually grep -q '^unfinished' "$T/state"
		sleep 0.2
		ends_server KILL
		wait "$backup" && fail "the backup succeeded"
		says "the connection to the server has ended: see the log of the server, start it, and run the command again"
		serve file "$T/export"
	}
	killed 1 --init
	between "" 1
	says "the next backup makes a full copy again"
	copied 1
	says "full copy"
	says "the last full copy was not completed"
	ends_server
	serve --filter=delay file "$T/export" delay-write=5
	killed 2
	between 1 2
	says "the next backup completes it"
	# A later increment completes the copy, too.
	copied 3
	says "increment"
	at 3
	ends_server
	fails 1 "check that the server runs, and that it has this export" 4
	at 3
}

test_nbd_backup_can_be_killed()
{
	DESCRIPTION="after a backup was killed, the next one is an increment and right; if something else has written to the export in between, it is a full copy"
	local backup i
	volumes_for_nbd
	serve file "$T/export"
	copied 1 --init
	for i in 1 2; do
		ends_server
		serve --filter=delay file "$T/export" delay-write=2
		setpriv --pdeathsig KILL eractl backup "$T/m2" "$uri" --device "$T/v2" --state "$T/state" > "$T/said" 2>&1 &
		backup=$!
		eventually grep -q '^unfinished' "$T/state"
		fails 1 "another backup uses this state now" 2
		kill -KILL $backup
		wait $backup 2> /dev/null || :
		between 1 2
		ends_server
		serve file "$T/export"
		if ((i == 1)); then
			copied 2
			says "increment"
			# Begin again in era 1.
			copied 1 --full
		else
			# These blocks were not written since era 1, so the increment would not mend them.
			write_blocks "$T/export" 8 60 30
			copied 2
			says "full copy"
			says "the export has other content than the last backup has left there: "
			grep -qE ': [0-9]+ of [0-9]+ places differ, the first is 64 KiB at byte [0-9]+ in a sample' "$T/said" || fail "$(cat "$T/said")"
		fi
	done
}

test_nbd_backup_notices_another_content()
{
	DESCRIPTION="if the export has other content than the last backup has left, backup makes a full copy and says why; it refuses a state of another target or of another volume"
	volumes_for_nbd
	serve file "$T/export"
	copied 1 --init
	copied 2
	# An older copy of the export was put back.
	cp "$T/export" "$T/older"
	copied 3
	cp "$T/older" "$T/export"
	copied 4
	says "full copy"
	says "the export has other content than the last backup has left there"
	at 4
	# The server now shows a smaller export.
	truncate -s 10M "$T/export"
	ends_server
	serve file "$T/export"
	fails 1 "the export has 10485760 bytes, expected at least $size, the size of the volume: make the export larger" 4
	at 4
	truncate -s 20M "$T/export"
	ends_server
	serve file "$T/export"
	copied 4
	says "full copy"
	# The same server by another name is another target.
	uri="nbd+unix:///x?socket=$T/sock"
	fails 1 "$T/state: got the state of the copy at nbd+unix:///?socket=$T/sock, expected the state of the copy at $uri; name" 4
	copied 4 --init --overwrite
	says "the state is of a copy at another target"
	# This state is not for receive.
	refused "$T/state contains the state of another copy: got the state of the copy at $uri, expected the state of a copy on a device or in a file" eractl receive "$T/export" --state "$T/state" < "$T/full"
	sed -i 's/^at erad-e7ad0300/at erad-e7ad0301/' "$T/state"
	fails 1 "$T/state: got the state of a copy of the volume with the UUID e7ad0301-" 4
	says "expected the state of a copy of volume $T/m4 (e7ad0300-"
	says "one export and one state file are for one volume"
	# The volume was written, and the metadata does not know this.  The increment does not
	# contain this write.
	copied 3 --init --overwrite --state "$T/other"
	write_blocks "$T/v4" 8 60 30
	sealed 4
	fails 1 "the copy differs from the volume: " 4 --state "$T/other"
	says "the next backup makes a full copy again"
	copied 4 --state "$T/other"
	says "the last full copy was not completed"
}

test_nbd_backup_makes_a_full_copy_where_it_must()
{
	DESCRIPTION="backup to NBD makes a full copy, and says why, if the volume has another timeline or another size, if there is a gap, or if the last copy is of the same era"
	volumes_for_nbd
	serve file "$T/export"
	copied 1 --init
	copied 2
	# As if the volume had been open when the last copy was made.
	sed -i '/^closed/d' "$T/state"
	write_blocks "$T/v2" 9 30 2
	sealed 2
	copied 2
	says "the last copy is not of an earlier era, and the volume may have been written in this era since"
	# A backup was interrupted, and then the volume was opened again, so it has another timeline.
	ends_server
	serve --filter=error file "$T/export" error=ENOSPC error-pwrite-rate=100%
	fails 1 "the server has no space left" 3
	between 2 3
	ends_server
	serve file "$T/export"
	cp "$T/v3" "$T/v5"
	metadata "$T/m5" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 era 2 mark 5 3 mark 20 30 timeline 99 era 5 mark 299 1 mark 100 1 \
		close-sealed "$T/v5"
	copied 5
	says "the last backup was not completed, and the volume was opened again since"
	rm "$T/m2" "$T/m3" "$T/m4"
	metadata "$T/m2" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 3 mark 0 300 close-sealed "$T/v2"
	copied 2
	says "a full copy is due"
	metadata "$T/m3" format 300 5 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 4 floor close-sealed "$T/v3"
	copied 3
	says "writes may have gone past erad"
	truncate -s $((301 * 65536)) "$T/v4"
	metadata "$T/m4" format 301 128 timeline 77 era 1 mark 0 40 mark 290 10 timeline 88 era 4 floor era 9 mark 299 2 close-sealed "$T/v4"
	copied 4
	says "the volume has $((301 * 65536)) bytes now, and had $size bytes"
	cmp -n $((301 * 65536)) "$T/v4" "$T/export"
}

test_nbd_backup_explains_errors()
{
	DESCRIPTION="backup explains a server without space, a read-only export, a server that loses writes, and wrong arguments; the last copy stays noted"
	volumes_for_nbd
	serve file "$T/export"
	copied 1 --init
	ends_server
	# a server without space
	serve full 20M
	rm -f "$T/other"
	fails 1 "the server has no space left: make room there, and run the command again" 1 --init --state "$T/other"
	ends_server
	serve --filter=error file "$T/export" error=ENOSPC error-pwrite-rate=100%
	fails 1 "the server has no space left" 2
	between 1 2
	ends_server
	# a read-only export
	serve --read-only file "$T/export"
	fails 1 "the export is read-only, expected one that can be written" 2
	between 1 2
	ends_server
	serve --filter=error file "$T/export" error=EPERM error-pwrite-rate=100%
	fails 1 "the server does not allow writes" 2
	ends_server
	# a server that loses writes
	serve null 20M
	rm -f "$T/other"
	fails 1 "read back with other content than was written" 1 --init --state "$T/other"
	ends_server
	serve file "$T/export"
	copied 2
	says "increment"
	ends_server
	at 2
	refused "expected a directory, qcow2:FILE, or nbd://" eractl backup "$T/m1" "http://localhost/" --device "$T/v1"
	refused "--state FILE is missing" eractl backup "$T/m1" "$uri" --device "$T/v1"
	fails 2 "--keep and --full-every are for a directory" 3 --keep 3
	fails 2 "is always read back" 3 --verify
	cp "$T/state" "$T/before"
	fails 2 "--report and --state name the same file" 3 --report "$T/./state"
	cmp "$T/state" "$T/before"
	fails 2 "--report and --state name the same file" 3 --state "$T/new" --report "$T/new"
	[[ ! -e $T/new ]] || fail "a report was written"
	cp "$T/m3" "$T/before"
	fails 1 "cannot write the report: $T/m3: it is metadata of erad" 3 --report "$T/m3"
	cmp "$T/m3" "$T/before"
	refused "--state is for an NBD server" eractl backup "$T/m1" "$T" --device "$T/v1" --state "$T/state"
}

test_nbd_backup_loads_libnbd()
{
	DESCRIPTION="eractl starts without libnbd; a backup to an NBD server without libnbd, or with another library, says which package to install"
	volumes_for_nbd
	serve file "$T/export"
	! ldd "$(command -v eractl)" | grep nbd || fail "eractl is linked with libnbd"
	mkdir "$T/lib"
	: > "$T/lib/libnbd.so.0"
	export LD_LIBRARY_PATH=$T/lib
	eractl --version
	fails 1 "$uri: cannot load libnbd, which connects to NBD servers: $T/lib/libnbd.so.0: file too short; install the package libnbd0" 1 --init
	cp -L "$(ldd "$(command -v eractl)" | awk '$1 ~ /^libexpat/ { print $3 }')" "$T/lib/libnbd.so.0"
	fails 1 "libnbd is too old, or is another library: " 1 --init
	says "undefined symbol: nbd_create; install a newer package libnbd0"
	[[ ! -e $T/state ]] || fail "there is a state"
	unset LD_LIBRARY_PATH
	copied 1 --init
}

test_nbd_backup_checks_tls()
{
	DESCRIPTION="backup to nbds:// works with certificates and with a pre-shared key; a certificate of another authority or name, a server without TLS, and nbd:// to a server that wants TLS are explained"
	local port i
	volumes_for_nbd
	# ca DIR: makes an authority, and certificates for a server localhost and for a client
	ca()
	{
		mkdir "$1"
		certtool --generate-privkey --key-type ecdsa --outfile "$1/ca-key.pem"
		printf 'cn = CA\nca\ncert_signing_key\nexpiration_days = 9\n' > "$1/ca.info"
		certtool --generate-self-signed --load-privkey "$1/ca-key.pem" --template "$1/ca.info" --outfile "$1/ca-cert.pem"
		printf 'cn = %s\ndns_name = %s\ntls_www_server\nsigning_key\nexpiration_days = 9\n' "$2" "$2" > "$1/server.info"
		printf 'cn = client\ntls_www_client\nsigning_key\nexpiration_days = 9\n' > "$1/client.info"
		for i in server client; do
			certtool --generate-privkey --key-type ecdsa --outfile "$1/$i-key.pem"
			certtool --generate-certificate --load-ca-certificate "$1/ca-cert.pem" --load-ca-privkey "$1/ca-key.pem" \
				--load-privkey "$1/$i-key.pem" --template "$1/$i.info" --outfile "$1/$i-cert.pem"
		done
	} > /dev/null 2>&1
	ca "$T/right" localhost
	ca "$T/wrong" localhost
	ca "$T/name" elsewhere
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])')
	# listens DIR ARGUMENT…: runs nbdkit on the port
	listens()
	{
		setpriv --pdeathsig KILL nbdkit --foreground --ipaddr 127.0.0.1 --port "$port" "$@" file "$T/export" > "$T/server.log" 2>&1 &
		server=$!
		eventually listening "$port"
	}
	listens --tls=require --tls-certificates="$T/right" --tls-verify-peer
	uri="nbds://localhost:$port/?tls-certificates=$T/right"
	copied 1 --init
	copied 2
	says "increment"
	uri="nbd://localhost:$port/"
	fails 1 "the server asks for TLS: write nbds in place of nbd" 3 --init --overwrite
	uri="nbds://localhost:$port/?tls-certificates=$T/wrong"
	fails 1 "one side refuses the certificate of the other: check the names and the dates of the certificates" 3 --init --overwrite
	at 2
	ends_server
	listens --tls=require --tls-certificates="$T/name"
	uri="nbds://localhost:$port/?tls-certificates=$T/name"
	fails 1 "one side refuses the certificate of the other" 3 --init --overwrite
	ends_server
	listens --tls=off
	uri="nbds://localhost:$port/?tls-certificates=$T/right"
	fails 1 "check that the server runs with TLS" 3
	at 2
	ends_server
	psktool -u backup -p "$T/psk" > /dev/null 2>&1
	listens --tls=require --tls-psk="$T/psk"
	uri="nbds://backup@localhost:$port/?tls-psk-file=$T/psk"
	copied 3 --init --overwrite
	copied 4
	says "increment"
	psktool -u backup -p "$T/psk2" > /dev/null 2>&1
	uri="nbds://backup@localhost:$port/?tls-psk-file=$T/psk2"
	fails 1 "cannot connect to the NBD server" 3 --init --overwrite
	ends_server
}
