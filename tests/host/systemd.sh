#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests erad as a service of systemd, with udev: start, kill, watchdog and stop, each with a live
# volume.
#
# usage: tests/host/systemd.sh KERNEL

set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=${1:-6.1}
began=$SECONDS
if output=$(tests/vm/run --kernel "$kernel" --systemd --disk 64M --timeout 600 -- tests/host/systemd-guest 2>&1); then
	echo "ok systemd_service ($((SECONDS - began)) s) systemd restarts erad when erad dies or hangs, and the volumes stay live"
else
	echo "not ok systemd_service ($((SECONDS - began)) s) systemd restarts erad when erad dies or hangs, and the volumes stay live"
	printf '%s\n' "$output" | sed 's/^/  | /'
fi
