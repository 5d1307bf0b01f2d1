#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs cmocka programs and counts their tests.
# usage: tests/run/programs.sh SUITE BUILD PROGRAM...      (from the root of the tree)
#
# SUITE is the word shown; BUILD is the folder of conclave, conclave-client and conclave-node, given
# to the programs as CONCLAVE_TEST_BUILD. Prints failing programs' output in full and one line for
# the suite; appends "<passed> <failed> <skipped>" to the file TEST_COUNTS, if set. Exit 1 on any
# failure. A program that crashes, hangs (TEST_TIMEOUT, 120 s), skips tests or reports fewer than it
# announced has failed. With CONCLAVE_TEST_EMULATED, the name of an emulator, programs run under that
# one and may skip tests.
#
# A program's source says in its first comment how it wants to run:
#   test-waits: SECONDS      It mostly waits for a clock. TEST_WAITING (4) of these run at a time,
#                            beside TEST_JOBS (2) of the others; the longest begin first.
#   test-seconds: SECONDS    It takes long, and begins before the shorter ones.
#   test-alone               It measures. It runs when the rest is done, and nothing beside it.
#   test-timeout-s: SECONDS  It may take longer than TEST_TIMEOUT.
#
# A program that fails beside others is run once more by itself when the rest is done, since many
# tests measure time; that run counts, and the suite's line tells how many there were.
#
# Suites may run side by side. Each then holds a shared lock (flock -s) on the file behind descriptor
# 9, and says so with TEST_TURN=1; this script makes it an exclusive one while it runs a program by
# itself, and so waits until the others are through.
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

# length_of PROGRAM WORD: the seconds behind "WORD: " in its source, or nothing.
length_of() {
    grep -o -m1 "$2: [0-9]*" "$(source_of "$1")" 2>/dev/null | grep -o '[0-9]*$'
}

# run PROGRAM [alone]: what it has to say comes in one piece, since others may run beside it.
run() {
    local program=$1 log limit t=$SECONDS status ok bad left planned verdict=ok
    log=build/log/$suite-$(basename "$program").log
    limit=$(length_of "$program" test-timeout-s)
    limit=${limit:-${TEST_TIMEOUT:-120}}
    timeout -k 10 "$limit" ${CONCLAVE_TEST_EMULATED:+"$CONCLAVE_TEST_EMULATED"} "$program" >"$log" 2>&1 </dev/null 9>&-
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

# side_by_side N PROGRAM...
side_by_side() {
    local most=$1 running=0 program
    shift
    for program in "$@"; do
        if ((running++ >= most)); then
            wait -n
        fi
        run "$program" &
    done
    wait
}

# by_length: from lines of "SECONDS PROGRAM", the programs, the longest first.
by_length() {
    sort -s -k 1,1nr | cut -d ' ' -f 2-
}

alone=() waiting=() others=()
for program in "$@"; do
    if grep -q 'test-alone' "$(source_of "$program")" 2>/dev/null; then
        alone+=("$program")
    elif seconds=$(length_of "$program" test-waits); then
        waiting+=("$seconds $program")
    else
        seconds=$(length_of "$program" test-seconds)
        others+=("${seconds:-0} $program")
    fi
done
# (Unquoted below: a list without programs is one empty word here.)
mapfile -t waiting < <(printf '%s\n' "${waiting[@]+"${waiting[@]}"}" | by_length)
mapfile -t others < <(printf '%s\n' "${others[@]+"${others[@]}"}" | by_length)
# shellcheck disable=SC2068
side_by_side "${TEST_WAITING:-4}" ${waiting[@]} &
# shellcheck disable=SC2068
side_by_side "${TEST_JOBS:-2}" ${others[@]} &
wait
turn=0
if [[ -n ${TEST_TURN:-} ]] && { ((${#alone[@]})) || [[ -s $again ]]; }; then
    turn=1
    flock -x 9
fi
for program in "${alone[@]+"${alone[@]}"}"; do
    run "$program"
done
mapfile -t repeated <"$again"
for program in "${repeated[@]+"${repeated[@]}"}"; do
    echo "--- $program failed beside others and runs once more (first: build/log/$suite-$(basename "$program").log.first)"
    run "$program" alone
done

((turn == 0)) || flock -s 9

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$counts")
((skipped)) || skipped=''
printf '%-28s %4d passed, %d failed%s  %4d s\n' "$suite" "$passed" "$failed" "${skipped:+, $skipped skipped}" $((SECONDS - began))
((${#repeated[@]} == 0)) || echo "  (${#repeated[@]} of its programs were run twice: ${repeated[*]##*/})"
[[ -z ${TEST_COUNTS:-} ]] || echo "$passed $failed ${skipped:-0}" >>"$TEST_COUNTS"
((failed == 0))
