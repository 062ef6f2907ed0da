# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Which commands and cgroups have made first writes: BPF counts their blocks, and eractl top and
# eractl explain show the counts.

cgroups=/sys/fs/cgroup
writers_map=/sys/fs/bpf/erad/data/writers

# make_cgroups NAME…: makes cgroups with these names.
make_cgroups()
{
	# Enable the memory controller: without it, a page in writeback belongs to no known cgroup.
	echo +memory > $cgroups/cgroup.subtree_control
	for name; do
		mkdir -p "$cgroups/$name"
	done
}

# as CGROUP COMMAND…: runs the command in the cgroup.
as()
{
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo $$ > "$1/cgroup.procs" && exec "${@:2}"' bash "$cgroups/$1" "${@:2}"
}

# named NAME…: makes copies of dd with these names, which are the names of the commands that write.
named()
{
	for name; do
		cp /bin/dd "$T/$name"
	done
}

# writes CGROUP NAME FIRST NUMBER: writes NUMBER blocks of 64 KiB from block FIRST on, each block
# with one write.
writes()
{
	as "$1" "$T/$2" if=/dev/zero of=/dev/mapper/data bs=64K seek="$3" count="$4" oflag=direct status=none
}

# ranks: prints "blocks command cgroup" for each writer in the JSON of top or explain, sorted.
ranks()
{
	# Do not use perl's parser of JSON, because loading the parser takes half a second.
	perl -0777 -ne '
		/"writers":\s*\[(.*?)\]/s or die "no writers\n";
		for my $object ($1 =~ /\{(.*?)\}/gs) {
			my %w;
			$w{$1} = $2 // $3 // $4 while $object =~ /"(\w+)":\s*(?:"([^"]*)"|(\d+)|(true)|false|null)/g;
			$w{bytes} % $w{blocks} == 0 or die "bytes are no multiple of blocks\n";
			print join(" ", $w{blocks}, $w{others} ? "others" : $w{command} // "unknown",
				$w{cgroup_removed} ? "removed" : $w{cgroup} // "unknown"), "\n";
		}' | sort || echo "the answer of top is not understood"
}

# blocks_since ERA: prints three numbers of blocks: the blocks that were changed since the era, the
# blocks whose writer explain knows, and the blocks whose writer explain does not know.
blocks_since()
{
	eractl explain data --since "$1" --json | field .changed_blocks .accounted_blocks .unaccounted_blocks
}

test_writers_counted()
{
	DESCRIPTION="first writes are counted once, for their command and cgroup and in their era, even if erad is killed or the writes are held"
	local writer

	make_cgroups a a/deep
	named alpha beta
	eractl create data "$(new_disk 64M)"
	writes a alpha 0 5
	writes a beta 10 3
	writes a/deep alpha 20 2
	# The first command writes block 4, which is recorded already, and block 5. All blocks of
	# the second command are recorded already.
	writes a beta 4 2
	writes a/deep beta 0 5
	same "$(eractl top --json | ranks)" "2 alpha /a/deep
4 beta /a
5 alpha /a"
	same "$(eractl top data | sed 1d | tr -s ' ' | sed 's/ $//')" "data 1 5 320 KiB - alpha /a
data 1 4 256 KiB - beta /a
data 1 2 128 KiB - alpha /a/deep"

	eractl checkpoint data > /dev/null
	same "$(eractl top --json data | ranks)" ""
	# The first command records block 3. Then the second command writes blocks 0 to 7, so only
	# seven of them are first writes.
	writes a beta 3 1
	as a "$T/alpha" if=/dev/zero of=/dev/mapper/data bs=256K count=2 oflag=direct status=none
	same "$(eractl explain data --since 2 --json | ranks)" "1 beta /a
7 alpha /a"
	same "$(blocks_since 2)" "8 8 0"
	same "$(eractl explain data --json --since 1 | ranks)" "12 alpha /a
2 alpha /a/deep
5 beta /a"
	# In era 1, 11 blocks were written, and in era 2, blocks 0 to 7. Blocks 6 and 7 were not
	# written in era 1, so 13 blocks have changed in 19 first writes.
	same "$(blocks_since 1)" "13 19 0"
	eractl explain data > "$T/table"
	same "$(grep -c . "$T/table")" 5
	grep -qE '^ +12 768 KiB +63 % alpha +/a$' "$T/table" || fail "$(cat "$T/table")"
	grep -q '^13 blocks, 832 KiB changed in eras 1 to 2; first writes of 19 blocks, 1.2 MiB are accounted for$' "$T/table" ||
		fail "$(cat "$T/table")"

	# The write waits while no erad runs.  The next erad still knows its writer.
	kill_erad
	writes a/deep beta 100 1 &
	writer=$!
	wait_until "it is held" held_now_are 1
	start_erad
	wait $writer
	same "$(eractl explain data --since 2 --json | ranks)" "1 beta /a
1 beta /a/deep
7 alpha /a"
	same "$(blocks_since 2)" "9 9 0"
	same "$(stat -c '%a %U' $writers_map)" "440 root"
	bpftool map dump pinned $writers_map > "$T/dump"
	grep -q '"comm": "alpha"' "$T/dump" || fail "no alpha: $(< "$T/dump")"

	# The writers of another volume are counted separately. A removed cgroup has no name any
	# more.
	eractl create other "$(new_disk 64M)"
	write_at other 0 4096
	same "$(eractl top --json other | ranks)" "1 dd /"
	rmdir $cgroups/a/deep
	same "$(eractl explain data --since 2 --json | ranks)" "1 beta /a
1 beta removed
7 alpha /a"
	eractl explain data > "$T/table"
	grep -qE ' beta +removed$' "$T/table" || fail "$(< "$T/table")"
	eractl close data
	eractl explain data 2> "$T/error" && fail "explain of a closed volume succeeded"
	same "$(< "$T/error")" "eractl: volume data: writers are not counted: it is closed"
	rmdir $cgroups/a
}

test_writers_in_writeback()
{
	DESCRIPTION="writeback from ext4 counts for the cgroup that dirtied the pages; the cgroup of writes of ext4's journal is unknown"

	make_cgroups dirty
	named alpha
	eractl create data "$(new_disk 128M)" --block-size 4K
	mkfs.ext4 -q -b 4096 -E lazy_itable_init=0 /dev/mapper/data
	mkdir "$T/mnt"
	mount /dev/mapper/data "$T/mnt"
	eractl checkpoint data > /dev/null
	as dirty "$T/alpha" if=/dev/zero of="$T/mnt/file" bs=64K count=128 status=none
	sync -f "$T/mnt"
	eractl explain data --since 2 --json | ranks > "$T/ranks"
	grep -qx '2048 kworker /dirty' "$T/ranks" || fail "8 MiB of /dirty are not there: $(cat "$T/ranks")"
	grep -q '^[0-9]* jbd2/dm-.* unknown$' "$T/ranks" || fail "the journal is not there: $(cat "$T/ranks")"
	grep -q 'alpha' "$T/ranks" && fail "the command alpha counts, although a kworker submits the writes: $(cat "$T/ranks")"
	[[ $(blocks_since 2) == *" 0" ]] || fail "got $(blocks_since 2), expected all to be accounted for"
	umount "$T/mnt"
	wait_until "the cgroup is not in use" rmdir $cgroups/dirty
}

# fake ERA FROM TO: prints lines for bpftool's batch mode.  They add writers with the numbers FROM
# to TO to the map, with one block each.
fake()
{
	perl -e '
		my ($map, $era, $from, $to) = @ARGV;
		for ($from .. $to) {
			my $key = join " ", map { sprintf "%02x", $_ } unpack("C*", pack("Q<L<L<a16", $_, $era, 0, "fake"));
			print "map update pinned $map key hex $key value hex 01 00 00 00 00 00 00 00\n";
		}' "$writers_map" "$@"
}

# writers_by_era: prints "entries era" for each era in the map.
writers_by_era()
{
	bpftool map dump pinned $writers_map | grep '"era":' | sort -n -k 2 | uniq -c | tr -d ',:"' | awk '{ print $1, $3 }'
}

case_share["test_writers_bounded"]=oldest
test_writers_bounded()
{
	DESCRIPTION="writers for which the map has no room are counted together, and a new era drops the oldest eras, each of them completely"

	named alpha beta
	eractl create data "$(new_disk 64M)"
	# One entry stands for all writers of the era for which the map has no room.
	fake 1 1000001 1002046 > "$T/batch"
	bpftool batch file "$T/batch" > /dev/null
	writes . alpha 0 1
	writes . beta 1 2
	writes . alpha 10 1
	same "$(eractl top --json data | ranks | grep -v fake)" "2 alpha /
2 others unknown"
	eractl top data > "$T/table"
	grep -qE ' \(others\) +-$' "$T/table" || fail "$(grep -v fake "$T/table")"
	same "$(writers_by_era)" "2048 1"

	eractl checkpoint data > /dev/null
	same "$(writers_by_era)" "1 2"
	{
		fake 2 1 600
		fake 3 1 600
		fake 4 1 400
	} > "$T/batch"
	bpftool batch file "$T/batch" > /dev/null
	eractl checkpoint data > /dev/null
	same "$(writers_by_era)" "601 3
400 4"
	eractl explain data --since 1 > "$T/table"
	same "$(tail -n 1 "$T/table")" "writers are known from era 3 on"
}

# recorded_programs: prints how many programs `recorded` are loaded.
recorded_programs()
{
	bpftool prog | grep -c ' name on_recorded ' || :
}

case_share["test_writers_off"]=oldest
test_writers_off()
{
	DESCRIPTION="with --no-writers, or without bpffs, no writers are counted, eractl says why, and everything else works"

	eractl create data "$(new_disk 64M)"
	write_at data 0 4096
	same "$(recorded_programs)" 1
	stop_erad
	erad_options=(--no-standby --no-writers)
	start_erad
	write_at data 65536 4096
	same "$(recorded_programs)" 0
	[[ ! -e $writers_map ]] || fail "$writers_map is still there"
	eractl explain data 2> "$T/error" && fail "explain succeeded"
	same "$(< "$T/error")" "eractl: volume data: writers are not counted: erad was started with --no-writers"
	same "$(eractl top)" "volume data: writers are not counted: erad was started with --no-writers"
	same "$(changed data 1)" "0 131072"

	stop_erad
	umount /sys/fs/bpf
	erad_options=(--no-standby)
	start_erad
	eractl top data 2> "$T/error" && fail "top succeeded"
	same "$(< "$T/error")" "eractl: volume data: writers are not counted: no bpffs is mounted on /sys/fs/bpf"
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
	eractl checkpoint data > /dev/null
	write_at data 0 4096
	same "$(eractl top --json data | ranks)" "1 dd /"
	# Two blocks were written in era 1, and their writers are not known any more. One of the two
	# blocks was written again in a later era.
	same "$(blocks_since 1)" "2 1 1"
}
