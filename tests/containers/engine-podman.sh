# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# podman as an engine, without a daemon. For tests/containers/engine.sh to source.
: "${here:?}"

engine_start() {
    # podman would want to make groups in the unified hierarchy that it sees here, and must not.
    local point rest
    while read -r _ _ _ _ point _ rest; do
        [[ $rest != *' - cgroup2 '* && $rest != '- cgroup2 '* ]] || umount "$point"
    done </proc/self/mountinfo
    podman_settings
    cat >"$ENGINE_FOLDER/bin/podman" <<'SHIM'
#!/bin/bash
# The default format would drop HEALTHCHECK; nothing is ever pulled; packages come through the
# uplink. The podman of Debian 12 refuses an owner for a tmpfs, and gives it the one of the image's
# folder by itself; its podman-compose names a network even where there is to be none.
if [[ ${1:-} == build ]]; then
    shift
    exec nice /usr/bin/podman build --format docker --pull-never --network=host "$@"
fi
words=() before='' alone=''
for word; do
    [[ "$before $word" != '--network none' ]] || alone=1
    [[ $before != --tmpfs ]] || word=${word/uid=10001,gid=10001,/}
    [[ -n $alone && "$before $word" =~ ^(.* )?--(net|network-alias)( |$) ]] || words+=("$word")
    before=$word
done
exec /usr/bin/podman "${words[@]}"
SHIM
    cp "$here/tests/containers/docker" "$ENGINE_FOLDER/bin/docker"
    chmod +x "$ENGINE_FOLDER"/bin/*
    podman info >"$ENGINE_FOLDER/info" 2>&1 || no_engine "podman does not work: $(tail -n 1 "$ENGINE_FOLDER/info")"
}

podman_settings() {
    export CONTAINERS_CONF=$ENGINE_FOLDER/containers.conf CONTAINERS_STORAGE_CONF=$ENGINE_FOLDER/storage.conf
    export CONTAINERS_REGISTRIES_CONF=$ENGINE_FOLDER/registries.conf
    cat >"$CONTAINERS_CONF" <<CONF
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
    cat >"$CONTAINERS_STORAGE_CONF" <<CONF
[storage]
driver = "vfs"
graphroot = "$ENGINE_FOLDER/storage"
runroot = "/run/containers"
CONF
    cat >"$CONTAINERS_REGISTRIES_CONF" <<'CONF'
unqualified-search-registries = ["docker.io"]
CONF
}
