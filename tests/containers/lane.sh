#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The lane of containers: builds the real images, starts the real compose file, and treats it as operators and accidents do.
# usage: tests/containers/lane.sh      (as root, from the root of the tree, after `make`; V=1 shows each step)
set -euo pipefail
if [[ -z ${ENGINE_FOLDER:-} ]]; then
    # Counted here: what happens in there ends with it.
    exec tests/containers/engine.sh "$0"
fi
root=$PWD
export STEPS_LOG=$root/build/log/containers
# shellcheck source=tests/containers/steps.sh
. tests/containers/steps.sh
# shellcheck source=tests/containers/images.sh
. tests/containers/images.sh
copy_tree "$ENGINE_FOLDER/conclave" # its folder deploy/ is the project: names begin with "deploy"
step 'the images are built from the real Dockerfile' build_images
step 'the server image is slim' image_is_slim
step 'the server image holds nothing but the allow-list' image_holds_only_what_it_should
step 'the build saw nothing but the allow-list' build_saw_only_what_it_should
step 'the images run as nobody special, without a shell, with a health check' images_are_configured
step 'the compose file and each block of its override are valid' compose_is_valid
step 'without CONCLAVE_URL compose says what to do' compose_wants_a_url
# The rest in a network of its own: no port is taken, and nothing outside is needed any more.
counts=$(mktemp)
CONCLAVE_TREE=$tree ROOT=$root TEST_COUNTS=$counts engine-alone tests/containers/life.sh || true
read -r passed failed < <(cat "$counts"; echo 0 1) # no word from it is a failure
steps_passed=$((steps_passed + passed)) steps_failed=$((steps_failed + failed))
rm -f "$counts"
steps_end containers
