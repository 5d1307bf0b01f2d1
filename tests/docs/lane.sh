#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Carries out what docs/install.md, backup.md and upgrade.md tell operators to type, block by block,
# as it stands: blocks tagged `docker` and `upgrade` under Docker's own engine and podman
# (tests/containers/engine.sh), `newcomer` and `source` on a bare machine (tests/docs/machine.sh).
# `tests` runs `make test` and `make demo` there. Not carried out: blocks tagged `plugin`, the
# installation of Docker from Docker's own packages.
# usage: [SUITE=bookworm] tests/docs/lane.sh [docker|newcomer|source|tests]...
# (as root, from the root of the tree, after `make`)
set -euo pipefail
export SUITE=${SUITE:-bookworm}
export ROOT=$PWD STEPS_LOG=$PWD/build/log/docs-$SUITE
# shellcheck source=tests/containers/steps.sh
. tests/containers/steps.sh
# shellcheck source=tests/docs/blocks.sh
. tests/docs/blocks.sh
(($#)) || set -- docker newcomer source

# On the bare machine: install, `make run` as the page has it, twice; the second start is quick; knobs that are none.
newcomer() {
    {
        blocks docs/install.md newcomer
        while read -r command; do
            printf 'tests/docs/foreground.sh 600 %q | tee -a said.log\n' "$command"
        done < <(blocks docs/install.md 'newcomer foreground')
        cat tests/docs/knobs.sh
    } >"$STEPS_LOG/newcomer.sh"
    tests/docs/machine.sh "$STEPS_LOG/newcomer.sh"
}

from_source() {
    {
        blocks docs/install.md source
        cat tests/docs/installed.sh
    } >"$STEPS_LOG/source.sh"
    tests/docs/machine.sh "$STEPS_LOG/source.sh"
}

make_test_and_demo() {
    printf '%s\n' 'apt-get install -y -qq git make >/dev/null' 'make test' 'make demo' >"$STEPS_LOG/tests.sh"
    tests/docs/machine.sh "$STEPS_LOG/tests.sh"
}

# What systemd thinks of the unit, where a systemd is; exposure below 3 is "OK" and better.
unit_is_sound() {
    local folder
    folder=$(mktemp -d)
    sed 's|@PREFIX@|/usr/local|g' deploy/conclave.service >"$folder/conclave.service"
    install -D build/conclave "$folder/usr/local/bin/conclave"
    sed -i "s|^ExecStart=/usr/local|ExecStart=$folder/usr/local|" "$folder/conclave.service"
    systemd-analyze verify --man=no "$folder/conclave.service" 2>&1 | grep conclave.service && return 1
    systemd-analyze security --offline=yes --threshold=30 "$folder/conclave.service" >"$STEPS_LOG/security"
    tail -n 1 "$STEPS_LOG/security"
    rm -rf "$folder"
}

step 'every block of commands is tagged, so that it is carried out' \
    blocks_known docs/install.md docs/operate.md docs/backup.md docs/upgrade.md
for part; do
    case $part in
        docker)
            for engine in docker podman; do
                SUITES=$SUITE step "install, backup and upgrade with docker compose, under $engine" \
                    tests/containers/engine.sh "$engine" tests/docs/with-docker.sh
            done
            ;;
        newcomer) step 'make run on a bare machine' newcomer ;;
        tests) step 'make test and make demo on a bare machine' make_test_and_demo ;;
        source)
            step 'the systemd unit is sound' unit_is_sound
            step 'from source on a bare machine' from_source
            ;;
        *) echo "usage: tests/docs/lane.sh [docker|newcomer|source|tests]..." >&2 && exit 2 ;;
    esac
done
steps_end "docs: $SUITE"
