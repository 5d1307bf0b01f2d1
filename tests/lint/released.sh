#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Migrations that were released never change: databases know their hashes. tests/lint/released.sha256 lists them.
# usage: tests/lint/released.sh [FOLDER [LIST]]
#
# Whoever releases a version adds its migrations to the list (sha256sum 00NN_*.sql, in the folder).
set -u
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-migrations} list=$(realpath "${2:-$here/released.sha256}")
cd "$folder" || exit 1
found=$(sha256sum --check --quiet --strict "$list" 2>&1) && exit 0
grep -v '^sha256sum: WARNING' <<<"$found" | sed "s|^|$folder/|; s|FAILED.*|was released and must stay as it was|"
exit 1
