#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Links in documents lead somewhere: every relative link of a Markdown file names a file or folder that exists, and every
# `make TARGET` is a target of the Makefile.
# usage: tests/lint/links.sh [FILE...]
set -u
bad=0
(($#)) || set -- README.md CHANGELOG.md docs/*.md docs/decisions/*.md
# shellcheck disable=SC2016 # backticks of Markdown, not of the shell
for file in "$@"; do
    [[ -e $file ]] || continue
    while IFS= read -r target; do
        target=${target%%#*}
        [[ -z $target || $target == *://* || $target == mailto:* ]] && continue
        if [[ ! -e $(dirname "$file")/$target ]]; then
            echo "$file: the link to $target leads nowhere"
            bad=1
        fi
    done < <(grep -o '](<*[^)>]*' "$file" | sed 's/^](<*//')
    # shellcheck disable=SC2016 # a backtick of Markdown
    while IFS= read -r target; do
        if [[ -e Makefile ]] && ! grep -Eq "^([a-z-]+ )*$target( [a-z-]+)*:" Makefile; then
            echo "$file: \`make $target\` is no target of the Makefile"
            bad=1
        fi
    done < <(grep -oE '(^ *|`)make [a-z][a-z-]+( |`|$)' "$file" | sed -E 's/.*make //; s/[ `]$//' | sort -u)
done
exit $bad
