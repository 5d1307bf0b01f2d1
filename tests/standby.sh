#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An asynchronous standby of a cluster of tests/cluster.sh, in the same folder, on a socket of its own.
# usage: tests/standby.sh attach DIR     copies DIR/data to DIR/standby, starts it (socket in DIR/t), waits until it follows
#        tests/standby.sh detach DIR     ends it; it keeps what it has received
#        tests/standby.sh promote DIR    starts it without its primary and makes it one
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=deploy/private-cluster.sh
. "$here/deploy/private-cluster.sh"

(($# == 2)) || { sed -n '4,6s/^# //p' "$0" >&2; exit 2; }
command=$1 dir=$(realpath -m "$2")
bin=$(cluster_bin "$dir/data")

start() {
    (cluster_exec setsid "$bin/postgres" -D "$dir/standby" -c unix_socket_directories="$dir/t") \
        >>"$dir/standby.log" 2>&1 </dev/null &
    cluster_wait "$dir/standby" 30 || { tail -n 20 "$dir/standby.log" >&2; exit 1; }
}

stop() {
    cluster_as_owner "$bin/pg_ctl" stop -D "$dir/standby" -m fast -w -t 30 >/dev/null
}

# streams: does the primary have a walsender that has sent all?
streams() {
    [[ $(cluster_as_owner "$bin/psql" -h "$dir/s" -U postgres -d postgres -Atqc \
        "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()") == 1 ]]
}

case $command in
    attach)
        mkdir -p "$dir/t"
        ((EUID != 0)) || chown postgres: "$dir/t"
        chmod 0700 "$dir/t"
        cluster_as_owner "$bin/pg_basebackup" -h "$dir/s" -U postgres -D "$dir/standby" -R -c fast -X stream
        start
        for ((i = 0; i < 600; i++)); do
            ! streams || exit 0
            sleep 0.05
        done
        exit 1
        ;;
    detach) stop ;;
    promote)
        start
        cluster_as_owner "$bin/pg_ctl" promote -D "$dir/standby" -w -t 30 >/dev/null
        ;;
    *) exit 2 ;;
esac
