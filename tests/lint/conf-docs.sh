#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fails when docs/configuration.md and the table of settings differ: a setting is missing on either side, or its default is
# another. Says nothing about the words: those are for a reader.
#
#   conf-docs.sh [PROGRAM [PAGE]]      PROGRAM check --defaults prints the table
set -eu
LC_ALL=C
export LC_ALL

program=${1:-build/conclave}
page=${2:-docs/configuration.md}
if ! [ -x "$program" ]; then
    echo "conf-docs: $program is not there; build it first" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Both sides become sorted lines "section.key = default".
"$program" check --defaults > "$folder/defaults"
awk '/^\[/  { section = $0; gsub(/[][]/, "", section) }
     /^;[a-z]/ { line = substr($0, 2); sub(/ *= */, " = ", line); print section "." line }' \
    "$folder/defaults" | sort > "$folder/table"
awk -F ' *[|] *' '
     /^## \[/      { section = $0; gsub(/^## \[|\].*$/, "", section); next }
     /^## /        { section = "" }
     section != "" && $2 ~ /^`/ { key = $2; value = $3; gsub(/`/, "", key); gsub(/`/, "", value)
                     if (value == "(empty)") value = ""
                     print section "." key " = " value }' "$page" | sort > "$folder/page"

if [ ! -s "$folder/table" ] || [ ! -s "$folder/page" ]; then
    echo "conf-docs: no settings found in $program or in $page" >&2
    exit 1
fi
if ! diff "$folder/table" "$folder/page" > "$folder/diff"; then
    echo "conf-docs: $page differs from '$program check --defaults' (<: program, >: page)" >&2
    grep '^[<>]' "$folder/diff" >&2
    exit 1
fi
