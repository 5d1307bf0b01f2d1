#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs cmocka programs and counts their tests.
# usage: tests/run/programs.sh SUITE BUILD PROGRAM...      (from the root of the tree)
#
# SUITE is the word shown; BUILD is the folder of conclave, conclave-client and conclave-node, given
# to the programs as CONCLAVE_TEST_BUILD. Programs run TEST_JOBS at a time (2: most of them wait for
# a database or a clock); those that measure, and say "test-alone" in their source, one after the
# other when the rest is done. Prints failing programs' output in full and one line for the suite;
# appends "<passed> <failed> <skipped>" to the file TEST_COUNTS, if set. A program that crashes,
# hangs (TEST_TIMEOUT, 120 s), skips tests or reports fewer than it announced has failed. Exit 1 on
# any failure. A program that fails beside others is run once more by itself when the rest is done,
# since many tests measure time; that run counts, and the suite's line tells how many there were.
# With CONCLAVE_TEST_EMULATED, the name of an emulator, programs run under that one and
# may skip tests.
set -u
suite=$1 build=$2
shift 2
export CONCLAVE_TEST_BUILD=$build CMOCKA_MESSAGE_OUTPUT=tap
began=$SECONDS
counts=$(mktemp)
again=$(mktemp) # programs to run once more
trap 'rm -f "$counts" "$again"' EXIT
mkdir -p build/log

source_of() {
    echo "tests/${1##*/tests/}.c"
}

# A program that needs longer says so in its source: "test-timeout-s: 300".
limit_of() {
    local own
    own=$(grep -o -m1 'test-timeout-s: [0-9]*' "$(source_of "$1")" 2>/dev/null | grep -o '[0-9]*$')
    echo "${own:-${TEST_TIMEOUT:-120}}"
}

# run PROGRAM [alone]: what it has to say comes in one piece, since others may run beside it.
run() {
    local program=$1 log limit t=$SECONDS status ok bad left planned verdict=ok
    log=build/log/$suite-$(basename "$program").log
    limit=$(limit_of "$program")
    timeout -k 10 "$limit" ${CONCLAVE_TEST_EMULATED:+"$CONCLAVE_TEST_EMULATED"} "$program" >"$log" 2>&1 </dev/null
    status=$?
    # (cmocka 1.1.5 writes "not ok" before a skipped test, later ones "ok".)
    read -r ok bad left planned < <(awk -v may_skip="${CONCLAVE_TEST_EMULATED:+1}" '
        may_skip && /^(not )?ok [0-9]+ # SKIP/ { left++; next } / # SKIP/ || /^not ok [0-9]/ { bad++; next } /^ok [0-9]/ { ok++ }
        /^1\.\.[0-9]+$/ { planned += substr($0, 4) } END { print ok + 0, bad + 0, left + 0, planned + 0 }' "$log")
    if ((status == 124 || status == 137)); then
        verdict="FAILED: not done after $limit s"
    elif ((ok + bad + left == 0 || ok + bad + left < planned || (status != 0 && bad == 0))); then
        verdict="FAILED: ended early (exit $status)"
    elif ((bad)); then
        verdict="FAILED: $bad of $planned"
    fi
    [[ $verdict == ok || $bad -gt 0 ]] || bad=$((planned > ok + left ? planned - ok - left : 1))
    if [[ $verdict != ok && ${2:-} != alone ]]; then
        echo "$program" >>"$again"
        cp "$log" "$log.first"
        return
    fi
    echo "$ok $bad $left" >>"$counts"
    if [[ $verdict != ok ]]; then
        printf '%s\n' "--- $program: $verdict" "$(grep -v '^ok ' "$log" | tail -n 60)" "--- (all of it: $log)"
    elif [[ -n ${V:-} ]]; then
        printf '    %-50s %3d tests %4d s\n' "$program" "$ok" $((SECONDS - t))
    fi
}

alone=()
for program in "$@"; do
    if grep -q 'test-alone' "$(source_of "$program")" 2>/dev/null; then
        alone+=("$program")
        continue
    fi
    while (($(jobs -rp | wc -l) >= ${TEST_JOBS:-2})); do
        wait -n
    done
    run "$program" &
done
wait
for program in "${alone[@]+"${alone[@]}"}"; do
    run "$program"
done
mapfile -t repeated <"$again"
for program in "${repeated[@]+"${repeated[@]}"}"; do
    echo "--- $program failed beside others and runs once more (first: build/log/$suite-$(basename "$program").log.first)"
    run "$program" alone
done

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$counts")
((skipped)) || skipped=''
printf '%-28s %4d passed, %d failed%s  %4d s\n' "$suite" "$passed" "$failed" "${skipped:+, $skipped skipped}" $((SECONDS - began))
((${#repeated[@]} == 0)) || echo "  (${#repeated[@]} of its programs were run twice: ${repeated[*]##*/})"
[[ -z ${TEST_COUNTS:-} ]] || echo "$passed $failed ${skipped:-0}" >>"$TEST_COUNTS"
((failed == 0))
