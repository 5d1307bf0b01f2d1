#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A bare Debian as build/bare-tree-SUITE.tar, by debootstrap: the base image of the container tests
# and the newcomer's machine of the documentation tests. Made once, kept until `make clean`.
# usage: tests/containers/bare-tree.sh [SUITE]      (bookworm; as root, from the root of the tree)
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
suite=${1:-bookworm}
tar=$here/build/bare-tree-$suite.tar log=$here/build/bare-tree-$suite.log
mkdir -p "$here/build"
exec 9>"$here/build/bare-tree.lock"
flock 9
[[ ! -s $tar ]] || exit 0
tree=$(mktemp -d /var/tmp/bare-tree.XXXXXX)
trap 'rm -rf --one-file-system "$tree"' EXIT
if ! timeout -k 10 600 debootstrap --variant=minbase "$suite" "$tree" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "tests/containers/bare-tree.sh: debootstrap failed (above: the end of what it said)" >&2
    exit 1
fi
chmod 0755 "$tree"
# The suites of a debian:SUITE-slim: security updates too.
cat >"$tree/etc/apt/sources.list" <<SOURCES
deb http://deb.debian.org/debian $suite main
deb http://deb.debian.org/debian $suite-updates main
deb http://deb.debian.org/debian-security $suite-security main
SOURCES
# Packages that were downloaded to make the tree are not part of it.
rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
tar -C "$tree" --numeric-owner --one-file-system -cf "$tar.new" .
mv "$tar.new" "$tar"
