#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs fuzzers one after the other, each on its corpus and then for some seconds on what it makes of it.
# usage: tests/run/fuzz.sh replay|libfuzzer BUILD SECONDS [SEED] [PARSER...]     (from the root of the tree)
#
# replay: the programs of BUILD have tests/fuzz/replay.c as their engine; libfuzzer: they have clang's. Prints one line for
# each parser that fails, and one for all; appends "<passed> <failed>" to the file TEST_COUNTS, if set. An input that ended
# a fuzzer lies in build/fuzz/. New inputs that libFuzzer finds interesting are kept in build/fuzz/corpus/PARSER.
set -u
engine=$1 build=$2 seconds=$3 seed=${4:-1}
shift $(($# < 4 ? $# : 4))
passed=0 failed=0 began=$SECONDS
mkdir -p build/fuzz build/log
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

if ((!$#)); then
    for source in tests/fuzz/fuzz_*.c; do
        source=${source##*/fuzz_}
        set -- "$@" "${source%.c}"
    done
fi

for parser in "$@"; do
    program=$build/tests/fuzz/fuzz_$parser corpus=tests/fuzz/corpus/$parser log=build/log/fuzz-$parser.log
    if [[ $engine == replay ]]; then
        # The limit is for an input that makes a parser turn in circles.
        timeout -k 5 $((seconds + 60)) "$program" -seconds="$seconds" -seed="$seed" "$corpus" >"$log" 2>&1
    else
        mkdir -p "build/fuzz/corpus/$parser"
        "$program" -max_total_time="$seconds" -seed="$seed" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
            -print_final_stats=1 -artifact_prefix="build/fuzz/$parser-" "build/fuzz/corpus/$parser" "$corpus" >"$log" 2>&1
    fi
    status=$?
    if ((status == 0)); then
        passed=$((passed + 1))
        [[ -z ${V:-} ]] || printf '    %-20s %s\n' "$parser" \
            "$(grep -E 'mutations|^Done|number_of_executed_units|new_units_added' "$log" | tr -s ' \n' ' ')"
    else
        failed=$((failed + 1))
        echo "--- fuzz_$parser: exit $status"
        tail -n 40 "$log"
        echo "--- (all of it: $log)"
    fi
done

printf '%-28s %4d passed, %d failed  %4d s\n' "fuzz ($seconds s each)" "$passed" "$failed" $((SECONDS - began))
[[ -z ${TEST_COUNTS:-} ]] || echo "$passed $failed" >>"$TEST_COUNTS"
((failed == 0))
