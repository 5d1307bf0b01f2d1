# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Docker's own engine, from build/docker/ (tests/containers/docker-packages.sh). For
# tests/containers/engine.sh to source.
: "${here:?}"

engine_start() {
    local root=$here/build/docker/engine i libraries
    libraries=$root/usr/lib/$(uname -m)-linux-gnu
    export PATH=$ENGINE_FOLDER/bin:$root/usr/sbin:$root/usr/bin:$PATH
    # The plugins where the client looks for them; the builder that compose takes by default.
    mkdir -p "$HOME/.docker/cli-plugins"
    cp "$here"/build/docker/plugins/* "$HOME/.docker/cli-plugins/"
    export DOCKER_BUILDKIT=1 DOCKER_CONFIG=$HOME/.docker
    unset DOCKER_HOST DOCKER_CONTEXT
    # Its socket is /run/docker.sock, where the client looks: /run is ours alone.
    LD_LIBRARY_PATH=$libraries dockerd --data-root "$ENGINE_FOLDER/storage" \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$ENGINE_GROUP" \
        >"$ENGINE_FOLDER/dockerd.log" 2>&1 </dev/null &
    for ((i = 0; i < 240; i++)); do
        ! docker info >"$ENGINE_FOLDER/info" 2>&1 || ! grep -q 'Server Version' "$ENGINE_FOLDER/info" || break
        [[ -d /proc/$! ]] || break
        sleep 0.25
    done
    docker info >/dev/null 2>&1 || {
        tail -n 20 "$ENGINE_FOLDER/dockerd.log" >&2
        no_engine 'dockerd does not start (above: the end of its log)'
    }
    docker compose version >/dev/null || no_engine 'its compose plugin does not run'
}
