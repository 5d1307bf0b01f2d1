#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A room uses the functions of those rooms only that server/LAYERS lists for it, whatever headers
# brought them in. Looks at the objects of the release build; without them there is nothing to say.
# usage: tests/lint/symbols.sh [FOLDER]      (of objects; build/release/server)
set -u
objects=${1:-build/release/server}
made=()
for source in server/*/*.c; do
    object=$objects/${source#server/}
    [[ ! -e ${object%.c}.o ]] || made+=("${object%.c}.o")
done
((${#made[@]})) || exit 0
nm -A "${made[@]}" | awk -v objects="$objects/" '
    FILENAME == "server/LAYERS" {
        if (!/^#/ && sub(/:/, ""))
            for (i = 1; i <= NF; i++)
                allowed[$1, $i] = 1
        next
    }
    {
        file = substr($0, length(objects) + 1)
        sub(/:.*/, "", file)
        room = file
        sub(/\/.*/, "", room)
        if ($(NF - 1) ~ /^[TDBRVC]$/)
            owner[$NF] = room
        else if ($(NF - 1) == "U")
            uses[file, $NF] = room
    }
    END {
        for (use in uses) {
            split(use, part, SUBSEP)
            to = owner[part[2]]
            if (to != "" && !((uses[use], to) in allowed)) {
                print "server/" part[1] ": " part[2] " is a function of " to
                bad = 1
            }
        }
        exit bad
    }' server/LAYERS - | sort
exit "${PIPESTATUS[1]}"
