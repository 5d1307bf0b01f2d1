#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Holds the tables of acceptance against the tests: every statement that a page has to answer stands in it exactly once, and
# every test that it names exists and is run.
# usage: tests/lint/acceptance.sh [ROOT]      (silent, or findings and exit 1)
#
# A row is "| 03/17 | what | `test_program`: `its__test__name`, `another__one` |": the number is PAGE/STATEMENT of the
# protocol, names of tests belong to the program named before them. A statement that does not apply has
# "falls away: why" instead. Which statements a page answers is said here, so that a row cannot go with its number. A row
# with "more" instead of a number says what goes beyond the statements; its tests are checked as well.
set -u
shopt -s nullglob
cd "${1:-.}" || exit 1
bad=0

complain() {
    echo "$1:${2:-1}: $3"
    bad=1
}

# numbers PAGE FIRST LAST: what must stand in a table.
numbers() {
    local n
    for ((n = $2; n <= $3; n++)); do
        echo "$1/$n"
    done
}

# expected FILE: the statements of a page; empty: this page is not known.
expected() {
    case $1 in
        docs/acceptance-files.md) numbers 03 1 37 && numbers 02 50 56 ;;
        docs/acceptance-community.md) numbers 02 1 49 && numbers 02 57 74 ;;
    esac
}

# A test counts when it is defined and given to cmocka: its name stands twice in the program.
check_test() {
    local page=$1 line=$2 program=$3 test=$4 source sources=(tests/*/"$3".c)
    source=${sources[0]:-}
    if [[ -z $source ]]; then
        complain "$page" "$line" "there is no program $program"
    elif ! grep -q "static void $test(" "$source"; then
        complain "$page" "$line" "$source has no test $test"
    elif (($(grep -c "\b$test\b" "$source") < 2)); then
        complain "$page" "$line" "$source does not run $test"
    fi
}

# check_answer PAGE LINE TEXT: the last cell of a row.
check_answer() {
    local page=$1 line=$2 text=$3 program='' named=0 word
    [[ $text =~ ^\ *falls\ away:\ .{10} ]] && return
    while [[ $text =~ \`([A-Za-z0-9_]+)\` ]]; do
        word=${BASH_REMATCH[1]}
        text=${text#*"\`$word\`"}
        if [[ $word == test_* ]]; then
            program=$word
        elif [[ -z $program ]]; then
            complain "$page" "$line" "$word stands before any program"
        else
            check_test "$page" "$line" "$program" "$word"
            named=1
        fi
    done
    ((named)) || complain "$page" "$line" "names no test, and no reason why it falls away"
}

check_page() {
    local page=$1 line=0 row rows number answer seen=' ' wanted
    wanted=$(expected "$page")
    if [[ -z $wanted ]]; then
        complain "$page" 1 "tests/lint/acceptance.sh does not know which statements this page answers"
        return
    fi
    mapfile -t rows <"$page"
    for row in "${rows[@]}"; do
        line=$((line + 1))
        [[ $row =~ ^\|\ *([0-9][0-9]/[0-9]+|more)\ *\|.*\|(.*)\|\ *$ ]] || continue
        number=${BASH_REMATCH[1]} answer=${BASH_REMATCH[2]}
        [[ $number == more || $seen != *" $number "* ]] || complain "$page" "$line" "$number stands there twice"
        seen+="$number "
        check_answer "$page" "$line" "$answer"
    done
    for number in $wanted; do
        [[ $seen == *" $number "* ]] || complain "$page" 1 "statement $number has no row"
    done
}

pages=(docs/acceptance-*.md)
((${#pages[@]})) || complain docs/acceptance-files.md 1 'there is no table of acceptance'
for page in "${pages[@]}"; do
    check_page "$page"
done
exit $bad
