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
	tests/bench/check "$T/kept" "$T/new" > "$T/out"
}

test_bench_check()
{
	DESCRIPTION="bench-check fails for a row that is more than 3 % worse, misses a goal or is missing, and for no other row"

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
	results 100 1000 false > "$T/kept"
	check 100 1000 false || fail "a goal that was missed before: $(< "$T/out")"
	grep -q 'miss their goals, as before: r$' "$T/out" || fail "$(< "$T/out")"
	results 100 1000 true | sed 's/6.1/6.12/' > "$T/kept"
	refused "expected those of Linux 6.12" tests/bench/check "$T/kept" "$T/new"
}
