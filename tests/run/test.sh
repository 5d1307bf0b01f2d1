#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `make test` and `make test-all`: every suite in turn, each with its time; the last line is "N
# passed, M failed", with ", K skipped" where something could not be run here.
# usage: tests/run/test.sh short|full      (called by the Makefile, from the root of the tree)
#
# With TEST_TOTALS, a file, the three numbers go there instead: .ci/run adds others to them.
#
# Two lanes run side by side, since most programs wait for clocks and databases: the release build's
# suites, and what the sanitizers need. What measures runs when both lanes are through
# (tests/run/programs.sh).
#
# short: gcc -Werror, fast lint, unit, integration, and both (but for a few) again under the address
# and undefined-behaviour sanitizers with fixed-time runs cut to a third (CONCLAVE_TEST_SHORT=3),
# and every fuzzer for two seconds. full (CONCLAVE_TEST_FULL=1): nothing is cut, `make lint` is
# added, the integration tests run under the thread sanitizer too, and a quick run of the bench, the
# lane of arm64, and the lanes of containers and of the documents, which need root; the latter on
# Debian 12 and on 13.
set -u
make=${MAKE:-make}
TEST_COUNTS=$(mktemp)
export TEST_COUNTS
turns=$(mktemp)
trap 'rm -f "$TEST_COUNTS" "$turns"' EXIT
shopt -s nullglob
began=$SECONDS
# What is too slow for every day: a minute without a database, a million rows.
[[ ${1:-short} != full ]] || export CONCLAVE_TEST_FULL=1

# build NAME TARGET: a build counts only when it fails.
build() {
    local t=$SECONDS log=build/log/build-$2.log
    mkdir -p build/log
    if $make --no-print-directory WERROR=1 "$2" >"$log" 2>&1; then
        printf '%-28s %-20s %4d s\n' "$1" built $((SECONDS - t))
        return 0
    fi
    grep -v '^  [A-Z]' "$log" | tail -n 60
    printf '%-28s %-20s %4d s\n' "$1" 'does not build' $((SECONDS - t))
    echo '0 1' >>"$TEST_COUNTS"
    return 1
}

# programs VARIANT KIND: paths of the test programs made from tests/KIND/test_*.c
programs() {
    local source
    for source in tests/"$2"/test_*.c; do
        source=${source%.c}
        echo "build/$1/$source"
    done
}

suite() {
    # shellcheck disable=SC2046 # a list of our own file names without spaces
    tests/run/programs.sh "$1" "$2" $(programs "$3" "$4")
}

# lane COMMAND...: in the background, with a shared lock that tells the other lane that it still runs.
lane() {
    (
        exec 9>>"$turns"
        flock -s 9
        export TEST_TURN=1
        "$@"
        flock -u 9
    ) &
}

release_lane() {
    tests/run/lint.sh "$([[ $1 == full ]] && echo full || echo fast)" 9>&-
    suite unit build release unit
    suite integration build release integration
}

asan_lane() {
    # The release build's suites come first while this one compiles.
    make="nice $make" build 'build (asan, ubsan)' tests-asan 9>&- || return
    [[ $1 == full ]] || export CONCLAVE_TEST_SHORT=3
    # Leaks of short-lived programs are looked for too; the first finding ends the program.
    export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
    suite 'unit-asan' build/asan asan unit
    tests/run/fuzz.sh replay build/asan 2 9>&-
    # What kills, fills or waits rather than reads bytes is sanitized in the full lane only: seven minutes are few.
    left_out='/test_attack$' # it measures times alone
    [[ $1 == full ]] || left_out='/test_(adoption|attack|bad_start|clock|database_away|deadlines|events|file_disk|file_kill|file_load|first_start|flood|forgetting|freshness|hostile_http|retention|start|start_times|torture)$'
    mapfile -t sanitized < <(programs asan integration | grep -vE "$left_out")
    TEST_TIMEOUT=${TEST_TIMEOUT:-240} tests/run/programs.sh integration-asan build/asan "${sanitized[@]}"
}

if build 'build (gcc -Werror)' tests-release; then
    lane release_lane "${1:-short}"
fi
lane asan_lane "${1:-short}"
wait
# Races: every program that starts threads or servers, at a third of its time; a report makes a process end with 66. The
# five left out measure or kill rather than race, and are slow enough without.
if [[ ${1:-short} == full ]] && build 'build (tsan)' tests-tsan; then
    export CONCLAVE_TEST_SHORT=3 TSAN_OPTIONS=${TSAN_OPTIONS:-exitcode=66}
    unset CONCLAVE_TEST_FULL
    mapfile -t racing < <(programs tsan integration | grep -vE '/test_(start|start_times|attack|deadlines|torture)$')
    TEST_TIMEOUT=${TEST_TIMEOUT:-240} tests/run/programs.sh integration-tsan build/tsan "${racing[@]}"
fi
# Every scenario of the bench at a twentieth: its answers must be right, and polls free of SQL. Its times mean nothing.
if [[ ${1:-short} == full ]] && build 'build (bench)' build/conclave-bench; then
    t=$SECONDS
    mkdir -p build/log
    if build/conclave-bench --rounds 1 --scale 5 >build/log/bench.log 2>&1; then
        echo '1 0' >>"$TEST_COUNTS"
        printf '%-28s %-20s %4d s\n' bench '1 passed, 0 failed' $((SECONDS - t))
    else
        echo '0 1' >>"$TEST_COUNTS"
        cat build/log/bench.log
        printf '%-28s %-20s %4d s\n' bench '0 passed, 1 failed' $((SECONDS - t))
    fi
fi
if [[ ${1:-short} == full ]]; then
    tests/arm64/lane.sh
    tests/containers/lane.sh
    BASE=trixie tests/containers/short.sh
    tests/docs/lane.sh
    SUITE=trixie tests/docs/lane.sh newcomer source tests
fi
echo "all suites: $((SECONDS - began)) s"
tests/run/totals.sh "$TEST_COUNTS" "${TEST_TOTALS:-}"
