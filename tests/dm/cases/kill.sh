# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# erad is killed at each point of its protocol, while a load, checkpoints and other requests go on.

# Requests a checkpoint again and again. Writes a line "c REQUESTED ANSWERED ERA" to $T/log for each
# checkpoint that was acknowledged. A checkpoint without an answer may have begun its era, too.
checkpoints()
{
	local began era

	while :; do
		began=$EPOCHREALTIME
		era=$(eractl checkpoint data 2> /dev/null) && echo "c ${began/./} ${EPOCHREALTIME/./} $era" >> "$T/log"
		nap 0.8
	done
}

# Takes and drops a snapshot again and again. Notes in $T/lost if a snapshot that was acknowledged
# is missing before its drop is requested.
snapshots()
{
	local began era status

	while :; do
		began=$EPOCHREALTIME
		era=$(eractl snapshot take data 2> /dev/null) || era=
		[[ ! $era ]] || echo "c ${began/./} ${EPOCHREALTIME/./} $era" >> "$T/log"
		nap 0.5
		if [[ $era ]] && status=$(eractl status --json data 2> /dev/null) &&
			[[ $status == *'"state":"active"'* && $status == *'"snapshot_era":null'* ]]; then
			echo "taken with era $era" >> "$T/lost"
		fi
		eractl snapshot drop data 2> /dev/null || :
	done
}

# create_other: creates a volume of 16 MiB that the load does not use.  Only its first block is
# written.
create_other()
{
	eractl create other "$other" --overwrite-metadata > /dev/null
	write_at other 8192 4096
	size=16
	gained=
}

# killed_in_create POINT: kills erad during a create.  The remaining files and lines must not
# prevent another create of the volume.
killed_in_create()
{
	eractl close other
	eractl forget other > /dev/null
	arm "$1"
	eractl create other "$other" --overwrite-metadata > /dev/null 2>&1 || :
	wait_killed
	wait_back
	eractl close other > /dev/null 2>&1 || :
	eractl forget other > /dev/null 2>&1 || :
	create_other
	same "$(changed other 1)" "0 65536"
}

killed_in_close()
{
	arm "$1"
	eractl close other > /dev/null 2>&1 || :
	wait_killed
	wait_back
	eractl check /var/lib/erad/other.erad > /dev/null
	eractl open other > /dev/null
	same "$(changed other 1)" "0 65536$gained"
}

# killed_in_resize POINT: kills erad during a resize from 16 MiB to 8 MiB or back, and then repeats
# the resize.  Eras of blocks beyond 8 MiB are forgotten; these blocks count as written when they
# come back.
killed_in_resize()
{
	((size == 8)) || write_at other $(((16 << 20) - 4096)) 4096
	if [[ $1 == RESIZE_MARKED && $size == 16 ]]; then
		eractl resize other --size 8M > /dev/null
		size=8
	fi
	((size = 24 - size))
	gained=
	((size == 8)) || gained=$'\n'"8388608 8388608"
	arm "$1"
	eractl resize other --size ${size}M > /dev/null 2>&1 || :
	wait_killed
	wait_back
	eractl resize other --size ${size}M > /dev/null
	same "$(blockdev --getsize64 /dev/mapper/other)" $((size << 20))
	same "$(changed other 1)" "0 65536$gained"
}

# check_eras: checks the era of each block. Call it while the load is stopped. Two conditions hold
# for the era of a block. First, the era is not older than the newest era that was acknowledged
# before the last write of the block began. Second, the era is older than any era that was requested
# after all writes of the block had completed. A block without a write has no era. $T/bounds
# contains the bounds for the writes before the last check.
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
		# To find the lower bounds, the writes are sorted by their beginning, because a
		# write that begins later has a newer lower bound.  To find the upper bounds, the
		# writes are sorted by their end, because a write that ends later has a newer upper
		# bound.
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
		die "$bad are wrong\n" if $bad;' "$T" "$era" || fail "the reported blocks are not the written blocks"
	rm -f "$T"/diff.*
	FIRST_ERA=$era
}

case_timeout["test_killed_at_every_point"]=$((200 + ${KILLS:-44} * 5))
case_share["test_killed_at_every_point"]=newest
test_killed_at_every_point()
{
	DESCRIPTION="after ${KILLS:-44} kills at every point of the protocol under load, no write has failed, no block is lost, and the eras are exact"
	local kills=${KILLS:-44} round=50 passages origin meta other size gained point part writer checkers i began before array
	local order=() counts=()
	declare -A part_of

	RANDOM=${SEED:-1}
	grep -q ERAD_FAILPOINT "$(command -v erad)" && fail "failpoints are in the erad that is installed"
	for part in mark era snap start create close resize; do
		for point in $(points $part); do
			part_of[$point]=$part
		done
	done
	# Check that this case uses every failpoint, except those of the parts that are listed here.
	# Other cases use those.
	((${#part_of[@]} + $(for part in attach degrade detach frozen home image image_drop image_kept images images_found standby together; do points $part; done | wc -l) == $(grep -c '^	X(' daemon/common/failpoint.h))) ||
		fail "failpoint.h is not understood"
	((kills >= ${#part_of[@]})) || fail "$kills kills are too few for ${#part_of[@]} points"
	export FIRST_ERA=1 BLOCKS=16384
	origin=$(new_disk $((BLOCKS * 4))K)
	# The disk is slow, so that writes are in flight whenever erad is killed, and so that erad
	# gets enough processor time.
	slow_disk slow "$origin" 40
	# The metadata has the smallest possible size: 2 superblocks, the degrade record, the
	# history, a journal of 24 pages, the array and its copy.  So the journal is folded
	# again and again.
	array=$(((BLOCKS + 991) / 992))
	meta=$(new_disk $(((19 + 24 + 2 * array) * 4))K)
	other=$(new_disk 16M)
	create_other
	eractl create data /dev/mapper/slow --metadata "$meta" --block-size 4K
	eractl close data
	eractl dump "$meta" | sed 's/journal_pages="[0-9]*"/journal_pages="24"/; s/array_chunk="0"/array_chunk="'"$array"'"/' > "$T/xml"
	eractl restore "$meta" --overwrite-metadata --input "$T/xml"
	eractl open data
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	mapfile -t order < <(printf '%s\n' "${!part_of[@]}" | sort | shuf --random-source=<(yes "${SEED:-1}"))

	writer=
	began=$(now_ms)
	for ((i = 0; i < kills; i++)); do
		before=$(now_ms)
		if [[ ! $writer ]]; then
			wait_back
			: > "$T/log"
			load -t 4 -s 100000 -r $((i + 1)) -b 4096 -d -w "$T/log" /dev/mapper/data > /dev/null 2> "$T/load" &
			writer=$!
			checkpoints &
			checkers=$!
			snapshots &
			checkers+=" $!"
		fi
		point=${order[i]-${order[RANDOM % ${#order[@]}]}}
		case ${part_of[$point]} in
		mark)
			passages=3
			[[ $point != COMMIT_* ]] || passages=20
			arm "$point" $((1 + RANDOM % passages))
			wait_killed
			;;
		era | snap)
			arm "$point"
			wait_killed
			;;
		start)
			# Wait until erad has started before the kill. If erad were still starting,
			# the kill and the failpoint could end the same erad, and the next erad
			# would then stop at this failpoint.
			wait_back
			arm "$point"
			kill -KILL "$(erad_pid)" 2> /dev/null || :
			wait_killed
			;;
		*)
			wait_back
			"killed_in_${part_of[$point]}" "$point"
			;;
		esac
		echo "$point $(($(now_ms) - before))" >> "${ERAD_OUT:-/tmp}/kills"
		is_running "$writer" || fail "the load ended: $(cat "$T/load")"
		if (((i + 1) % round == 0 || i + 1 == kills)); then
			wait_back
			kill "$writer"
			wait "$writer" || fail "the load saw an error: $(cat "$T/load")"
			writer=
			# shellcheck disable=SC2086 # two
			kill $checkers
			# shellcheck disable=SC2086
			wait $checkers || :
			[[ ! -e $T/lost ]] || fail "a snapshot was lost: $(cat "$T/lost")"
			check_eras
		fi
	done
	eractl close data
	eractl check "$meta"
	eractl close other
	eractl check /var/lib/erad/other.erad
	same "$(grep -c '^failpoint ' "$T/erad.log")" "$kills"
	for point in $(printf '%s\n' "${!part_of[@]}" | sort); do
		i=$(grep -cx "failpoint $point" "$T/erad.log") || fail "no kill at $point"
		counts+=("$point" "$i")
	done
	printf '# %s %s, %s %s, %s %s, %s %s, %s %s, %s %s\n' "${counts[@]}"
	echo "# $kills kills, $((($(now_ms) - began) / kills)) ms each; the longest $(sort -rnk 2 "${ERAD_OUT:-/tmp}/kills" | head -n 1) ms"
}

test_killed_after_degrade()
{
	DESCRIPTION="if erad is killed at each step after a degrade, no block whose write has passed is lost, and writes are recorded again"
	local origin meta era point nr=0

	origin=$(new_disk 64M)
	meta=$(new_disk 4M)
	eractl create data "$origin" --metadata "$meta" > /dev/null
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	for point in $(points degrade) ATTACH_OWNED ATTACH_READY COMMIT_WRITTEN SUPER_WRITTEN SUPER_FLUSHED; do
		wait_back
		wait_until "active" eractl_state_is data active
		era=$(eractl checkpoint data)
		write_at data $((++nr << 20)) 4096
		arm "$point"
		eractl abort data --degrade > /dev/null
		write_at data $((33 << 20)) 4096
		wait_killed
		write_at data $((34 << 20)) 4096
		wait_back
		wait_until "active after a kill at $point" eractl_state_is data active
		same "$(changed data "$era")" "0 $((64 << 20))"
		era=$(eractl checkpoint data)
		write_at data $((nr << 20)) 4096
		same "$(changed data "$era")" "$((nr << 20)) 65536"
	done
	eractl close data > /dev/null
	eractl check "$meta"
}

case_share["test_killed_while_metadata_is_written_anew"]=oldest
test_killed_while_metadata_is_written_anew()
{
	DESCRIPTION="if erad is killed at any step while it writes deleted metadata anew, the next erad removes the unfinished file and no other file"
	local its=/var/lib/erad/data.erad point mine

	eractl create data "$(new_disk 64M)" > /dev/null
	mine=$its.erad-rewrite-mine00
	echo mine > "$mine"
	stop_erad
	: > "$T/armed"
	: > "$T/life"
	keep_erad &
	for point in $(points home); do
		wait_back
		wait_until "active" eractl_state_is data active
		eractl checkpoint data > /dev/null
		cp $its "$T/backup"
		rm $its
		arm "$point"
		timeout 20 eractl checkpoint data > /dev/null 2>&1 || :
		wait_killed
		if [[ $point == HOME_RENAMED ]]; then
			[[ -e $its ]] || fail "the new file is not at its path"
		else
			[[ ! -e $its && $(echo $its.erad-rewrite-*) == *" $its.erad-rewrite-"* ]] || fail "after a kill at $point: $(echo /var/lib/erad/*)"
			mv "$T/backup" $its
		fi
		wait_back
		wait_until "active after a kill at $point" eractl_state_is data active
		same "$(echo $its.erad-rewrite-*)" "$mine"
	done
	same "$(cat "$mine")" mine
	rm "$mine"
	eractl close data > /dev/null
	eractl check $its
}
