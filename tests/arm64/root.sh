#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's libraries and headers for arm64 as build/arm64-root/, to link against and to run with
# (tests/arm64/lane.sh). They are unpacked, not installed: this machine gets no foreign
# architecture. Made once, kept until `make clean`.
# usage: tests/arm64/root.sh PACKAGE...      (from the root of the tree)
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/run/debs.sh
. "$here/tests/run/debs.sh"
root=$here/build/arm64-root
mkdir -p "$here/build"
exec 9>"$here/build/arm64-root.lock"
flock 9
[[ ! -e $root/complete ]] || exit 0
rm -rf "$root" "$root-debs"
mkdir -p "$root/usr/lib" "$root-debs"
ln -s usr/lib "$root/lib"
: >"$root-debs/nothing-installed"
debs_open "$root-debs" "$(. /etc/os-release && echo "$VERSION_CODENAME")" arm64 "$root-debs/nothing-installed"
mapfile -t packages < <(debs_needed "$root-debs" "$@")
((${#packages[@]}))
debs_unpack "$root-debs" "$root" "${packages[@]}"
rm -rf "$root-debs"
touch "$root/complete"
