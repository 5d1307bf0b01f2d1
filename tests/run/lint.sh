#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The lint: a list of checks, each of which is silent or says file, line and what is wrong.
# usage: tests/run/lint.sh fast|full      (from the root of the tree)
#
# Every tests/lint/*.sh is a check without arguments: exit 0 and silence, or findings and exit 1. full adds what
# needs the other compiler and the analysers.
set -u
passed=0 failed=0 skipped='' began=$SECONDS
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
        # Findings first; where there are none in the usual form, the end of what it said.
        grep -E ':[0-9]+(:[0-9]+)?: ' "$log" | grep -v ': note: ' | head -n 25 | grep . || tail -n 25 "$log"
    fi
}

check layers awk -f tests/lint/layers.awk server/LAYERS "${c_files[@]}"
check banned awk -f tests/lint/banned.awk "${c_files[@]}"
check lengths awk -f tests/lint/lengths.awk "${c_files[@]}"
# Later versions lay out some lines in another way, and Debian 13 has no version 14.
if command -v clang-format-14 >/dev/null; then
    check format clang-format-14 --dry-run -Werror "${c_files[@]}"
else
    skipped=1
    echo 'lint: format is not checked: there is no clang-format-14 here'
fi
shopt -s nullglob
for script in tests/lint/*.sh; do
    check "$(basename "$script" .sh)" "$script"
done

# clang-tidy for what ships or proves the protocol; tests bend rules on purpose (setlocale, odd casts).
# shellcheck disable=SC2317,SC2016 # called through check; the inner shell expands
tidy() {
    local flags
    flags="-std=gnu17 -D_GNU_SOURCE -Iserver -Itests $(pkg-config --cflags libpq)"
    printf '%s\n' "${c_files[@]}" | grep -E '^(server|tests/client|tests/network)/.*\.c$' | FLAGS=$flags xargs -n 8 -P 2 sh -c \
        'clang-tidy --quiet --warnings-as-errors="*" --config-file=tests/lint/clang-tidy.yaml "$@" -- $FLAGS' tidy
}
if [[ ${1:-fast} == full ]]; then
    check clang "${MAKE:-make}" --no-print-directory WERROR=1 tests-clang
    # The programs only: gcc cannot know that an assertion of cmocka ends a test.
    check analyzer "${MAKE:-make}" --no-print-directory WERROR=1 programs-analyzer
    check tidy tidy
    check cppcheck cppcheck --quiet --error-exitcode=1 --enable=warning,portability,performance --inline-suppr \
        --suppress=missingIncludeSystem --std=c11 -j 2 -D_GNU_SOURCE \
        '-Djson_array_foreach(array,i,item)=for (i = 0; (item = json_array_get(array, i)) != NULL; i++)' \
        '-Djson_object_foreach(object,key,item)=for (; (item = json_object_get(object, key)) != NULL;)' -Iserver -Itests server tests
    check shell shellcheck -x deploy/*.sh docker/*.sh tests/*.sh tests/*/*.sh tests/containers/docker tests/docs/systemctl \
        tests/docs/journalctl .ci/run
fi

printf '%-28s %4d passed, %d failed%s  %4d s\n' lint "$passed" "$failed" "${skipped:+, $skipped skipped}" $((SECONDS - began))
[[ -z ${TEST_COUNTS:-} ]] || echo "$passed $failed ${skipped:-0}" >>"$TEST_COUNTS"
((failed == 0))
