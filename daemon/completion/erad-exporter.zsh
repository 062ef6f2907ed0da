#compdef erad-exporter
# SPDX-License-Identifier: GPL-2.0-or-later
# Completes erad-exporter's options in zsh, as its help has them, and files where one takes them.

case ${words[CURRENT - 1]-} in
-l | --listen) ;;
-t | --textfile | -s | --socket | -b | --backups) _files ;;
*) compadd -- ${(f)"$(erad-exporter --help | sed -n 's/^  -., \(--[a-z]*\).*/\1/p')"} ;;
esac
