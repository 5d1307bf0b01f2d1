# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# For lanes that are shell scripts: steps that are counted, and what they say when they fail. To
# source, in the root of the tree. STEPS_LOG is the folder of their logs. `step NAME COMMAND...`
# runs one; `steps_end SUITE` prints the line of the suite, and fails if a step did.

steps_passed=0 steps_failed=0 steps_skipped=0 steps_began=$SECONDS

step() {
    local name=$1 t=$SECONDS log
    log=${STEPS_LOG:?}/${name//[^a-zA-Z0-9]/_}.log
    mkdir -p "$STEPS_LOG"
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
    elif ((status == 77)); then
        # tests/containers/engine.sh: no engine can be had here.
        steps_skipped=$((steps_skipped + 1))
        echo "--- $name: skipped: $(tail -n 1 "$log" | cut -c 1-300)"
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

# with_engine SUITE ENGINE COMMAND...: the command under an engine of its own (engine.sh), which
# counts for itself. Where no engine can be had, the suite is one skipped step; a command that ends
# without its count is one that failed.
with_engine() {
    local suite=$1 status=0 counts
    shift
    counts=$(mktemp)
    TEST_COUNTS=$counts tests/containers/engine.sh "$@" || status=$?
    if ((status == 77)); then
        status=0
        echo '0 0 1' >"$counts"
        printf '%-28s %4d passed, %d failed, %d skipped\n' "$suite" 0 0 1
    elif [[ ! -s $counts ]]; then
        echo '0 1 0' >"$counts"
        printf '%-28s ended early (exit %d)\n' "$suite" "$status"
        status=1
    fi
    [[ -z ${TEST_COUNTS:-} ]] || cat "$counts" >>"$TEST_COUNTS"
    rm -f "$counts"
    return $status
}

steps_end() {
    ((steps_skipped)) || steps_skipped=''
    printf '%-28s %4d passed, %d failed%s  %4d s\n' "$1" "$steps_passed" "$steps_failed" \
        "${steps_skipped:+, $steps_skipped skipped}" $((SECONDS - steps_began))
    [[ -z ${TEST_COUNTS:-} ]] || echo "$steps_passed $steps_failed ${steps_skipped:-0}" >>"$TEST_COUNTS"
    ((steps_failed == 0))
}
