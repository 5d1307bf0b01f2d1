#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The lint: a list of checks, each of which is silent or says file, line and what is wrong.
# usage: tests/run/lint.sh fast|full      (from the root of the tree)
#
# Every tests/lint/*.sh is a check without arguments: exit 0 and silence, or findings and exit 1. full adds what
# needs the other compiler and the analysers.
set -u
passed=0 failed=0 began=$SECONDS
mkdir -p build/log
mapfile -t c_files < <(find server tests -name '*.[ch]' -not -path '*/fixtures/*' | sort)

check() {
    local name=$1 log=build/log/lint-$1.log
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "--- lint: $name"
        tail -n 40 "$log"
    fi
}

check layers awk -f tests/lint/layers.awk server/LAYERS "${c_files[@]}"
check banned awk -f tests/lint/banned.awk "${c_files[@]}"
check lengths awk -f tests/lint/lengths.awk "${c_files[@]}"
check format clang-format --dry-run -Werror "${c_files[@]}"
shopt -s nullglob
for script in tests/lint/*.sh; do
    check "$(basename "$script" .sh)" "$script"
done

printf '%-28s %4d passed, %d failed  %4d s\n' lint "$passed" "$failed" $((SECONDS - began))
[[ -z ${TEST_COUNTS:-} ]] || echo "$passed $failed" >>"$TEST_COUNTS"
((failed == 0))
