# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# For lanes that are shell scripts: steps that are counted, and what they say when they fail.
# To source. `step NAME COMMAND...` runs one; `steps_end SUITE` prints the line of the suite, and fails if a step did.

steps_passed=0 steps_failed=0 steps_began=$SECONDS
steps_log=${STEPS_LOG:-build/log/steps}
mkdir -p "$steps_log"

step() {
    local name=$1 t=$SECONDS log
    log=$steps_log/${name//[^a-zA-Z0-9]/_}.log
    shift
    # In a subshell with errexit (and therefore not as a condition): the first command that fails ends the step.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    local status=$?
    set -e
    if ((status == 0)); then
        steps_passed=$((steps_passed + 1))
        [[ -z ${V:-} ]] || printf '    %-70s %4d s\n' "$name" $((SECONDS - t))
    else
        steps_failed=$((steps_failed + 1))
        echo "--- $name: FAILED (exit $status)"
        tail -n 25 "$log" | cut -c 1-300
        echo "--- (all of it: $log)"
    fi
}

# assert_said FILE WORDS: the text stands in the file.
assert_said() {
    grep -qF -- "$2" "$1" || {
        echo "expected '$2' in $1:"
        tail -n 30 "$1"
        return 1
    }
}

# within SECONDS COMMAND...: until it succeeds.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || {
            echo "not in time: $*"
            return 1
        }
        sleep 0.2
    done
}

steps_end() {
    printf '%-28s %4d passed, %d failed  %4d s\n' "$1" "$steps_passed" "$steps_failed" $((SECONDS - steps_began))
    [[ -z ${TEST_COUNTS:-} ]] || echo "$steps_passed $steps_failed" >>"$TEST_COUNTS"
    ((steps_failed == 0))
}
