#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Docker's engine and its compose plugin, from Debian's packages, unpacked into build/docker/. They are not installed: no
# service starts, and an engine that this machine has is left alone. Made once, kept until `make clean`.
# usage: tests/containers/docker-packages.sh      (from the root of the tree)
#
# The engine is the docker.io of this machine's own Debian, with those of its dependencies that are missing here. The plugins
# are Debian 13's: Debian 12 has none.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
to=$here/build/docker
mkdir -p "$here/build"
exec 9>"$here/build/docker.lock"
flock 9
[[ ! -e $to/complete ]] || exit 0
rm -rf "$to"
mkdir -p "$to/engine" "$to/plugins"

# suite_lists SUITE: package lists of this suite alone, in a folder of their own: nobody waits for the machine's.
suite_lists() {
    local state=$to/$1
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/debs"
    cat >"$state/sources.list" <<SOURCES
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $1 main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security $1-security main
SOURCES
    suite_apt "$1" update
}

# suite_apt SUITE ARGUMENT...
suite_apt() {
    local state=$to/$1
    shift
    (cd "$state/debs" && timeout -k 10 300 apt-get -q -o Dir::Etc::sourcelist="$state/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" \
        -o APT::Sandbox::User=root "$@")
}

# unpack SUITE FOLDER PACKAGE...
unpack() {
    local suite=$1 folder=$2 deb
    shift 2
    suite_apt "$suite" download "$@"
    for deb in "$to/$suite"/debs/*.deb; do
        dpkg -x "$deb" "$folder"
    done
    rm -f "$to/$suite"/debs/*.deb
}

own=$(. /etc/os-release && echo "$VERSION_CODENAME")
suite_lists "$own"
mapfile -t engine < <(suite_apt "$own" -s install --no-install-recommends docker.io | awk '$1 == "Inst" { print $2 }')
# Installed already: its files are found where they are.
((!${#engine[@]})) || unpack "$own" "$to/engine" "${engine[@]}"
[[ $own == trixie ]] || suite_lists trixie
unpack trixie "$to/unpacked" docker-compose docker-buildx
find "$to/unpacked" -path '*/cli-plugins/*' -type f -exec mv {} "$to/plugins/" \;
rm -rf "${to:?}/$own" "$to/trixie" "$to/unpacked"
touch "$to/complete"
