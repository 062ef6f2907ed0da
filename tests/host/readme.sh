#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the commands of README.md in a VM with systemd, and compares their output.
#
# usage: tests/host/readme.sh KERNEL

set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=${1:-6.1}
text="every command of README prints what README shows, and the backup is equal to the volume"
began=$SECONDS
verdict=ok
output=$(tests/vm/run --kernel "$kernel" --systemd --disk 512M --disk 1G --timeout 900 -- tests/host/readme-guest 2>&1) ||
	verdict="not ok"
echo "$verdict readme ($((SECONDS - began)) s) $text"
[[ $verdict == ok ]] || printf '%s\n' "$output" | sed 's/^/  | /'
