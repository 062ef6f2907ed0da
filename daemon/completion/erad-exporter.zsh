#compdef erad-exporter
# SPDX-License-Identifier: GPL-2.0-or-later
# Completes in zsh the options in erad-exporter's help, and file names for options that take a file.

case ${words[CURRENT - 1]-} in
-l | --listen) ;;
-t | --textfile | -s | --socket | -b | --backups) _files ;;
*) compadd -- ${(f)"$(erad-exporter --help | sed -n 's/^  -., \(--[a-z]*\).*/\1/p')"} ;;
esac
