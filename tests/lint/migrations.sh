#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Migrations: numbered 0001, 0002 ... without a gap; every table and every column has its COMMENT ON; and a comment on a
# column that says something about a person begins "person: why; until when" (docs/design.md, D11).
# Each from 0008 on says which older programs may go on serving: "-- oldest program: any" or a number (0008 explains).
# usage: tests/lint/migrations.sh [FOLDER]
#
# What says something about a person cannot be read off a schema, so a column whose name or use suggests it
# (author, session_id, ip ...) must either be tagged or say "not a person: ..." in its comment.
set -u
folder=${1:-migrations}
shopt -s nullglob
files=("$folder"/*.sql)
((${#files[@]})) || exit 0
bad=0 expected=1

for file in "${files[@]}"; do
    printf -v want '%04d_' $expected
    if [[ $(basename "$file") != "$want"[a-z]*.sql ]]; then
        echo "$file: expected a name that begins with $want"
        bad=1
    fi
    if ((expected >= 8)) && ! grep -qE '^-- oldest program: (any|[0-9]{4})$' "$file"; then
        echo "$file: has no line '-- oldest program: any' (or the number of a migration)"
        bad=1
    fi
    expected=$((expected + 1))
done

awk -f "$(dirname "$0")/migrations.awk" "${files[@]}" || bad=1
exit $bad
