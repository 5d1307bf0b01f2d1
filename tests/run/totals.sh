#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Adds up what suites counted, lines of "<passed> <failed> [<skipped>]", and says it in one line.
# usage: tests/run/totals.sh COUNTS [FILE]      with FILE the three numbers go there, and nothing is said
#
# Exit 1 when something failed, or when nothing passed.
set -euo pipefail
read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$1")
if [[ -n ${2:-} ]]; then
    echo "$passed $failed $skipped" >"$2"
else
    echo "$passed passed, $failed failed$( ((skipped == 0)) || echo ", $skipped skipped")"
fi
((failed == 0 && passed > 0))
