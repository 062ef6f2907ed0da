#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The VM's power is cut under load, and the VM boots again: the diff contains every write that had
# completed.
#
# usage: tests/host/power-cut.sh KERNEL

set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=${1:-6.1}
work=$(mktemp -d "$PWD/build/power-cut.XXXXXX")
pid=
trap '[[ -z $pid ]] || kill "$pid" 2> /dev/null || true; rm -rf "$work"' EXIT

# power_cut NAME: runs the case on two new disks.  The second disk is the metadata device if NAME is
# device; if NAME is file, the second disk contains a file system with the metadata in a file.
power_cut()
{
	local name=$1 began=$SECONDS line lines=0 status=0
	local disks=(--disk "256M:$work/$name.origin" --disk "64M:$work/$name.meta")

	mkfifo "$work/output"
	tests/vm/run --kernel "$kernel" --dir "$work/vm" "${disks[@]}" --timeout 300 -- \
		tests/host/power-cut-guest "$name" load > "$work/output" 2> "$work/$name.err" &
	pid=$!
	: > "$work/$name.done"
	while IFS= read -r line; do
		[[ $line == done\ * ]] || continue
		printf '%s\n' "${line#done }" >> "$work/$name.done"
		((++lines < 1500)) || break
	done < "$work/output"
	kill -KILL "$(cat "$work/vm/qemu.pid")" 2> /dev/null || true
	wait "$pid" || true
	pid=
	rm "$work/output"
	if ((lines < 1500)); then
		status=1
		echo "only $lines writes before the VM ended" >> "$work/$name.err"
	else
		tests/vm/run --kernel "$kernel" "${disks[@]}" --timeout 300 -- \
			tests/host/power-cut-guest "$name" check "$work/$name.done" >> "$work/$name.err" 2>&1 || status=$?
	fi
	if ((status)); then
		echo "not ok power_cut_$name ($((SECONDS - began)) s) every write that had completed before the cut is reported"
		sed 's/^/  | /' "$work/$name.err"
		return
	fi
	echo "ok power_cut_$name ($((SECONDS - began)) s) every write that had completed before the cut is reported"
}

power_cut device
power_cut file
