# shellcheck shell=bash disable=SC2016,SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# erad-exporter: the metrics that it makes from erad's answers, and its HTTP server. A script
# answers in place of erad.

# answering: starts a process, $answerer, that listens at $T/erad.sock.  It answers a request for OP
# with the file $T/answers/OP.  If there is no such file, it sends no answer until the case ends.
# It writes the OPs to $T/asked.
answering()
{
	mkdir -p "$T/answers"
	printf '{"result": {"version": "9.8\\"7", "pid": 1, "heap_bytes": 1}}\n' > "$T/answers/ping"
	setpriv --pdeathsig TERM perl -MIO::Socket::UNIX -MJSON::PP -e '
		$SIG{PIPE} = "IGNORE";
		my $l = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 32) or die "$!\n";
		my @kept;
		while (my $s = $l->accept) {
			my $op = decode_json(scalar <$s>)->{op};
			my $file;
			syswrite STDOUT, "$op\n";
			if (open $file, "<", "$ARGV[1]/$op") {
				local $/;
				print {$s} <$file>;
				close $s;
			} else {
				push @kept, $s;
			}
		}' "$T/erad.sock" "$T/answers" > "$T/asked" &
	answerer=$!
	eventually test -S "$T/erad.sock"
}

# exported: prints the metrics, which the exporter writes to a file
exported()
{
	erad-exporter --socket "$T/erad.sock" --backups "$T/backups" --textfile "$T/erad.prom" || fail "status $?"
	cat "$T/erad.prom"
}

# metrics_of FILE: prints the names of the metrics in FILE
metrics_of()
{
	sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$1"
}

# serving [COMMAND…]: starts erad-exporter, by the COMMAND if there is one, and sets port to its port
serving()
{
	: > "$T/exporter.log"
	setpriv --pdeathsig TERM "$@" erad-exporter --socket "$T/erad.sock" --backups "$T/backups" --listen 127.0.0.1:0 2>> "$T/exporter.log" &
	exporter=$!
	eventually grep -q "serving at 127.0.0.1 port [0-9]" "$T/exporter.log"
	port=$(sed -n 's/^erad-exporter: serving at 127.0.0.1 port //p' "$T/exporter.log")
}

# http METHOD PATH: prints the status and the type of the answer, then its content
http()
{
	perl -MHTTP::Tiny -e '
		my $r = HTTP::Tiny->new(timeout => 10)->request($ARGV[0], "http://127.0.0.1:$ARGV[2]$ARGV[1]");
		print "$r->{status} ", $r->{headers}{"content-type"} // "-", "\n$r->{content}"' "$1" "$2" "$port"
}

test_exporter_golden()
{
	DESCRIPTION="the exporter makes the metrics in metrics.prom from a status, with escaped labels, and promtool finds no fault in them"
	local name

	answering
	cp tests/tools/exporter/status.json "$T/answers/status.lines"
	tr -d '\n' < "$T/answers/status.lines" > "$T/answers/status"
	echo >> "$T/answers/status"
	mkdir "$T/backups"
	cp tests/tools/exporter/backup.json "$T/backups/nightly.json"
	exported | sed 's/^\(erad_exporter_build_info{version="\)[^"]*/\1VERSION/' > "$T/got"
	diff "$T/got" <(sed 1,2d tests/tools/exporter/metrics.prom) || fail "got (<) is not what was expected (>)"
	promtool check metrics < "$T/got" > "$T/promtool" 2>&1 || fail "promtool says: $(cat "$T/promtool")"
	[[ ! -s $T/promtool ]] || fail "promtool says: $(cat "$T/promtool")"
	for name in $(metrics_of "$T/got"); do
		grep -q "^[|:]\\[\\? *\\*$name\\*\$" daemon/man/erad-exporter.8.scd || fail "the manual page does not have $name"
	done
}

test_exporter_textfile()
{
	DESCRIPTION="erad-exporter --textfile replaces its file in one step, makes it readable for all users, and leaves it unchanged if it cannot be replaced"
	answering
	echo old > "$T/erad.prom"
	chmod 600 "$T/erad.prom"
	exec 3< "$T/erad.prom"
	printf '{"result": {"volumes": []}}\n' > "$T/answers/status"
	umask 077
	exported | grep -qx 'erad_up 1' || fail "got $(cat "$T/erad.prom")"
	same "$(stat -c %a "$T/erad.prom")" 644
	same "$(cat <&3)" old
	same "$(cd "$T" && echo erad.prom*)" erad.prom
	refused "cannot create $T/none/file." erad-exporter --socket "$T/erad.sock" --textfile "$T/none/file"
	mkdir "$T/dir"
	refused "$T/dir is no regular file" erad-exporter --socket "$T/erad.sock" --textfile "$T/dir"
	same "$(cd "$T" && echo dir*)" dir
}

# backups: prints the metrics of backups, without their comments
backups()
{
	exported 2> /dev/null | grep '^erad_backup' | sort
}

test_exporter_backups()
{
	DESCRIPTION="the exporter makes metrics from the reports of backups, and leaves out invalid values and files that are no reports"
	same "$(backups)" ""
	mkdir "$T/backups"
	same "$(backups)" ""
	echo '{"version": 1, "volume": "da\"ta", "time": 1790000000, "last_success": 1789000000, "success": false, "duration_seconds": 12.5,
		"bytes": 18446744073709551615, "full": null, "error": "no room"}' | tr -d '\n' > "$T/backups/nightly.json"
	echo '{"version": 1, "volume": "data", "time": -1, "last_success": "1", "success": true, "duration_seconds": 1e999, "bytes": 0, "full": true}' \
		> "$T/backups/web 2.json"
	same "$(backups)" 'erad_backup_last_run_bytes{backup="nightly",volume="da\"ta"} 1.844674407370955e+19
erad_backup_last_run_bytes{backup="web 2",volume="data"} 0
erad_backup_last_run_duration_seconds{backup="nightly",volume="da\"ta"} 12.5
erad_backup_last_run_full{backup="web 2",volume="data"} 1
erad_backup_last_run_success{backup="nightly",volume="da\"ta"} 0
erad_backup_last_run_success{backup="web 2",volume="data"} 1
erad_backup_last_run_timestamp_seconds{backup="nightly",volume="da\"ta"} 1790000000
erad_backup_last_success_timestamp_seconds{backup="nightly",volume="da\"ta"} 1789000000'
	cp "$T/erad.prom" "$T/want"
	promtool check metrics < "$T/want" > "$T/promtool" 2>&1 || fail "promtool says: $(cat "$T/promtool")"
	[[ ! -s $T/promtool ]] || fail "promtool says: $(cat "$T/promtool")"
	# None of these files is a report of a backup.
	echo '{"version": 1, "volume": "data", "time": 1}' | tee "$T/backups/.hidden.json" "$T/backups/x.txt" "$T/backups/.json" > "$T/backups/"$'\377.json'
	printf '{"version": 1, "volume": "\377", "time": 1}' > "$T/backups/bytes.json"
	echo '{"version": 1, "volume": 1, "time": 1}' > "$T/backups/number.json"
	echo '[1]' > "$T/backups/list.json"
	head -c 70000 /dev/zero | tr '\0' ' ' > "$T/backups/long.json"
	: > "$T/backups/empty.json"
	mkdir "$T/backups/directory.json"
	mkfifo "$T/backups/fifo.json"
	ln -s nightly.json "$T/backups/link.json"
	backups > /dev/null
	diff "$T/erad.prom" "$T/want" || fail "got (<) is not what was expected (>)"
}

# backup_time: prints the time of the last backup, as the exporter serves it, after the state of erad
backup_time()
{
	http GET /metrics | sed -n 's/^erad_up //p; s/^erad_backup_last_run_timestamp_seconds{.*} //p' | paste -sd ' '
}

# keeps_old_backups COMMAND…: checks that the COMMAND, which runs erad-exporter, fails, and writes
# $T/erad.prom with the metrics of backups of the old file, and with new metrics of erad
keeps_old_backups()
{
	cat > "$T/erad.prom" <<- END
		# HELP erad_up Old.
		# TYPE erad_up gauge
		erad_up 0
		# HELP erad_backup_last_run_timestamp_seconds When the last backup ended.
		# TYPE erad_backup_last_run_timestamp_seconds gauge
		erad_backup_last_run_timestamp_seconds{backup="x",volume="data"} 5
	END
	"$@" 2> "$T/err" && fail "exit code 0 although the reports cannot be read"
	grep -qx "erad-exporter: $T/erad.prom has the metrics of backups that it had before, because the reports cannot be read now; its other metrics are current" "$T/err" ||
		fail "got $(cat "$T/err")"
	same "$(grep -v '^#' "$T/erad.prom" | grep "^erad_up\|backup")" $'erad_up 1\nerad_backup_last_run_timestamp_seconds{backup="x",volume="data"} 5'
	same "$(grep -c "^# .* erad_backup" "$T/erad.prom")" 2
}

test_exporter_does_not_wait_for_reports_that_hang()
{
	DESCRIPTION="while the file system with the reports of backups hangs, the exporter serves all metrics, those of backups from the last reports that were read; then it reads the reports again"
	local said="the directory $T/backups with the reports of backups has not answered for 3 seconds; until it answers, the metrics of backups are those of the last reports that were read; check whether its file system hangs"

	answering
	echo '{"result": {"version": 1, "volumes": []}}' > "$T/answers/status"
	mkdir "$T/one" "$T/two"
	echo '{"volume": "data", "time": 7}' > "$T/one/x.json"
	echo '{"volume": "data", "time": 8}' > "$T/two/x.json"
	ln -s one "$T/backups"
	# The directory two hangs for longer than the client of http waits.
	serving strace -D -f -qq -o "$T/calls" -P "$T/two" -e inject=getdents64:delay_enter=25000000
	# strace makes the first read slow.
	for _ in {1..60}; do
		[[ $(backup_time) == "1 7" ]] && break
		sleep 0.5
	done
	: > "$T/exporter.log"
	ln -sfn two "$T/backups"
	same "$(backup_time)" "1 7"
	same "$(backup_time)" "1 7"
	same "$(grep -c "^erad-exporter: $said$" "$T/exporter.log")" 1
	keeps_old_backups strace -D -f -qq -o "$T/calls2" -P "$T/two" -e inject=getdents64:delay_enter=8000000 erad-exporter --socket "$T/erad.sock" \
		--backups "$T/backups" --textfile "$T/erad.prom"
	for _ in {1..120}; do
		[[ $(backup_time) == "1 8" ]] && break
		sleep 1
	done
	same "$(backup_time)" "1 8"
	grep -qx "erad-exporter: the directory of the reports answers again" "$T/exporter.log" || fail "$(cat "$T/exporter.log")"
	kill "$exporter"
}

test_exporter_keeps_reports_that_cannot_be_read()
{
	DESCRIPTION="if the directory with the reports of backups cannot be read, the exporter says so once, and serves the metrics of the last reports; with --textfile it keeps those of the old file; if the directory is gone, there are none"
	local said="the directory $T/backups with the reports of backups cannot be read: Not a directory; until it can be read, the metrics of backups are those of the last reports that were read"

	answering
	echo '{"result": {"version": 1, "volumes": []}}' > "$T/answers/status"
	mkdir "$T/backups"
	echo '{"volume": "data", "time": 7}' > "$T/backups/x.json"
	serving
	same "$(backup_time)" "1 7"
	mv "$T/backups" "$T/aside"
	echo 1 > "$T/backups"
	same "$(backup_time)" "1 7"
	same "$(backup_time)" "1 7"
	same "$(grep -c "^erad-exporter: $said$" "$T/exporter.log")" 1
	keeps_old_backups erad-exporter --socket "$T/erad.sock" --backups "$T/backups" --textfile "$T/erad.prom"
	# There is no old file.
	rm "$T/erad.prom"
	erad-exporter --socket "$T/erad.sock" --backups "$T/backups" --textfile "$T/erad.prom" 2> "$T/err" && fail "exit code 0"
	grep -qx "erad_up 1" "$T/erad.prom" || fail "got $(cat "$T/erad.prom")"
	rm "$T/backups"
	same "$(backup_time)" 1
	grep -qx "erad-exporter: the directory of the reports can be read again" "$T/exporter.log" || fail "$(cat "$T/exporter.log")"
	mv "$T/aside" "$T/backups"
	same "$(backup_time)" "1 7"
	kill "$exporter"
}

test_exporter_bad_answers()
{
	DESCRIPTION="whatever answer the exporter gets in place of erad's, it makes metrics: either erad_up is 0, or invalid values are left out"
	local answer said

	answering
	while IFS='|' read -r said answer; do
		printf '%b' "$answer" > "$T/answers/status"
		exported > "$T/got"
		[[ $(grep -v "^#\|_build_info" "$T/got") == "erad_up 0" ]] || fail "$said became $(cat "$T/got")"
	done <<- 'END'
		no answer|
		cut off|{"result": {"volumes": [
		no JSON|garbage\n
		no object|[]\n
		no list|{"result": {}}\n
		no list|{"result": {"volumes": {"volume": "a"}}}\n
		no result|{"result": []}\n
		no objects|{"result": {"volumes": [1]}}\n
		no objects|{"result": {"volumes": [null]}}\n
		no name|{"result": {"volumes": [{"volume": null}]}}\n
		twice|{"result": {"volumes": [{"volume": "a"}, {"volume": "a"}]}}\n
		not UTF-8|{"result": {"volumes": [{"volume": "\0377"}]}}\n
		error|{"error": {"code": "EAGAIN", "message": "later"}}\n
		part|{"part": 1}\n
		deep|{"result": [[[[[[[[[[[[[[[[[[[[[[[[[[[[\n
	END
	# Invalid values in members that are not required.
	printf '%s\n' '{"result": {"volumes": [{"volume": "a", "state": "x", "era": -1, "size": "1", "held": 1e99,
		"oldest_held_seconds": -1.5, "journal_pages": 18446744073709551615, "suspended": 1, "mirror": 5, "error": {},
		"events": {"failed": [], "hold": [{"below_ns": 4, "count": 18446744073709551615}, {"below_ns": 8, "count": 1}],
		"hold_ns": 1}}]}}' | tr -d '\n' > "$T/answers/status"
	echo >> "$T/answers/status"
	rm "$T/answers/ping"
	exported > "$T/got"
	same "$(grep -v '^#\|_build_info\|state=' "$T/got")" 'erad_up 1
erad_volume_info{volume="a",uuid="",device="",origin="",metadata=""} 1
erad_error{volume="a"} 0'
	same "$(grep 'state=.* 1$' "$T/got")" ""
	# The socket does not exist.
	rm "$T/erad.sock"
	exported 2> "$T/said" | grep -qx 'erad_up 0' || fail "erad_up is 1 without a socket"
	grep -q '^erad-exporter: erad is not running' "$T/said" || fail "the exporter printed '$(cat "$T/said")'"
}

test_exporter_http()
{
	DESCRIPTION="the exporter serves GET and HEAD of /metrics and / and the style sheet, refuses all other requests, and ends with status 0 at SIGTERM"
	answering
	printf '{"result": {"volumes": []}}\n' > "$T/answers/status"
	serving
	same "$(http GET /metrics | head -n 1)" "200 text/plain; version=0.0.4; charset=utf-8"
	http GET '/metrics?x=y' | grep -qx 'erad_up 1' || fail "erad_up is not 1"
	same "$(http HEAD /metrics)" "200 text/plain; version=0.0.4; charset=utf-8"
	same "$(http HEAD /)" "200 text/html; charset=utf-8"
	same "$(http GET /style.css | head -n 1)" "200 text/css; charset=utf-8"
	same "$(http GET /metrics/x | head -n 1)" "404 text/plain; charset=utf-8"
	same "$(http POST /metrics | head -n 1)" "405 text/plain; charset=utf-8"
	same "$(http DELETE / | head -n 1)" "405 text/plain; charset=utf-8"
	# Input that is not HTTP and much too long does not stop the exporter.
	perl -MIO::Socket::INET -e '
		for my $what ("\0\1\2\r\n\r\n", "GET /" . "x" x 100000 . " HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA: " . "x" x 100000) {
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die "$!\n";
			$SIG{PIPE} = "IGNORE";
			print $s $what;
		}' "$port"
	http GET /metrics | grep -qx 'erad_up 1' || fail "erad_up is not 1"
	kill $exporter
	wait $exporter || fail "ended with $?"
	refused "expected ADDRESS:PORT" erad-exporter --listen nowhere
	refused "expected ADDRESS:PORT" erad-exporter --listen ::1:80
	refused "expected one" erad-exporter --listen 127.0.0.1:0 --textfile "$T/x"
}

# answers_of_all: makes an answer of the answerer for each request that the page needs
answers_of_all()
{
	tr -d '\n' < tests/tools/exporter/status.json > "$T/answers/status"
	echo >> "$T/answers/status"
	cp tests/tools/exporter/writers.json "$T/answers/writers"
	cp tests/tools/exporter/map.json "$T/answers/map"
}

test_exporter_page()
{
	DESCRIPTION="the page at / shows each volume with its map, writers and gaps as well-formed and escaped HTML, which loads nothing from elsewhere"
	local want asked

	answering
	answers_of_all
	serving
	curl -sSi "http://127.0.0.1:$port/" > "$T/got"
	grep -q "^Content-Security-Policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" \
		"$T/got" || fail "the policy is missing: $(head -n 12 "$T/got")"
	sed '1,/^\r$/d' "$T/got" > "$T/page.html"
	xmllint --noout "$T/page.html" || fail "the page is not well-formed"
	for want in '<html lang="en">' '<span class="state good">active' '>closed, noauto<' '<th scope="row">era 7, the current one</th>' \
		'3.5 MiB (0.0 %)' '<th scope="row">kworker</th>' '&#60;script&#62;alert(1)' 'written-while-closed' \
		'its metadata is damaged' 'datetime="2023-11-14T22:20:00Z"' 'href="/?refresh=1"'; do
		grep -qF "$want" "$T/page.html" || fail "the page does not have $want"
	done
	grep -q '<script\|of-an-old-era' "$T/page.html" && fail "the page has forbidden content"
	# Several requests within two seconds cause one request to erad.
	asked=$(grep -c status "$T/asked")
	curl -sS "http://127.0.0.1:$port/" "http://127.0.0.1:$port/" > "$T/got"
	(($(grep -c status "$T/asked") <= asked + 1)) || fail "each page sends a request to erad"
	# Requests for unknown volumes, and requests that alternate between two pages, cause no more
	# requests to erad.
	sleep 2.1
	asked=$(grep -c status "$T/asked")
	curl -sS "http://127.0.0.1:$port/?volume=x[1-50]" "http://127.0.0.1:$port/" "http://127.0.0.1:$port/?volume=data" \
		"http://127.0.0.1:$port/?volume=y" "http://127.0.0.1:$port/?volume=data" > "$T/got"
	same "$(grep -c '^</html>' "$T/got")" 54
	asked=$(($(grep -c status "$T/asked") - asked))
	((asked <= 5)) || fail "54 requests made the exporter ask $asked times"
	# With ?volume=, the page shows all details of this volume, and no other volume.
	curl -sS "http://127.0.0.1:$port/?volume=data&refresh=1" > "$T/got"
	same "$(grep -c '<section' "$T/got")" 1
	grep -q '<meta http-equiv="refresh" content="30"/>' "$T/got" || fail "the page does not reload itself"
	# A request that names another host is refused. A browser sends such a request if the owner
	# of a web page lets the page's name point to this machine.
	for want in evil.example:80 "$(uname -n).evil.example"; do
		same "$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $want" "http://127.0.0.1:$port/")" 403
	done
	for want in "localhost:$port" "[::1]:$port" "$(uname -n)" "$(uname -n).local"; do
		same "$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $want" "http://127.0.0.1:$port/")" 200
	done
	# The era in the map may be older than the current era.
	sed -i 's/"era": 7/"era": 8/' "$T/answers/status"
	sleep 2.1
	curl -sS "http://127.0.0.1:$port/?volume=data" > "$T/got"
	grep -qF '<th scope="row">era 7</th>' "$T/got" || fail "an old era counts as the current one"
	rm "$T/erad.sock"
	sleep 2.1
	curl -sS "http://127.0.0.1:$port/" > "$T/got"
	grep -q '<h2>erad does not answer</h2>' "$T/got" || fail "got $(cat "$T/got")"
	xmllint --noout "$T/got" || fail "the page is not well-formed"
}

test_exporter_hung()
{
	DESCRIPTION="while erad hangs, the exporter answers all scrapes within 5 seconds and sends erad one request only; when erad answers again, the metrics are complete"
	local i

	answering
	serving
	# One process measures the time, because on a busy machine the start of a process takes long.
	perl -MIO::Socket::INET -MTime::HiRes=sleep,time -e '
		my ($port, $got) = @ARGV;
		my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die "$!\n" } 1 .. 4;
		my $began = time;
		for (@s) {
			syswrite $_, "GET /metrics HTTP/1.1\r\nHost: localhost:$port\r\nConnection: close\r\n\r\n";
			sleep 0.3;
		}
		for my $i (1 .. 4) {
			open my $out, ">", "$got.$i" or die "$!\n";
			print $out readline $s[$i - 1];
		}
		my $took = time - $began;
		die "the scrapes took $took seconds, expected less than 5\n" if $took >= 5;' "$port" "$T/got" || fail "see above"
	for i in 1 2 3 4; do
		grep -qx 'erad_up 0' "$T/got.$i" || fail "got $(cat "$T/got.$i")"
	done
	same "$(cat "$T/asked")" status
	printf '{"result": {"volumes": []}}\n' > "$T/answers/status"
	http GET /metrics | grep -qx 'erad_up 1' || fail "erad_up is not 1"
	same "$(tail -n +2 "$T/exporter.log")" "erad-exporter: erad has not answered in time
erad-exporter: erad answers again"

	# Stop the process and fill its queue of connections, so that not even a connection
	# succeeds.
	kill -STOP $answerer
	setpriv --pdeathsig TERM perl -MIO::Socket::UNIX -e '
		my @s = map { IO::Socket::UNIX->new(Peer => $ARGV[0], Blocking => 0) } 1 .. 40;
		open my $full, ">", $ARGV[1];
		sleep 60' "$T/erad.sock" "$T/full" &
	for i in {1..600}; do
		[[ -e $T/full ]] && break
		sleep 0.05
	done
	timeout 20 erad-exporter --socket "$T/erad.sock" --textfile "$T/erad.prom" || fail "status $?"
	grep -qx 'erad_up 0' "$T/erad.prom" || fail "got $(cat "$T/erad.prom")"
	kill -CONT $answerer
}

test_exporter_monitoring()
{
	DESCRIPTION="promtool accepts the alerts, which fire when they should; the alerts and the dashboard use only existing metrics"
	local name

	promtool check rules daemon/exporter/erad-alerts.yml > "$T/out" 2>&1 || fail "$(cat "$T/out")"
	promtool test rules tests/tools/exporter/alerts-test.yml > "$T/out" 2>&1 || fail "$(cat "$T/out")"
	same "$(grep -c 'runbook:' daemon/exporter/erad-alerts.yml)" "$(grep -c 'alert:' daemon/exporter/erad-alerts.yml)"
	perl -MJSON::PP -0777 -ne '
		sub texts {
			my $o = shift;
			return map { texts($_) } values %$o if ref $o eq "HASH";
			return map { texts($_) } @$o if ref $o eq "ARRAY";
			return $o;
		}
		print join("\n", grep { defined } texts(decode_json($_))), "\n"' daemon/exporter/erad-dashboard.json > "$T/texts"
	grep -oh '\berad_[a-z_]*' "$T/texts" daemon/exporter/erad-alerts.yml | sort -u > "$T/names"
	sed -n 's/^\(erad_[a-z_]*\).*/\1/p' tests/tools/exporter/metrics.prom | sort -u > "$T/there"
	same "$(comm -23 "$T/names" "$T/there")" ""
	for name in $(metrics_of tests/tools/exporter/metrics.prom); do
		case $name in
		*_build_info | erad_size_bytes | erad_block_size_bytes | erad_suspended | erad_eras_begun_total | \
			erad_over_marked_blocks_total | erad_snapshot_era | erad_floor_era | \
			erad_gaps_total | erad_last_gap_timestamp_seconds) continue ;;
		esac
		grep -q "\b$name\(_bucket\)\?\b" "$T/texts" || fail "the dashboard does not show $name"
	done
}
