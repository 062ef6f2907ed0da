# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests the benchmark for real devices.

case_kernel[test_bench_wall]=6.12
case_timeout[test_bench_wall]=600

test_bench_wall()
{
	DESCRIPTION="the benchmark for real devices runs fio on all three targets, and refuses a device that is in use or too small"
	local json=build/bench-wall.json origin metadata

	modprobe dm-era
	origin=$(new_disk 4G)
	metadata=$(new_disk 300M)

	tests/bench/wall "$origin" > "$T/out" 2>&1 && fail "the benchmark accepts one operand"
	grep -q "got '$origin', expected ORIGIN METADATA" "$T/out" || fail "$(< "$T/out")"
	tests/bench/wall /dev/null "$metadata" > "$T/out" 2>&1 && fail "the benchmark accepts /dev/null"
	grep -q "/dev/null: got no block device" "$T/out" || fail "$(< "$T/out")"
	tests/bench/wall "$metadata" "$origin" > "$T/out" 2>&1 && fail "the benchmark accepts an origin that is too small"
	grep -q "$metadata: got 300 MiB, expected at least 4096" "$T/out" || fail "$(< "$T/out")"
	mkfs.ext4 -q "$metadata"
	tests/bench/wall "$origin" "$metadata" > "$T/out" 2>&1 && fail "the benchmark accepts a device with a file system"
	grep -q "$metadata: got .*ext4.*expected no signature" "$T/out" || fail "$(< "$T/out")"
	[[ $(blkid -p -o value -s TYPE "$metadata") == ext4 ]] || fail "the file system is gone"
	wipefs -qa "$metadata"
	tests/bench/wall "$origin" "$origin" > "$T/out" 2>&1 && fail "the benchmark accepts the same device twice"
	dmsetup create user --table "0 1024 linear $metadata 0"
	tests/bench/wall "$origin" "$metadata" > "$T/out" 2>&1 && fail "the benchmark accepts a device that is in use"
	grep -q "the devices cannot be used" "$T/out" || fail "$(< "$T/out")"
	dmsetup remove user
	# Let a job of fio fail. Then the benchmark must remove its devices.
	# shellcheck disable=SC2016 # for that shell
	printf '#!/bin/sh\n[ $DEVICE != /dev/mapper/bench ] || exit 1\nexec %s "$@"\n' "$(command -v fio)" > "$T/fio"
	chmod +x "$T/fio"
	PATH=$T:$PATH tests/bench/wall "$origin" "$metadata" read > "$T/out" 2>&1 && fail "a failed job is not noticed"
	rm "$T/fio"
	grep -q "fio failed" "$T/out" || fail "$(< "$T/out")"
	same "$(dmsetup ls)" "No devices found"

	tests/bench/wall "$origin" "$metadata" '@(metadata_|first_write_qd1|recorded_write_qd32)' > "$T/out" 2>&1 || fail "$(< "$T/out")"
	sed 's/^/# /' "$T/out"
	perl -MJSON::PP -0777 -ne '
		my $rows = JSON::PP->new->decode($_)->{rows};
		my %goes = map { $_->{name} => $_ } @$rows;
		for my $name (qw(recorded_write_qd32 first_write_qd1 first_write_qd1_p99)) {
			for my $target (qw(linear dm_era erad)) {
				($goes{$name}{$target} // 0) > 0 or die "$name: no value of $target\n";
			}
		}
		# Only a first write waits for the metadata, so it must take more than twice as
		# long.
		for my $target (qw(dm_era erad)) {
			$goes{first_write_qd1}{$target} > 2 * $goes{recorded_write_qd32}{$target} or die "$target: no first writes\n";
		}
		exit 0;' "$json" || fail "$json is not what was expected"
}
