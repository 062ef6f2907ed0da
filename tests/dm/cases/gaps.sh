# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Gaps: erad reports a time in which writes may have gone past erad, and the next increment is a
# full copy.

test_a_gap_is_said_by_diff_status_and_metrics()
{
	DESCRIPTION="after a gap, a diff since an older era lists the whole volume, exits with 0 and says why; a diff since a later era is exact; status and metrics show the gap"
	local before after

	eractl create data "$(new_disk 64M)" --metadata "$(new_disk 8M)"
	write_at data 0 4096
	before=$(eractl checkpoint data)
	eractl diff data --since "$before" --json 2> "$T/err" > "$T/json"
	same "$(cat "$T/err")" ""
	grep -q '"gaps":\[\]' "$T/json" || fail "got $(cat "$T/json")"
	eractl abort data --degrade 2> /dev/null
	wait_until "the gap is noted" gap_is_noted
	wait_until "writes are recorded again" eractl_state_is data active
	eractl diff data --since "$before" --format ranges > "$T/out" 2> "$T/err" || fail "exit status $?"
	same "$(cat "$T/out")" "0 67108864"
	same "$(wc -l < "$T/err")" 1
	grep -q "the whole volume is listed, because writes may have gone past erad in era [0-9]* (degraded: " "$T/err" ||
		fail "got $(cat "$T/err")"
	eractl diff data --since "$before" --json 2> /dev/null > "$T/json"
	grep -q '"gaps":\[{"era":[0-9]*,"time":[0-9]*,"kind":"degraded",' "$T/json" || fail "got $(cat "$T/json")"
	eractl status data | grep -q "era [0-9]*  20.*  degraded  writes passed" || fail "got $(eractl status data)"
	erad-exporter --textfile "$T/metrics.prom"
	grep -q '^erad_gaps_total{volume="data",kind="degraded"} [1-9]' "$T/metrics.prom" || fail "got $(grep gap "$T/metrics.prom")"
	grep -q '^erad_last_gap_timestamp_seconds{volume="data"} [0-9]' "$T/metrics.prom" || fail "there is no time of the gap"
	after=$(eractl checkpoint data)
	write_at data 1048576 4096
	same "$(eractl diff data --since "$after" --format ranges 2> "$T/err")" "1048576 65536"
	same "$(cat "$T/err")" ""
}

gap_is_noted()
{
	eractl status data --json | grep -q '"kind": *"degraded"'
}
