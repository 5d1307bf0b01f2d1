#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A container engine for tests, of their own: Docker's or podman, in mount, pid and network
# namespaces.
# usage: tests/containers/engine.sh docker|podman COMMAND [ARGUMENT...]
# (as root, from the root of the tree)
#
# COMMAND finds on its PATH `docker` with its `compose` (with podman: podman and podman-compose
# under that name), and the images debian:bookworm-slim and, with SUITES="bookworm trixie",
# debian:trixie-slim, which are debootstrap trees. ENGINE says which engine it is. No port of the
# machine is taken, and nobody else listens there; what is outside is reached through user-mode
# networking, until COMMAND says `uplink-off`. When COMMAND ends, everything ends: processes,
# mounts, images, volumes. An engine that this machine has besides is not asked and not touched.
# Exit 77: no engine can be had here (the reason is said); COMMAND was not run.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
readonly NO_ENGINE=77

no_engine() {
    echo "no engine: $1" >&2
    exit $NO_ENGINE
}

# ---- outside: packages, bare trees, a folder, the namespaces ----
if [[ -z ${ENGINE_FOLDER:-} ]]; then
    if [[ ! ${1:-} =~ ^(docker|podman)$ || $# == 1 ]]; then
        sed -n 's/^# usage: /usage: /p' "$0" >&2
        exit 2
    fi
    export ENGINE=$1 SUITES=${SUITES:-bookworm}
    shift
    ((EUID == 0)) || no_engine 'it needs root'
    [[ -c /dev/net/tun ]] || no_engine 'there is no /dev/net/tun'
    "$here/deploy/deps.sh" "engine-$ENGINE" || no_engine 'its packages cannot be installed'
    mkdir -p "$here/build"
    "$here/tests/containers/docker-packages.sh" >"$here/build/docker.log" 2>&1 ||
        no_engine 'Docker'"'"'s packages cannot be fetched (build/docker.log)'
    for suite in $SUITES; do
        "$here/tests/containers/bare-tree.sh" "$suite" || no_engine "there is no bare tree of $suite"
    done
    # Short: sockets lie below it. Not below /tmp, which may be memory; the images need about 4 GB.
    folder=$(mktemp -d /var/tmp/engine.XXXXXX)
    group=/conclave-${folder##*.} inside=''
    # With the first process of the pid namespace all others end, and with them the mounts.
    # shellcheck disable=SC2317 # the trap calls it
    leave() {
        # shellcheck disable=SC2046 # one number, or none
        [[ -z $inside ]] || { kill -KILL $(<"/proc/$inside/task/$inside/children") && wait "$inside"; } 2>/dev/null || true
        # Docker's engine made a control group of its own; it is empty now.
        find /sys/fs/cgroup -depth -type d -path "*$group*" -exec rmdir {} + 2>/dev/null || true
        rm -rf --one-file-system "$folder"
    }
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    status=0
    # In the background: a signal is acted on at once. It ends with this process, however that ends.
    ENGINE_FOLDER=$folder ENGINE_GROUP=$group ENGINE_STAGE=network setpriv --pdeathsig KILL \
        unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@" <&0 &
    inside=$!
    wait "$inside" || status=$?
    inside=''
    exit "$status"
fi

# ---- inside: a network of its own, with an uplink ----
if [[ $ENGINE_STAGE == network ]]; then
    mkdir -p "$ENGINE_FOLDER"/{bin,run,storage,home}
    touch "$ENGINE_FOLDER/net"
    unshare --net="$ENGINE_FOLDER/net" true || no_engine 'no network namespace can be made'
    # In a mount namespace with the machine's own resolv.conf, where it looks up what it is asked.
    unshare --mount slirp4netns --configure --mtu=65520 --disable-host-loopback --netns-type=path \
        "$ENGINE_FOLDER/net" uplink >"$ENGINE_FOLDER/uplink.log" 2>&1 </dev/null &
    for ((i = 0; i < 50; i++)); do
        ! nsenter --net="$ENGINE_FOLDER/net" ip -4 address show uplink 2>/dev/null | grep -q 'inet ' || break
        sleep 0.1
    done
    ((i < 50)) || no_engine "user-mode networking does not start: $(tail -n 1 "$ENGINE_FOLDER/uplink.log")"
    echo 'nameserver 10.0.2.3' >"$ENGINE_FOLDER/resolv.conf"
    mount --bind "$ENGINE_FOLDER/resolv.conf" "$(realpath /etc/resolv.conf)"
    ENGINE_STAGE=engine exec nsenter --net="$ENGINE_FOLDER/net" "$0" "$@"
fi

# ---- inside: the engine ----
unset ENGINE_STAGE
ip link set lo up
# What engines keep outside of their storage: locks, networks, sockets. (A resolv.conf that lies
# there stays readable.)
resolv=$(realpath /etc/resolv.conf)
mount -t tmpfs engine /run
mkdir -p /run/lock
[[ $resolv != /run/* ]] || install -D -m 0644 "$ENGINE_FOLDER/resolv.conf" "$resolv"
cat >"$ENGINE_FOLDER/bin/uplink-off" <<'SHIM'
#!/bin/bash
exec ip link set uplink down
SHIM
chmod +x "$ENGINE_FOLDER/bin/uplink-off"
export HOME=$ENGINE_FOLDER/home TMPDIR=/var/tmp PATH=$ENGINE_FOLDER/bin:$PATH
# Docker's compose by itself reads and judges compose files, with or without an engine.
ln -s "$here/build/docker/plugins/docker-compose" "$ENGINE_FOLDER/bin/docker-compose"
# shellcheck source=tests/containers/engine-docker.sh
# shellcheck source=tests/containers/engine-podman.sh
. "$here/tests/containers/engine-$ENGINE.sh"
engine_start
for suite in $SUITES; do
    docker import - "docker.io/library/debian:$suite-slim" <"$here/build/bare-tree-$suite.tar" >/dev/null ||
        no_engine "the base image of $suite cannot be imported"
done
status=0
"$@" || status=$?
((status != NO_ENGINE)) || status=1
exit "$status"
