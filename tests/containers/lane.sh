#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The lane of containers: builds the real images, starts the real compose file, and treats it as
# operators and accidents do, with every step under each engine.
# usage: tests/containers/lane.sh [docker|podman]...
# (as root, from the root of the tree, after `make`; V=1 shows each step)
#
# BASE=trixie builds the images on Debian 13. An engine that cannot be had counts as one skipped
# step.
set -euo pipefail
# shellcheck source=tests/containers/steps.sh
. tests/containers/steps.sh
if [[ -z ${ENGINE_FOLDER:-} ]]; then
    (($#)) || set -- docker podman
    failed=0
    for engine; do
        # Counted in there: what happens under an engine ends with it.
        SUITES=${BASE:-bookworm} with_engine "containers: $engine" "$engine" "$0" || failed=1
    done
    exit $failed
fi
root=$PWD
export STEPS_LOG=$root/build/log/containers-${ENGINE:?}
# shellcheck source=tests/containers/images.sh
. tests/containers/images.sh

# /dev/net/tun is there, and does nothing.
short_lane_is_skipped() {
    local counts=$ENGINE_FOLDER/short-counts
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount env -u ENGINE_FOLDER TEST_COUNTS="$counts" \
        bash -c 'mount --bind /dev/null /dev/net/tun && exec tests/containers/short.sh'
    [[ $(<"$counts") == '0 0 1' ]]
}

copy_tree "$ENGINE_FOLDER/conclave" # its folder deploy/ is the project: names begin with "deploy"
step 'where no engine can be had, the short lane is one skipped step' short_lane_is_skipped
step 'the images are built from the real Dockerfile' build_images
step 'the server image is slim' image_is_slim
step 'the server image holds nothing but the allow-list' image_holds_only_what_it_should
step 'the build saw nothing but the allow-list' build_saw_only_what_it_should
step 'the images run as nobody special, without a shell, with a health check' images_are_configured
step 'the compose file and each block of its override are valid' compose_is_valid
step 'without CONCLAVE_URL compose says what to do' compose_wants_a_url
# The rest needs nothing from outside any more.
uplink-off
counts=$(mktemp)
CONCLAVE_TREE=$tree ROOT=$root TEST_COUNTS=$counts tests/containers/life.sh || true
read -r passed failed _ < <(cat "$counts"; echo 0 1) # no word from it is a failure
steps_passed=$((steps_passed + passed)) steps_failed=$((steps_failed + failed))
rm -f "$counts"
steps_end "containers: $ENGINE"
