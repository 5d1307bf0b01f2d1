#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the Debian packages that a target of the Makefile needs, and only those that are missing.
# usage: deploy/deps.sh [--list] SET
# SET: build, run, test, lint, fuzz, coverage, bench, arm64, containers, engine-docker, engine-podman.
# --list prints the names of its packages, and installs nothing.
#
# It costs one dpkg-query (about 20 ms) when nothing is missing. PostgreSQL's package would create and start a
# cluster of its own ("main"); that is switched off beforehand, and a cluster that exists already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(gcc libc6-dev binutils pkg-config libmicrohttpd-dev libsodium-dev libpq-dev libssl-dev libjansson-dev
       libinih-dev libqrencode-dev libmagic-dev libsqlite3-dev)
# A container engine's surroundings: bare trees, and a network of its own
# (tests/containers/engine.sh).
engine=(debootstrap iproute2 iptables slirp4netns)
podman=(podman crun netavark aardvark-dns podman-compose)
list=''
[[ ${1:-} != --list ]] || { list=1 && shift; }
case "${1:-}" in
    build)
        packages=("${build[@]}")
        grep -qs '<curl/curl\.h>' tests/*/*.c && packages+=(libcurl4-openssl-dev)
        ;;
    # Any version that is here already; else Debian's.
    run)
        packages=()
        compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || packages=(postgresql)
        ;;
    test) packages=(libcmocka-dev clang-format faketime locales pgbouncer xz-utils) ;;
    lint) packages=(clang clang-tidy cppcheck shellcheck) ;;
    fuzz) packages=(clang libclang-rt-dev) ;;
    coverage) packages=(gcovr) ;;
    bench) packages=(valgrind) ;;
    engine-docker) packages=("${engine[@]}") ;;
    engine-podman) packages=("${engine[@]}" "${podman[@]}") ;;
    # Both engines, and what looks at systemd units (tests/containers, tests/docs).
    containers) packages=("${engine[@]}" "${podman[@]}" systemd) ;;
    arm64) packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user debootstrap) ;;
    *)
        sed -n '4,5s/^# //p' "$0" >&2
        exit 2
        ;;
esac

if [[ -n $list ]]; then
    printf '%s\n' "${packages[@]}"
    exit 0
fi
if ! command -v dpkg-query >/dev/null; then
    # Not Debian: we cannot install, and the names differ. The compiler will say what is missing.
    [[ $1 == build ]] && echo "deps: no dpkg here; needed are (Debian's names): ${packages[*]}" >&2
    exit 0
fi

missing=()
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
for package in "${packages[@]}"; do
    grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
    if command -v sudo >/dev/null; then
        as_root=(sudo)
    else
        echo "These packages are missing, and installing them needs root (there is no sudo here). As root, type:" >&2
        echo "    apt-get install -y --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
fi

# One installation at a time: make may ask for several sets at once.
mkdir -p build
exec 9>build/deps.lock
flock 9

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@"
}

# Debian's own cluster is neither wanted nor started. This must stand before the package is unpacked; it says nothing
# about clusters that exist.
no_debian_cluster() {
    local folder=/etc/postgresql-common/createcluster.d
    "${as_root[@]}" mkdir -p $folder
    "${as_root[@]}" sh -c "echo 'create_main_cluster = false' >$folder/conclave.conf"
}

# The package of PgBouncer would start a service, which nobody asked for.
no_debian_pooler() {
    local unit=/etc/systemd/system/pgbouncer.service
    [[ -e $unit || -L $unit ]] || "${as_root[@]}" sh -c "mkdir -p ${unit%/*} && ln -s /dev/null $unit"
}

echo "Installing for '$1': ${missing[*]}"
if [[ " ${missing[*]} " == *" pgbouncer "* ]]; then
    no_debian_pooler
fi
if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    no_debian_cluster
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# An update that fails is not the end: the lists may be good enough.
if ! { apt update || true; apt install --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    echo "The installation failed (above: the last lines of apt-get)." >&2
    exit 1
fi
