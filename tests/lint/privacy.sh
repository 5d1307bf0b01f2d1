#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The tables of docs/privacy.md are made from the comments of the migrations (docs/design.md, D11: 'person: why; until when').
# usage: tests/lint/privacy.sh [--write] [FOLDER [PAGE]]
#
# Without --write it only complains when the page is not what it would make. What stands before the first and after the last
# line of the made part is written by hand and kept.
set -u
write=0
[[ ${1:-} == --write ]] && write=1 && shift
folder=${1:-migrations} page=${2:-docs/privacy.md}
# shellcheck disable=SC2016 # a backtick of Markdown
begin='<!-- From here on made by `make privacy` from the comments of migrations/: do not edit. -->'
end='<!-- The made part ends here. -->'
here=$(dirname "$0")

made() {
    awk -v list=1 -f "$here/migrations.awk" "$folder"/*.sql | awk -F '\t' '
        NF == 2 { about[$1] = $2; next }
        {
            if ($1 != table) {
                table = $1
                printf "\n### %s\n\n%s\n\n| column | why | until when |\n|---|---|---|\n", table, about[table]
            }
            comment = $3
            sub(/^person: /, "", comment)
            gsub(/\|/, "\\|", comment)
            # The last semicolon parts the two; "why" may have some of its own.
            match(comment, /; [^;]*$/)
            printf "| `%s` | %s | %s |\n", $2, substr(comment, 1, RSTART - 1), substr(comment, RSTART + 2)
        }
        END { print "" }'
}

if ! grep -qxF -- "$begin" "$page" || ! grep -qxF -- "$end" "$page"; then
    echo "$page: the lines that mark its made part are gone"
    exit 1
fi
new=$(mktemp)
trap 'rm -f "$new"' EXIT
{
    sed "/^$(sed 's/[][\.*^$/]/\\&/g' <<<"$begin")\$/q" "$page"
    made
    sed -n "/^$end\$/,\$p" "$page"
} >"$new"
if ((write)); then
    cat "$new" >"$page"
elif ! diff -u "$page" "$new" >/dev/null; then
    echo "$page: out of date with the comments of $folder; run: make privacy"
    diff "$page" "$new" | head -n 10
    exit 1
fi
