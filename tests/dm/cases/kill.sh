# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# erad dies at each point of its protocol, while a load, checkpoints and other requests go on.

# points PART: the names of that part's failpoints.
points()
{
	sed -n "s|^\tX(\([A-Z_]*\))\t*/\* $1 - .*|\1|p" daemon/common/failpoint.h
}

# Each line that is an acknowledged checkpoint is "c REQUESTED ANSWERED ERA"; one that was not answered may have happened.
checkpoints()
{
	local began era

	while :; do
		began=$EPOCHREALTIME
		era=$(eractl checkpoint data 2> /dev/null) && echo "c ${began/./} ${EPOCHREALTIME/./} $era" >> "$T/log"
		sleep 0.1
	done
}

# die_at NAME N: erad runs until it has killed itself there.
die_at()
{
	local status=0

	ERAD_FAILPOINT=$1:$2 timeout --foreground 40 build/failpoints/bin/erad < /dev/null >> "$T/erad.log" 2>&1 || status=$?
	((status == 137)) ||
		fail "erad ended with status $status, expected to be killed at passage $2 of $1: $(tail -n 5 "$T/erad.log")"
	echo "$1" >> "$T/killed"
}

# die_at_create NAME: while another volume is created; what is left of it must not be in the way of creating it again.
die_at_create()
{
	local client

	until eractl create other "$other" --force > "$T/create" 2>&1; do
		# Once it got that far, the request cannot be made again.
		grep -q 'already\|open volume' "$T/create" && break
		sleep 0.1
	done &
	client=$!
	die_at "$1" 1
	kill $client 2> /dev/null || :
	wait $client || :
	start_erad
	eractl close other > /dev/null 2>&1 || :
	eractl forget other > /dev/null 2>&1 || :
	eractl create other "$other" --force > /dev/null
	same "$(changed other 1)" ""
	write_at other 8192 4096
	same "$(changed other 1)" "0 65536"
	eractl close other
	eractl forget other > /dev/null
	stop_erad
}

die_at_close()
{
	local client

	start_erad
	eractl create other "$other" --force > /dev/null
	write_at other 8192 4096
	stop_erad
	until eractl close other > /dev/null 2>&1; do
		sleep 0.1
	done &
	client=$!
	die_at "$1" 1
	kill $client 2> /dev/null || :
	wait $client || :
	start_erad
	eractl open other > /dev/null
	same "$(changed other 1)" "0 65536"
	eractl close other
	eractl forget other > /dev/null
	stop_erad
}

# check_eras: with the load stopped. A block's era is at least the newest that was acknowledged before one of its writes
# began, and less than any that was requested after all of them had completed; a block without a write has none. The
# bounds of what was written before the last check are in $T/bounds.
check_eras()
{
	local began=$EPOCHREALTIME era since

	era=$(eractl checkpoint data)
	echo "c ${began/./} ${EPOCHREALTIME/./} $era" >> "$T/log"
	for since in 1 2 $((era / 4)) $((era / 2)) $((era * 3 / 4)) $((era - 3)) $((era - 2)) $((era - 1)) "$era"; do
		((since < 1)) || changed data "$since" > "$T/diff.$since"
	done
	perl -e '
		my ($dir, $era) = @ARGV;
		my (@lo, @hi, @writes, @acks);
		if (open(my $f, "<", "$dir/bounds")) {
			while (<$f>) { ($lo[$.], $hi[$.]) = split; }
			shift @lo; shift @hi;
		}
		open(my $log, "<", "$dir/log") or die "$dir/log: $!\n";
		while (<$log>) {
			my ($kind, @f) = split;
			push @{$kind eq "c" ? \@acks : \@writes}, \@f;
		}
		@acks = sort { $a->[2] <=> $b->[2] } @acks;
		# Both ends move on with the writes in order of that end.
		my ($i, $acked) = (0, $ENV{FIRST_ERA});
		for my $w (sort { $a->[0] <=> $b->[0] } @writes) {
			$acked = $acks[$i++][2] while $i < @acks && $acks[$i][1] < $w->[0];
			for my $b ($w->[2] / 4096 .. ($w->[2] + $w->[3] - 1) / 4096) {
				$lo[$b] = $acked if $acked > ($lo[$b] // 0);
			}
		}
		$i = 0;
		for my $w (sort { $a->[1] <=> $b->[1] } @writes) {
			$i++ while $acks[$i][0] <= $w->[1];
			for my $b ($w->[2] / 4096 .. ($w->[2] + $w->[3] - 1) / 4096) {
				my $before = $acks[$i][2] - 1;
				$hi[$b] = $before if $before > ($hi[$b] // 0);
			}
		}
		my ($known, $open, $bad) = (0, 0, 0);
		for my $file (glob("$dir/diff.*")) {
			my ($since) = $file =~ /(\d+)$/;
			my @got;
			open(my $f, "<", $file) or die "$file: $!\n";
			while (<$f>) {
				my ($offset, $length) = split;
				$got[$_] = 1 for $offset / 4096 .. ($offset + $length) / 4096 - 1;
			}
			for my $b (0 .. $ENV{BLOCKS} - 1) {
				my ($l, $h) = ($lo[$b] // 0, $hi[$b] // 0);
				if ($l < $since && $h >= $since) {
					$open++;
					next;
				}
				$known++;
				next if !$got[$b] == ($l < $since);
				print "block $b: written in era $l to $h, ", $got[$b] ? "reported" : "LOST", " since $since\n"
					if $bad++ < 10;
			}
		}
		open(my $out, ">", "$dir/bounds") or die "$dir/bounds: $!\n";
		print $out ($lo[$_] // 0), " ", ($hi[$_] // 0), "\n" for 0 .. $ENV{BLOCKS} - 1;
		close($out) or die "$dir/bounds: $!\n";
		print scalar(@writes), " writes, ", scalar(@acks), " checkpoints, era $era: ",
			"$known answers right or wrong, $open either way\n";
		die "$bad are wrong\n" if $bad;' "$T" "$era" || fail "reported is not what was written"
	rm -f "$T"/diff.*
	: > "$T/log"
	FIRST_ERA=$era
}

case_timeout["test_killed_at_every_point"]=$((300 + ${KILLS:-40} * 20))
test_killed_at_every_point()
{
	DESCRIPTION="${KILLS:-40} kills at every point of the protocol, under load: no I/O error, no lost block, exact eras"
	local kills=${KILLS:-40} round=25 passages origin meta other point part writer checker i
	local order=()
	declare -A part_of

	RANDOM=${SEED:-1}
	grep -q ERAD_FAILPOINT "$(command -v erad)" && fail "failpoints are in the erad that is installed"
	for part in mark era start create close; do
		for point in $(points $part); do
			part_of[$point]=$part
		done
	done
	((${#part_of[@]} == $(grep -c '^	X(' daemon/common/failpoint.h))) || fail "failpoint.h is not understood"
	export FIRST_ERA=1 BLOCKS=16384
	origin=$(new_disk $((BLOCKS * 4))K)
	slow_disk slow "$origin" 3
	# As small as can be: 2 superblocks, a ring of 24 pages and the array, so that it is folded all the time.
	meta=$(new_disk $(((2 + 24 + (BLOCKS + 991) / 992) * 4))K)
	other=$(new_disk 16M)
	eractl create data /dev/mapper/slow --metadata "$meta" --block-size 4K
	stop_erad
	mapfile -t order < <(printf '%s\n' "${!part_of[@]}" | sort | shuf --random-source=<(yes "${SEED:-1}"))
	: > "$T/log"
	checkpoints &
	checker=$!

	writer=
	for ((i = 0; i < kills; i++)); do
		if [[ ! $writer ]]; then
			load -t 4 -s 100000 -r $((i + 1)) -b 4096 -d -w "$T/log" /dev/mapper/data > /dev/null 2> "$T/load" &
			writer=$!
		fi
		point=${order[i]-}
		# Those that need a volume to be created take longer: once in a while is enough.
		while [[ ! $point ]]; do
			point=${order[RANDOM % ${#part_of[@]}]}
			[[ ${part_of[$point]} != c* ]] || ((RANDOM % 8 == 0)) || point=
		done
		case ${part_of[$point]} in
		mark)
			passages=3
			[[ $point != COMMIT_* ]] || passages=20
			die_at "$point" $((1 + RANDOM % passages))
			;;
		era | start) die_at "$point" 1 ;;
		create) die_at_create "$point" ;;
		close) die_at_close "$point" ;;
		esac
		kill -0 "$writer" || fail "the load ended: $(cat "$T/load")"
		if (((i + 1) % round == 0 || i + 1 == kills)); then
			start_erad
			kill "$writer"
			wait "$writer" || fail "the load saw an error: $(cat "$T/load")"
			writer=
			kill $checker
			wait $checker || :
			check_eras
			if ((i + 1 < kills)); then
				checkpoints &
				checker=$!
				stop_erad
			fi
		fi
	done
	eractl close data
	eractl check "$meta"
	same "$(wc -l < "$T/killed")" "$kills"
	same "$(grep -c '^failpoint ' "$T/erad.log")" "$kills"
	for point in "${!part_of[@]}"; do
		i=$(grep -cx "failpoint $point" "$T/erad.log") || fail "no kill at $point"
		echo "$point $i"
	done | sort
}
