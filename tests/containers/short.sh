#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The short lane: the real compose file under Docker's own engine, as an operator starts it; members
# write; both containers are killed; everything is there again.
# usage: tests/containers/short.sh
# (as root, from the root of the tree, after `make`; V=1 shows each step)
#
# Where no engine can be had (no root, no network, a kernel without overlay, ...) the lane counts as
# one skipped step.
set -euo pipefail
# shellcheck source=tests/containers/steps.sh
. tests/containers/steps.sh
if [[ -z ${ENGINE_FOLDER:-} ]]; then
    export ROOT=$PWD
    status=0
    SUITES=${BASE:-bookworm} with_engine 'compose under Docker' docker timeout -k 10 1800 "$0" || status=$?
    exit $status
fi
export STEPS_LOG=$ROOT/build/log/short FILE_BYTES=3000000
# shellcheck source=tests/containers/images.sh
. tests/containers/images.sh
# shellcheck source=tests/containers/members.sh
. tests/containers/members.sh
# shellcheck source=tests/containers/compose.sh
. tests/containers/compose.sh

get_healthy() {
    printf 'CONCLAVE_URL=http://127.0.0.1:8080\nCONCLAVE_ADMIN=%s\n' "$(member_id ana)" >.env
    docker compose up -d
    within 60 healthy || {
        docker compose ps --all
        docker compose logs --tail 20
        return 1
    }
    docker compose exec -T server conclave key show 2>/dev/null | grep -xE '[0-9a-f]{64}' >"$STEPS_LOG/key"
}

# As the kernel ends a process: the engine was not asked, and starts both again by itself.
kill_both() {
    local name pid
    for name in "$server" "$database"; do
        pid=$(docker inspect --format '{{.State.Pid}}' "$name")
        ((pid > 1)) # 0: it does not run
        kill -KILL "$pid"
    done
    within 20 eval "[[ \$(docker inspect --format '{{.RestartCount}}' $server) != 0 ]]"
    within 20 eval "[[ \$(docker inspect --format '{{.RestartCount}}' $database) != 0 ]]"
    wait_ready
    members_read_all
    members_write second
}

copy_tree "$ENGINE_FOLDER/conclave" # its folder deploy/ is the project: names begin with "deploy"
step 'the images are built from the real Dockerfile' build_images
uplink-off
cd "$tree/deploy"
relays_start
step 'compose up: both containers are healthy within 60 s' get_healthy
step 'a message and a file of 3 MB are posted and read through three relays' members_write first
step 'both containers killed: they start again, and all is there' kill_both
relays_stop
steps_end 'compose under Docker'
