#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A citation "docs/PAGE.md, N" (a number of a section, or D and a number; "N and M" for two) names
# a page and a heading that are in the repository. Pages cite their neighbours by name alone. What
# is not in the repository is not cited.
# usage: tests/lint/citations.sh [FILE...]      (from the root of the tree)
set -u
bad=0
if ((!$#)); then
    mapfile -t files < <(git ls-files server tests docs deploy docker migrations README.md Makefile |
        grep -vE '^(tests/lint/(citations|selftest)\.sh|tests/vectors/|migrations/000[1-7]_)')
    set -- "${files[@]}"
fi

# page FILE NAME: the path of the page that FILE calls NAME.
page() {
    [[ $2 == docs/* ]] && echo "$2" || echo "$(dirname "$1")/$2"
}

while IFS=: read -r file line text; do
    name=${text%%,*}
    target=$(page "$file" "$name")
    read -ra numbers <<<"$(sed -E 's/^[^,]*, //; s/ and / /' <<<"$text")"
    for number in "${numbers[@]}"; do
        if ! grep -qE "^#+ ${number//./\\.}\.? " "$target" 2>/dev/null; then
            echo "$file:$line: $name has no section $number"
            bad=1
        fi
    done
done < <(grep -noHE '[a-z/-]+\.md, D?[0-9]+(\.[0-9]+)*( and D?[0-9]+(\.[0-9]+)*)?' "$@" /dev/null)

if grep -nHE 'protocol[ /]0[1-5]|[Dd]esign,? (D[0-9]|section)|findings [A-G][0-9]' "$@" /dev/null; then
    echo 'these citations name pages that are not in the repository'
    bad=1
fi
exit $bad
