# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The BPF mirror of the writeset, as other programs read it.

maps=/sys/fs/bpf/erad

# mirrored VOLUME BLOCK_SIZE: prints the blocks in the volume's mirror as "offset length" in bytes,
# using bpftool's dump.
mirrored()
{
	bpftool map dump pinned "$maps/$1/writeset" > "$T/dump" || : > "$T/dump"
	# Do not use perl's parser of JSON, because loading the parser takes half a second.
	perl -0777 -ne '
		BEGIN { $size = shift @ARGV }
		my ($first, $next, %words);
		$words{$1} = $2 while /"key":\s*(\d+),\s*"value":\s*\{\s*"blocks":\s*(\d+)\s*\}/g;
		my $nr = () = /"key":/g;
		$nr && $nr == keys %words or die "not a dump of a writeset\n";
		for my $key (sort { $a <=> $b } keys %words) {
			my $bits = sprintf("%064b", $words{$key});
			for my $i (0 .. 63) {
				next unless substr($bits, 63 - $i, 1);
				my $block = $key * 64 + $i;
				print $first * $size, " ", ($next - $first) * $size, "\n" if defined $next && $next != $block;
				$first = $block unless defined $next && $next == $block;
				$next = $block + 1;
			}
		}
		print $first * $size, " ", ($next - $first) * $size, "\n" if defined $next' "$2" "$T/dump" ||
		# Print a text, because callers compare the output, and do not check the status.
		echo "there is no mirror of $1"
}

# in_map VOLUME PIN FIELD: prints a field of the value in the map `info`, `stats` or `events`.
in_map()
{
	bpftool map dump pinned "$maps/$1/$2" | field ".0.value.$3"
}

mirror_is()
{
	[[ $(eractl status --json data | field mirror) == "$1" ]]
}

test_mirror_is_the_era()
{
	DESCRIPTION="the mirror, read with bpftool, has the blocks that diff lists for the current era, also in a new era and after a restart"
	local origin id

	origin=$(new_disk 64M)
	eractl create da.ta "$origin" --block-size 4K
	mkdir -p "$T/old"
	same "$(mirrored da:ta 4096)" ""
	load -t 2 -s 1 -r 1 -d -b 4096 /dev/mapper/da.ta > "$T/touched"
	same "$(mirrored da:ta 4096)" "$(cat "$T/touched")"
	same "$(in_map da:ta info era)" 1
	same "$(in_map da:ta info nr_blocks)" 16384
	same "$(in_map da:ta info flags)" 0
	same "$(in_map da:ta info state)" 3
	same "$(in_map da:ta stats marked)" "$(awk '{ n += $2 / 4096 } END { print n }' "$T/touched")"
	same "$(stat -c '%a %U' "$maps"/da:ta/{writeset,info,stats})" "440 root
440 root
440 root"
	id=$(in_map da:ta info writeset_id)
	bpftool map dump id "$id" | cmp - "$T/dump" || fail "info names another map than is pinned"

	# A program that has opened the map of an era still sees the same content after the era has
	# ended.
	bpftool map dump pinned $maps/da:ta/writeset > "$T/dump.1"
	bpftool map pin id "$id" /sys/fs/bpf/old
	same "$(eractl checkpoint da.ta)" 2
	same "$(mirrored da:ta 4096)" ""
	same "$(in_map da:ta info era)" 2
	bpftool map dump id "$id" > "$T/dump.old"
	rm /sys/fs/bpf/old
	cmp "$T/dump.1" "$T/dump.old" || fail "the writeset of era 1 has changed after its end"

	write_at da.ta 40960 8192
	write_at da.ta 33554432 1
	same "$(mirrored da:ta 4096)" "$(changed da.ta 2)"
	mkdir $maps/gone
	kill_erad
	same "$(mirrored da:ta 4096)" "40960 8192
33554432 4096"
	start_erad
	[[ ! -e $maps/gone ]] || fail "a file of a removed volume is still there"
	same "$(mirrored da:ta 4096)" "40960 8192
33554432 4096"
	write_at da.ta 65536 1
	same "$(mirrored da:ta 4096)" "$(changed da.ta 2)"
	dmsetup rename da.ta other
	same "$(eractl checkpoint da.ta)" 3
	write_at other 0 1
	same "$(mirrored da:ta 4096)" "0 4096"
	dmsetup rename other da.ta
	eractl close da.ta
	[[ ! -e $maps/da:ta ]] || fail "the mirror is still there after close"
}

test_mirror_of_a_large_device()
{
	DESCRIPTION="for a writeset above 64 MiB, a bit of the mirror stands for several blocks, and the map info says for how many, as a shift"
	local sectors=$((5 << 41 >> 9))	# 10 TiB are 2,684,354,560 blocks of 4 KiB

	dmsetup create large --table "0 $sectors zero"
	eractl create data /dev/mapper/large --block-size 4K
	same "$(in_map data info shift)" 3
	same "$(in_map data info flags)" 2
	write_at data $((1 << 40)) 4096
	write_at data $(((1 << 40) + 65536)) 32768
	write_at data $((sectors * 512 - 4096)) 4096
	same "$(in_map data stats marked)" 3
	bpftool map lookup pinned $maps/data/writeset key hex 00 00 08 00 | grep -q '"blocks": 5$' ||
		fail "$(bpftool map lookup pinned $maps/data/writeset key hex 00 00 08 00)"
}

case_share["test_mirror_missing"]=oldest
test_mirror_missing()
{
	DESCRIPTION="without bpffs the mirror is degraded, status says why, and everything else works; the mirror is complete again from the next era on"
	local origin

	origin=$(new_disk 64M)
	umount /sys/fs/bpf
	eractl create data "$origin"
	mirror_is degraded || fail "got mirror $(eractl status --json data | field mirror), expected degraded"
	same "$(eractl status --json data | field mirror_error)" "no bpffs is mounted on /sys/fs/bpf"
	same "$(eractl status --json data | field error)" null
	write_at data 0 4096
	same "$(eractl checkpoint data)" 2
	write_at data 65536 4096
	same "$(changed data 1)" "0 131072"
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
	same "$(eractl checkpoint data)" 3
	mirror_is complete || fail "got mirror $(eractl status --json data | field mirror), expected complete"
	write_at data 131072 4096
	same "$(mirrored data 65536)" "131072 65536"

	# Check that the next erad completes the mirror of an era that began without bpffs.
	umount /sys/fs/bpf
	same "$(eractl checkpoint data)" 4
	mirror_is degraded || fail "got mirror $(eractl status --json data | field mirror), expected degraded"
	write_at data 0 4096
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
	kill_erad
	start_erad
	mirror_is complete || fail "got mirror $(eractl status --json data | field mirror), expected complete"
	same "$(mirrored data 65536)" "0 65536"
	same "$(in_map data info flags)" 0
}

# The example needs the kernel's type information, to find the fields of a request.
kernel_btf=/sys/kernel/btf/vmlinux
case_needs["test_mirror_example"]=$kernel_btf
test_mirror_example()
{
	DESCRIPTION="the example for other BPF programs counts the writes that go past the volume, and no others"
	local origin watcher

	origin=$(new_disk 64M)
	eractl create data "$origin"
	write_at data 0 4096
	build/bpf/example data "$origin" > "$T/example" &
	watcher=$!
	wait_until "the example counts" grep -q 'counting in era 1' "$T/example"
	write_at data 65536 4096
	write_at data 0 4096
	eractl checkpoint data > /dev/null
	wait_until "it counts in era 2" grep -q 'counting in era 2' "$T/example"
	write_at data 131072 131072
	dd if=/dev/zero of="$origin" bs=4096 seek=1000 count=1 oflag=direct status=none
	kill $watcher
	wait $watcher || fail "the example failed: $(cat "$T/example")"
	same "$(tail -n 1 "$T/example")" "4 writes, 1 to blocks not in the writeset, 0 unknown"
}

case_timeout["test_mirror_contained"]=180
test_mirror_contained()
{
	DESCRIPTION="at ${INSTANTS:-300} instants under load, with checkpoints and kills, each block with a write on its way to the origin is in the mirror, and each block in the mirror is recorded durably"
	local origin meta sampler writer watcher="" kills=0

	origin=$(new_disk 64M)
	meta=$(new_disk 768K)
	eractl create data "$origin" --metadata "$meta" --block-size 4K
	load -t 1 -s 100000 -r 1 -d -b 4096 /dev/mapper/data > "$T/touched" &
	writer=$!
	# At each write request to the origin, the example checks that the blocks of the request are
	# in the mirror.
	if [[ -e $kernel_btf ]] || ((SLOWNESS == 1)); then
		build/bpf/example data "$origin" > "$T/example" &
		watcher=$!
	fi
	instants data "$meta" /run/vm/erad.pid "${INSTANTS:-300}" > "$T/instants" 2>&1 &
	sampler=$!
	while is_running $sampler; do
		nap 0.5
		eractl checkpoint data > /dev/null
		nap 0.5
		kill_erad
		((kills += 1))
		nap 0.1
		start_erad
	done
	wait $sampler || fail "$(cat "$T/instants")"
	# Start erad again for the next case, because this erad may have been stopped while it
	# loaded its BPF programs.
	kill_erad
	start_erad
	[[ ! $watcher ]] || { kill $watcher && wait $watcher; } || fail "the example failed: $(cat "$T/example")"
	kill $writer
	wait $writer || fail "the load had an I/O error"
	same "$(mirrored data 4096)" "$(changed data "$(in_map data info era)")"
	sed "s/^/# /" "$T/instants"
	((kills > 2)) || fail "erad was killed $kills times only"
	[[ $watcher ]] || return 0
	tail -n 1 "$T/example"
	(($(tail -n 1 "$T/example" | awk '{ print $1 }') > 100)) || fail "too few writes were counted: $(cat "$T/example")"
	grep -q ', 0 to blocks not in the writeset' "$T/example" || fail "$(tail -n 1 "$T/example")"
}

# event FIELD: prints a field of the member "events" in the status of the volume "data".
event()
{
	eractl status --json data | field "events.$1"
}

# event_is FIELD N: returns whether the field has the value N.
event_is()
{
	[[ $(event "$1") == "$2" ]]
}

is_active()
{
	[[ $(eractl status --json data | field state) == active ]]
}

test_events_counted()
{
	DESCRIPTION="each held, released and failed write, each commit and each era is counted once, also across a restart of erad; other writes are not counted"
	local origin i writer empty

	origin=$(new_disk 64M)
	eractl create data "$origin"
	same "$(event held) $(event rollovers)" "0 0"
	empty=$(eractl status --json data | field bitmap_bytes)
	for i in 0 2 4 6 8; do
		write_at data $((i * 65536)) 4096
	done
	# these blocks are recorded already
	for i in 0 2 4 6 8; do
		write_at data $((i * 65536 + 4096)) 4096
	done
	same "$(event held) $(event released) $(event failed)" "5 5 0"
	same "$(eractl status --json data | field passed)" 5
	# All of these blocks fit into one page of the writeset.
	same "$(eractl status --json data | field bitmap_bytes)" $((empty + 4096))
	same "$(event commits) $(event batch_writes)" "5 5"
	same "$(event hold) $(event batch)" "5 5"
	same "$(in_map data events released) $(in_map data events commits)" "5 5"
	(($(event hold_ns) > 5000)) || fail "writes were held for $(event hold_ns) ns in all"
	same "$(stat -c '%a %U' $maps/data/events)" "440 root"

	eractl checkpoint data > /dev/null
	write_at data 0 4096
	same "$(event rollovers) $(event held)" "1 6"
	same "$(eractl status --json data | field passed)" 5
	write_at data 4096 4096
	same "$(eractl status --json data | field passed)" 6
	kill_erad
	start_erad
	same "$(event rollovers) $(event held) $(event released)" "1 6 6"
	write_at data 65536 4096
	same "$(event held) $(event released) $(event hold)" "7 7 7"
	eractl status data > "$T/status"
	grep -qE '^ +writes, by how long they were held$' "$T/status" || fail "no histogram: $(cat "$T/status")"
	grep -qE '^ +< +2 +7  #{40}$' "$T/status" || fail "no bar of 7 commits: $(cat "$T/status")"

	# This write waits for an erad that is stopped, and fails in the end.
	kill -STOP "$(erad_pid)"
	dd if=/dev/zero of=/dev/mapper/data conv=nocreat bs=4096 count=1 seek=1000 oflag=direct status=none 2> /dev/null &
	writer=$!
	wait_until "it is held" held_now_are 1
	eractl abort data
	wait $writer && fail "the write that waited did not fail"
	kill -CONT "$(erad_pid)"
	wait_until "erad attaches again" is_active
	same "$(event held) $(event released) $(event failed)" "8 7 1"

	# Check that another volume counts its own events.
	eractl create other "$(new_disk 64M)"
	write_at other 0 4096
	same "$(event held) $(in_map other events released)" "8 1"
	eractl close data
	[[ ! -e $maps/data ]] || fail "$maps/data is still there after close"
	eractl open data
	same "$(event held)" 0
}

case_share["test_events_missing"]=oldest
test_events_missing()
{
	DESCRIPTION="without bpffs there are no events, and status says why; events are counted again from the next era on"
	local origin

	origin=$(new_disk 64M)
	umount /sys/fs/bpf
	eractl create data "$origin"
	same "$(eractl status --json data | field events)" null
	same "$(eractl status --json data | field events_error)" "no bpffs is mounted on /sys/fs/bpf"
	eractl status data | grep -q '^data: events are not counted: no bpffs' || fail "$(eractl status data)"
	write_at data 0 4096
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
	eractl checkpoint data > /dev/null
	write_at data 0 4096
	same "$(eractl status --json data | field events_error)" null
	event_is held 1 || fail "got $(event held) held writes, expected 1"
}
