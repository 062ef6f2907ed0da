# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# The comparison of the results of benchmarks.

# results TIME RATE OK: prints results with a row of which less is better, and a row of which more is better. OK: true or
# false, whether the second row meets its goal.
results()
{
	printf '{ "kernel": "6.1", "rows": [
		{ "name": "t", "unit": "us", "better": "lower", "erad": %s, "goal": null, "ok": true },
		{ "name": "r", "unit": "IOPS", "better": "higher", "erad": %s, "goal": 900, "ok": %s } ] }\n' "$@"
}

# check TIME RATE OK: compares results with 100 and 1000, which meet the goal.
check()
{
	results "$@" > "$T/new"
	tests/bench/check "$T/other" "$T/kept" "$T/new" > "$T/out"
}

test_bench_check()
{
	DESCRIPTION="bench-check fails for a row that is more than 3 % worse (50 % for the time of one write), for a row that misses a goal, and for a missing row"

	results 1 1000000 true | sed 's/6.1/6.12/' > "$T/other"
	results 100 1000 true > "$T/kept"
	check 100 1000 true || fail "equal results: $(< "$T/out")"
	check 102 980 true || fail "2 % worse: $(< "$T/out")"
	check 50 2000 true || fail "better: $(< "$T/out")"
	! check 104 1000 true || fail "no failure for a time of 104, expected 100"
	grep -q '^t: got 104 us, expected 100 us' "$T/out" || fail "$(< "$T/out")"
	! check 100 960 true || fail "no failure for a rate of 960, expected 1000"
	grep -q '^r: got 960 IOPS, expected 1000 IOPS' "$T/out" || fail "$(< "$T/out")"
	! check 100 980 false || fail "no failure for a goal that is missed"
	! check 100 null true || fail "no failure for a row without a value"
	results 100 1000 true | sed 's/"t"/"t_longest"/' > "$T/kept"
	results 140 1000 true | sed 's/"t"/"t_longest"/' > "$T/new"
	tests/bench/check "$T/kept" "$T/new" > "$T/out" || fail "a longest time that is 40 % worse: $(< "$T/out")"
	results 160 1000 true | sed 's/"t"/"t_longest"/' > "$T/new"
	! tests/bench/check "$T/kept" "$T/new" > "$T/out" || fail "no failure for a longest time that is 60 % worse"
	results 100 1000 false > "$T/kept"
	check 100 1000 false || fail "a goal that was missed before: $(< "$T/out")"
	grep -q 'miss their goals, as before: r$' "$T/out" || fail "$(< "$T/out")"
	refused "expected those of Linux 6.12" tests/bench/check "$T/other" "$T/new"
}

test_bench_check_unknown()
{
	DESCRIPTION="bench-check names the rows for which no result is kept, and does not count them as compared"

	results 1 1 true | sed 's/6.1/6.12/' > "$T/other"
	results 100 1000 true | sed '/"name": "t"/d' > "$T/kept"
	check 100 1000 true || fail "a row that is not kept: $(< "$T/out")"
	grep -q '^These rows are not checked, .* Linux 6.1 .*: t$' "$T/out" || fail "$(< "$T/out")"
	grep -q '^1 rows compared, 0 worse$' "$T/out" || fail "$(< "$T/out")"
	results null 1000 true > "$T/kept"
	check 100 1000 true || fail "a row that is kept without a value: $(< "$T/out")"
	grep -q '^These rows are not checked, .*: t$' "$T/out" || fail "$(< "$T/out")"
	results 100 1000 true > "$T/kept"
	check 100 1000 true
	! grep -q 'not checked' "$T/out" || fail "each row is kept: $(< "$T/out")"
}

# has FILE TABLE NAME: fails unless the file contains the table NAME, line by line.
has()
{
	perl -e 'local $/; my ($f, $t) = map { open my $in, "<", $_ or die; <$in> } @ARGV; exit(index($f, "\n\n$t\n") < 0)' "$1" "$2" ||
		fail "$1 does not have the table that tests/bench/table makes of $3: $(cat "$2")"
}

test_bench_tables()
{
	local kept

	DESCRIPTION="the tables of README and RESULTS.md are those of the kept results"

	for kept in tests/bench/results-*.json; do
		tests/bench/table --markdown "$kept" > "$T/table"
		has tests/bench/RESULTS.md "$T/table" "$kept"
	done
	tests/bench/table --readme tests/bench/results-6.1.json > "$T/table"
	has README.md "$T/table" tests/bench/results-6.1.json
}
