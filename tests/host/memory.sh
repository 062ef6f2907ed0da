#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# erad is killed while no memory is left: with swap on a volume, and with many dirty pages of a file
# system on a volume.
#
# usage: tests/host/memory.sh KERNEL

set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=${1:-6.1}

# memory_case NAME DESCRIPTION OPTION...: runs the case in a separate VM, because a VM that hangs
# can only be killed.
memory_case()
{
	local began=$SECONDS output result=ok

	output=$(tests/vm/run --kernel "$kernel" "${@:3}" -- tests/host/memory-guest "$1" 2>&1) || result="not ok"
	echo "$result memory_$1 ($((SECONDS - began)) s) $2"
	if [[ $result == ok ]]; then
		sed -n 's/^# /  # /p' <<< "$output"
	else
		printf '%s\n' "$output" | sed 's/^/  | /'
	fi
}

memory_case swap "with swap on a volume and no memory left, a killed erad can be started again, because its standby serves the writes of swap" \
	--timeout 600 --mem 700M --disk 512M --disk 64M
memory_case dirty "if erad is killed while a volume has many dirty pages and checkpoints go on, there is no deadlock, and no write is lost" \
	--timeout 600 --mem 600M --disk 384M --disk 64M --disk 512M --disk 384M
