# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What users other than root can see of volumes.

# Prefixes that run a command as nobody without the group erad, as nobody with the group, and as
# daemon with the group.
nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs)
member=(setpriv --reuid=nobody --regid=nogroup --groups=erad --no-new-privs)
other_member=(setpriv --reuid=daemon --regid=nogroup --groups=erad --no-new-privs)

# refuses TEXT COMMAND…: checks that the command fails, and prints TEXT to standard error.
refuses()
{
	local text=$1 out

	shift
	out=$("$@" 2>&1 > /dev/null) && fail "the command succeeded, expected a failure: $*"
	[[ $out == *"$text"* ]] || fail "got '$out' from $*, expected '$text'"
}

# with_group: makes the group erad, and restarts erad, so that erad accepts requests of the group's
# members.
with_group()
{
	# A previous case may have created a group erad.
	if [[ -e /run/erad/status.sock ]] && grep -q ^erad: /etc/group; then
		return
	fi
	stop_erad
	grep -q ^erad: /etc/group || echo erad:x:7777: >> /etc/group
	start_erad
}

# changes: prints, from status, how many bytes changed in this era and in the previous era.
changes()
{
	eractl status --json data | field changed_bytes changed_before_bytes
}

test_group_may_look()
{
	DESCRIPTION="members of the group erad may request the status of volumes and nothing else; a member cannot block root or another member"
	local guests

	with_group
	eractl create data "$(new_disk 64M)"
	same "$(stat -c '%a %U %G' /run/erad/{erad,status}.sock)" "600 root root
660 root erad"
	same "$("${member[@]}" eractl status --json data | field era)" 1
	"${member[@]}" eractl list > /dev/null
	refuses "only root may ask erad for checkpoint" "${member[@]}" eractl checkpoint data
	refuses "only root may ask erad for close" "${member[@]}" eractl close data
	refuses "only root and the group erad" "${nobody[@]}" eractl status data
	refuses "got data twice" "${member[@]}" eractl status data data

	# shellcheck disable=SC2016 # it is perl
	"${member[@]}" perl -MIO::Socket::UNIX -e '
		my @s = map { IO::Socket::UNIX->new(Peer => "/run/erad/status.sock") // die "$!\n" } 1 .. 40;
		$| = 1;
		print "there\n";
		sleep 60' > "$T/guests" &
	guests=$!
	wait_until "40 connections" grep there "$T/guests"
	refuses "already carrying out 4 requests of this user" timeout 5 "${member[@]}" eractl status data
	same "$(timeout 5 "${other_member[@]}" eractl status --json data | field era)" 1
	same "$(eractl checkpoint data)" 2
	kill $guests
	wait_until "there is room again" "${member[@]}" eractl status data
}

test_group_made_later()
{
	DESCRIPTION="if the group erad is made after erad has started, its members may send requests without a restart"
	cp /etc/group "$T/group"
	stop_erad
	sed -i /^erad:/d /etc/group
	start_erad
	[[ ! -e /run/erad/status.sock ]] || fail "there is a socket for a group that does not exist"
	echo erad:x:7777: >> /etc/group
	eractl create data "$(new_disk 64M)" > /dev/null
	wait_until "a member may look" "${member[@]}" eractl status data
	same "$(stat -c '%a %U %G' /run/erad/status.sock)" "660 root erad"
	refuses "only root and the group erad" "${nobody[@]}" eractl status data
	stop_erad
	[[ ! -e /run/erad/status.sock ]] || fail "the socket is left"
	start_erad
}

# processor_ticks PID: prints the processor time that the process has used, in hundredths of a
# second.
processor_ticks()
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# refused: succeeds if erad refuses a caller.
refused()
{
	[[ $(timeout 30 eractl list 2>&1) == *"erad has too many files open"* ]]
}

test_no_files_left()
{
	DESCRIPTION="if erad can open no more files, it refuses a caller without busy waiting, and serves callers again later"
	local erad limit callers began

	erad=$(erad_pid)
	limit=$(($(cd "/proc/$erad/fd" && printf '%s\n' * | sort -n | tail -n 1) + 1))
	prlimit --pid "$erad" --nofile="$limit:"
	# The callers use up all file descriptors that erad may open. Each caller connects and sends
	# nothing, so erad keeps one descriptor for it. A caller may be refused only because erad
	# has another file open for a moment. So a refused caller connects again after 0.5 seconds,
	# when that file may be closed.
	# shellcheck disable=SC2016 # it is perl
	perl -MIO::Socket::UNIX -e '
		for (;;) {
			for (1 .. $ARGV[0]) {
				next if $s[$_] && !defined recv($s[$_], $answer, 1, MSG_DONTWAIT);
				$s[$_] = IO::Socket::UNIX->new(Peer => "/run/erad/erad.sock");
			}
			select undef, undef, undef, 0.5;
		}' "$limit" &
	callers=$!
	wait_until "erad refuses a caller" refused
	began=$(processor_ticks "$erad")
	nap 2
	((($(processor_ticks "$erad") - began) < 100)) || fail "erad spins"
	wait_until "erad still refuses callers" refused
	prlimit --pid "$erad" --nofile=1024:
	wait_until "erad serves callers again" timeout 30 eractl list
	kill "$callers"
}

test_changed_bytes()
{
	DESCRIPTION="status has the bytes changed in this era and in the previous one, even if erad was killed in between"
	eractl create data "$(new_disk 64M)" --block-size 4K
	same "$(changes)" "0 null"
	write_at data 0 8192
	write_at data 0 4096
	write_at data 1048576 512
	same "$(changes)" "12288 null"
	same "$(changed data 1)" "0 8192
1048576 4096"
	eractl checkpoint data
	same "$(changes)" "0 12288"
	write_at data 4096 8192
	kill_erad
	start_erad
	same "$(changes)" "8192 null"
	eractl checkpoint data
	same "$(changes)" "0 8192"
}

# asks_guest JSON: sends the request as a member of the group erad, and prints the answer.
asks_guest()
{
	# shellcheck disable=SC2016 # it is perl
	"${member[@]}" perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => "/run/erad/status.sock") or die "$!\n";
		print $s "$ARGV[0]\n";
		print scalar <$s>' "$1"
}

test_group_sees_map_and_writers()
{
	DESCRIPTION="the group erad may request the map, which erad reads at most once a minute, and the writers of one volume; the page shows both"
	local exporter

	with_group
	eractl create data "$(new_disk 64M)" --block-size 4K
	write_at data 1048576 1048576
	asks_guest '{"op": "map", "volume": "data"}' > "$T/map"
	# 16384 blocks are in 1536 cells of 10 or 11 blocks.  Blocks 256 to 511 are in cells 24 to
	# 47.
	same "$(perl -MJSON::PP -ne '
		my $r = decode_json($_)->{result};
		$r->{cells} =~ /^(-*)(0+)(-*)$/ or die "got $r->{cells}\n";
		print join " ", length $1, length $2, length $3, $r->{columns}, $r->{ages}[0]{bytes}' "$T/map")" "24 24 1488 64 1048576"
	write_at data 33554432 4096
	same "$(asks_guest '{"op": "map", "volume": "data"}')" "$(cat "$T/map")"
	asks_guest '{"op": "map", "volume": "none"}' | grep -q '"error"' || fail "a map of no volume"
	asks_guest '{"op": "writers"}' | grep -q '"EPERM"' || fail "a member of the group erad may request the writers of all volumes"
	asks_guest '{"op": "writers", "volumes": ["data"]}' | grep -q '"writers": *\[' || fail "a member of the group erad may not request writers"
	"${member[@]}" erad-exporter --listen 127.0.0.1:9814 &
	exporter=$!
	wait_until "the exporter serves" curl -s -o "$T/page" http://127.0.0.1:9814/
	grep -q 'class="a0" x="240"' "$T/page" || fail "the page has no map: $(cat "$T/page")"
	grep -q 'class="state good">active<' "$T/page" || fail "the page has no state: $(cat "$T/page")"
	kill "$exporter"
	eractl close data
	asks_guest '{"op": "map", "volume": "data"}' | grep -q '"error"' || fail "a map of a closed volume"
}

# times: prints the time at which the era of the volume "data" began, the time of its newest
# checkpoint, and its option "noauto".
times()
{
	eractl status --json data | field era_time checkpoint_time noauto
}

test_era_times()
{
	DESCRIPTION="status has the times at which the current era and the last checkpoint began, even after erad was killed and the volume was closed"
	local before era checkpoint noauto was

	before=$(date +%s)
	eractl create data "$(new_disk 64M)"
	read -r era checkpoint noauto <<< "$(times)"
	((era >= before && era <= $(date +%s))) || fail "era 1 began at $era, expected $before or later"
	same "$checkpoint $noauto" "null 0"
	nap 1
	eractl checkpoint data
	was=$(times)
	read -r era checkpoint noauto <<< "$was"
	((era > before)) || fail "era 2 began at $era, expected a time after $before"
	same "$checkpoint" "$era"
	kill_erad
	start_erad
	same "$(times)" "$was"
	nap 1
	eractl close data
	same "$(times)" "null null 0"
	sed -i 's/^data.*/&\tnoauto/' /etc/eratab
	eractl open data
	read -r era checkpoint noauto <<< "$(times)"
	((era > checkpoint)) || fail "the era of the open began at $era, expected a time after $checkpoint"
	same "$checkpoint $noauto" "$(cut -d " " -f 2 <<< "$was") 1"
	eractl status data | grep -q "^ *last checkpoint  *20[0-9-]* [0-9:]*$" || fail "status does not show the last checkpoint"
}

# asked QUERY: sends the query to Prometheus, and prints a line "NAME VALUE" for each value of the
# answer.
asked()
{
	perl -MHTTP::Tiny -MJSON::PP -e '
		my $http = HTTP::Tiny->new(timeout => 20);
		my $r = $http->get("http://127.0.0.1:9090/api/v1/query?" . $http->www_form_urlencode({ query => $ARGV[0] }));
		my $values = decode_json($r->{content})->{data}{result};
		print join " ", $_->{metric}{__name__} // "-", $_->{value}[1] . "\n" for @$values' "$1"
}

# asked_is QUERY LINE: returns whether Prometheus answers with this line.
asked_is()
{
	[[ $(asked "$1") == "$2" ]]
}

# all_are LINES: returns whether Prometheus has these values.
all_are()
{
	[[ $(asked '{__name__=~"erad_(up|era|previous_era_changed_bytes|released_writes_total|hold_duration_seconds_count)"}' | sort) == "$1" ]]
}

case_timeout["test_prometheus"]=240
# One kernel is enough: Prometheus takes long to start, and its answers do not depend on the kernel.
case_kernel["test_prometheus"]=6.12
test_prometheus()
{
	DESCRIPTION="a real Prometheus scrapes erad-exporter, which runs as nobody, gets the values of erad, and notices that erad hangs"
	local began exporter released

	with_group
	eractl create data "$(new_disk 64M)" --block-size 4K
	"${member[@]}" erad-exporter &
	exporter=$!
	cat > "$T/prometheus.yml" <<- END
		rule_files: [$PWD/daemon/exporter/erad-alerts.yml]
		scrape_configs:
		  - job_name: erad
		    scrape_interval: 4s
		    scrape_timeout: 4s
		    static_configs: [{targets: ['127.0.0.1:9813']}]
	END
	began=$(now_ms)
	prometheus --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/tsdb" --web.listen-address=127.0.0.1:9090 \
		--log.level=warn > "$T/prometheus.log" 2>&1 &
	write_at data 0 65536
	eractl checkpoint data
	write_at data 1048576 12288
	wait_until "Prometheus has asked" asked_is erad_era_changed_bytes "erad_era_changed_bytes 12288"
	echo "# Prometheus has its values after $((($(now_ms) - began) / 1000)) s"
	released=$(eractl status --json data | field released)
	# If a scrape takes longer than its limit, Prometheus has no current values until the next
	# scrape. So wait until it has all values.
	wait_until "Prometheus has all values" all_are "erad_era 2
erad_hold_duration_seconds_count $released
erad_previous_era_changed_bytes 65536
erad_released_writes_total $released
erad_up 1"
	kill -STOP "$(erad_pid)"
	wait_until "Prometheus sees that erad hangs" asked_is erad_up "erad_up 0"
	# A scrape may take longer than its limit when erad begins to hang, so wait for the next
	# one.
	wait_until "Prometheus gets an answer while erad hangs" asked_is up "up 1"
	kill -CONT "$(erad_pid)"
	kill $exporter
	wait $exporter || fail "erad-exporter ended with $?"
}
