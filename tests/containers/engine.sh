#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A container engine for tests, on a machine without one: podman in mount, pid and network namespaces of its own.
# usage: tests/containers/engine.sh COMMAND [ARGUMENT...]      (as root, from the root of the tree)
#
# COMMAND finds on its PATH: podman; `docker`, whose `compose` is podman-compose; and the image debian:bookworm-slim, which
# is a debootstrap tree. It runs with the network of the machine; `engine-alone COMMAND` runs one in a network of its own,
# where no port is taken and nobody listens. When COMMAND ends, everything ends: processes, mounts, images, volumes.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)

fail() {
    echo "tests/containers/engine.sh: $1" >&2
    exit 1
}

((EUID == 0)) || fail "the container engine needs root"
(($#)) || fail "which command?"

# ---- outside: the bare tree, a folder, the namespaces ----
if [[ -z ${ENGINE_FOLDER:-} ]]; then
    "$here/tests/containers/bare-tree.sh"
    # Short: sockets lie below it. Not below /tmp, which may be memory; the images need about 4 GB.
    folder=$(mktemp -d /var/tmp/engine.XXXXXX)
    # Inside, --kill-child ends the first process of the pid namespace, and with it all others; the mounts end with theirs.
    trap 'rm -rf --one-file-system "$folder"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    status=0
    ENGINE_FOLDER=$folder unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@" || status=$?
    exit "$status"
fi

# ---- inside ----
# podman would want to make groups in the unified hierarchy that it sees here, and must not.
while read -r _ _ _ _ point _ rest; do
    [[ $rest != *' - cgroup2 '* && $rest != '- cgroup2 '* ]] || umount "$point"
done </proc/self/mountinfo

mkdir -p "$ENGINE_FOLDER"/{bin,run,storage,home}
mount -t tmpfs engine "$ENGINE_FOLDER/run"
# What podman keeps outside of its storage: locks, networks, sockets.
mount -t tmpfs engine /run
mkdir -p /run/lock

cat >"$ENGINE_FOLDER/containers.conf" <<CONF
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:20000", "nproc=1024:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
tmp_dir = "/run/libpod"
[network]
network_backend = "netavark"
network_config_dir = "$ENGINE_FOLDER/networks"
CONF
cat >"$ENGINE_FOLDER/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$ENGINE_FOLDER/storage"
runroot = "/run/containers"
CONF
cat >"$ENGINE_FOLDER/registries.conf" <<'CONF'
unqualified-search-registries = ["docker.io"]
CONF
cat >"$ENGINE_FOLDER/bin/podman" <<'SHIM'
#!/bin/bash
# The default format would drop HEALTHCHECK; nothing is ever pulled; packages come through the machine's own network.
if [[ ${1:-} == build ]]; then
    shift
    exec nice /usr/bin/podman build --format docker --pull-never --network=host "$@"
fi
exec /usr/bin/podman "$@"
SHIM
cp "$here/tests/containers/docker" "$ENGINE_FOLDER/bin/docker"
cat >"$ENGINE_FOLDER/bin/engine-alone" <<'SHIM'
#!/bin/bash
exec unshare --net bash -c 'ip link set lo up && exec "$@"' engine-alone "$@"
SHIM
chmod +x "$ENGINE_FOLDER"/bin/*

export CONTAINERS_CONF=$ENGINE_FOLDER/containers.conf CONTAINERS_STORAGE_CONF=$ENGINE_FOLDER/storage.conf
export CONTAINERS_REGISTRIES_CONF=$ENGINE_FOLDER/registries.conf
export HOME=$ENGINE_FOLDER/home TMPDIR=/var/tmp PATH=$ENGINE_FOLDER/bin:$PATH ENGINE_FOLDER
podman import --quiet "$here/build/bare-tree.tar" docker.io/library/debian:bookworm-slim >/dev/null ||
    fail "the base image cannot be imported"
status=0
"$@" || status=$?
exit "$status"
