#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Docker's engine and its compose plugin, from Debian's packages, unpacked into build/docker/. They
# are not installed: no service starts, and an engine that this machine has is left alone. Made
# once, kept until `make clean`.
# usage: tests/containers/docker-packages.sh      (from the root of the tree)
#
# The engine is the docker.io of this machine's own Debian, with those of its dependencies that are
# missing here. The plugins are Debian 13's: Debian 12 has none.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/run/debs.sh
. "$here/tests/run/debs.sh"
to=$here/build/docker
mkdir -p "$here/build"
exec 9>"$here/build/docker.lock"
flock 9
[[ ! -e $to/complete ]] || exit 0
rm -rf "$to"
mkdir -p "$to/engine" "$to/plugins"
suite=$(. /etc/os-release && echo "$VERSION_CODENAME") machine=$(dpkg --print-architecture)

debs_open "$to/own" "$suite" "$machine"
mapfile -t engine < <(debs_needed "$to/own" docker.io)
# None: it is installed, and found where it is.
((!${#engine[@]})) || debs_unpack "$to/own" "$to/engine" "${engine[@]}"
debs_open "$to/newer" trixie "$machine"
debs_unpack "$to/newer" "$to/unpacked" docker-compose docker-buildx
find "$to/unpacked" -path '*/cli-plugins/*' -type f -exec mv {} "$to/plugins/" \;
rm -rf "$to/own" "$to/newer" "$to/unpacked"
touch "$to/complete"
