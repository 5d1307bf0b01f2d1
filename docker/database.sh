#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Entry point of the database image: makes the cluster once, then becomes PostgreSQL.
# usage: database.sh [postgres's arguments]
#
# The cluster is made beside its place and renamed, so that a start which was interrupted is simply begun anew. Other
# settings go into /var/lib/postgresql/data/postgresql.conf or after the image's name; those below always hold.
set -euo pipefail
# shellcheck source=deploy/private-cluster.sh
. /usr/local/lib/conclave/private-cluster.sh

readonly volume=/var/lib/postgresql sockets=/run/postgresql
major=$(readlink /usr/lib/postgresql/current)
readonly data=$volume/data

fail() {
    echo "database: $1" >&2
    exit 1
}

for folder in "$volume" "$sockets"; do
    [[ -w $folder && -x $folder ]] ||
        fail "the volume at $folder is not writable for user $(id -u): give it to $(id -u):$(id -g), or use a named volume"
done

# Two PostgreSQLs on one cluster destroy it, and from within two containers they do not see each other.
exec 9>"$volume/lock" || fail "the volume at $volume cannot be written: is its disk full?"
flock -n 9 || fail "another database container is running on this volume; stop that one first"

if [[ -e $data/PG_VERSION ]]; then
    [[ $(<"$data/PG_VERSION") == "$major" ]] ||
        fail "the volume holds a database of PostgreSQL $(<"$data/PG_VERSION"), this image has $major: docs/upgrade.md says how to move it"
elif [[ -n $(ls -A "$data" 2>/dev/null) ]]; then
    fail "$data holds files, but no database: this is not a volume of ours; nothing was changed"
else
    echo "database: making a new cluster" >&2
    rmdir "$data" 2>/dev/null || true
    cluster_init "$data" conclave ||
        fail "the cluster could not be made in $volume (above: why; is its disk full?); it is begun anew at the next start"
fi
cluster_clear_stale "$data" "$sockets"

# fd 9, the lock, goes on to PostgreSQL. What it logs must not name people: no statements, no parameters, no values.
exec postgres -D "$data" \
    -c hba_file=/usr/local/lib/conclave/pg_hba.conf \
    -c listen_addresses='' \
    -c unix_socket_directories="$sockets" \
    -c unix_socket_permissions=0777 \
    -c log_destination=stderr -c logging_collector=off \
    -c log_error_verbosity=terse \
    -c log_min_error_statement=panic \
    -c log_parameter_max_length_on_error=0 \
    -c log_statement=none -c log_connections=off -c log_disconnections=off \
    "$@"
