# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the benchmark that is for real devices.

case_kernel[test_bench_wall]=6.1
case_timeout[test_bench_wall]=400

test_bench_wall()
{
	DESCRIPTION="the benchmark for real devices runs fio on all three targets, and refuses a device that is in use or too small"
	local dir=/sys/kernel/config/nullb/big json=build/bench-wall.json

	modprobe -a null_blk dm-era
	[[ -d ${dir%/big} ]] || mount -t configfs none /sys/kernel/config
	mkdir $dir
	echo 4096 > $dir/size
	echo 1 > $dir/power
	metadata=$(new_disk 256M)

	tests/bench/wall /dev/big > "$T/out" 2>&1 && fail "it takes one operand"
	grep -q "got '/dev/big', expected ORIGIN METADATA" "$T/out" || fail "$(< "$T/out")"
	tests/bench/wall /dev/null "$metadata" > "$T/out" 2>&1 && fail "it takes /dev/null"
	grep -q "/dev/null: got no block device" "$T/out" || fail "$(< "$T/out")"
	tests/bench/wall "$metadata" /dev/big > "$T/out" 2>&1 && fail "it takes a small origin"
	grep -q "$metadata: got 256 MiB, expected at least 4096" "$T/out" || fail "$(< "$T/out")"
	mkfs.ext4 -q "$metadata"
	tests/bench/wall /dev/big "$metadata" > "$T/out" 2>&1 && fail "it takes what has a file system"
	grep -q "got $metadata: .*ext4.*expected no signature" "$T/out" || fail "$(< "$T/out")"
	[[ $(blkid -p -o value -s TYPE "$metadata") == ext4 ]] || fail "the file system is gone"
	wipefs -qa "$metadata"

	tests/bench/wall /dev/big "$metadata" '@(metadata_|first_write_qd1|recorded_write_qd32)' > "$T/out" 2>&1 || fail "$(< "$T/out")"
	sed 's/^/# /' "$T/out"
	perl -MJSON::PP -0777 -ne '
		my $rows = JSON::PP->new->decode($_)->{rows};
		my %goes = map { $_->{name} => $_ } @$rows;
		for my $name (qw(recorded_write_qd32 first_write_qd1 first_write_qd1_p99)) {
			for my $target (qw(linear dm_era erad)) {
				($goes{$name}{$target} // 0) > 0 or die "$name: no value of $target\n";
			}
		}
		# Only first writes wait for the metadata.
		for my $target (qw(dm_era erad)) {
			$goes{first_write_qd1}{$target} > 2 * $goes{recorded_write_qd32}{$target} or die "$target: no first writes\n";
		}
		exit 0;' "$json" || fail "$json is not what was expected"
	echo 0 > $dir/power
	rmdir $dir
}
