# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Reads other suites and architectures of Debian's mirror, with a separate state of apt below
# build/apt/, and unpacks packages without installing them.

# other_apt CODENAME ARCH: from now on, apt-get and apt-cache use only this suite, its security
# updates and its backports, for this architecture, as if no package were installed.  They use the
# same mirror as this machine's apt.  Needs no root.
other_apt()
{
	local state=$ERAD_BUILD/apt/$1-$2 mirror

	# shellcheck disable=SC2016 # apt's variables
	mirror=$(env -u APT_CONFIG apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2> /dev/null |
		grep -m 1 '/debian/$' || echo http://deb.debian.org/debian/)
	mkdir -p "$state"/{lists/partial,cache/archives/partial}
	: > "$state/status"
	cat > "$state/sources.list" <<- EOF
		deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main
		deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1-backports main
		deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/}-security/ $1-security main
	EOF
	cat > "$state/apt.conf" <<- EOF
		APT::Architecture "$2";
		APT::Architectures { "$2"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Dir::Cache "$state/cache";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::Etc::sourcelist "$state/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State "$state";
		Dir::State::status "$state/status";
	EOF
	export APT_CONFIG=$state/apt.conf
	fetch "the list of $1's packages for $2" update_apt
}

# update_apt: updates the lists, and fails if any list cannot be downloaded.
update_apt()
{
	if [[ -v APT_CONFIG ]]; then
		apt-get -qq -o APT::Update::Error-Mode=any update >&2
	else
		as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2
	fi
}

# fetch WHAT COMMAND...: runs COMMAND, which downloads with apt. If COMMAND fails, updates the lists
# and tries again, up to three times in all.
fetch()
{
	local what=$1 try
	shift

	for try in 1 2 3; do
		echo "${0##*/}: fetching $what" >&2
		"$@" >&2 && return
		((try < 3)) || break
		sleep $((try * 5))
		[[ $1 == update_apt ]] || update_apt || true
	done
	die "could not fetch $what from Debian's mirror, in three attempts: apt says why above"
}

# unpack INTO DEB...: unpacks packages into a directory with the layout of Debian since bookworm: /lib is a link to /usr/lib,
# and so on.
unpack()
{
	local into=$1 deb dir
	shift

	mkdir -p "$into"/usr/{bin,lib,lib64,sbin}
	for dir in bin lib lib64 sbin; do
		[[ -e $into/$dir ]] || ln -s "usr/$dir" "$into/$dir"
	done
	for deb in "$@"; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$into"
	done
}
