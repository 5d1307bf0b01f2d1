#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A PostgreSQL cluster for one test program, in a temporary folder.
# usage: tests/cluster.sh start DIR [--no-fsync] [--owner PID] [--env NAME=VALUE]...
#                                                                 prints the libpq URL of its database `conclave`
#        tests/cluster.sh crash DIR                               ends it as a power cut would; start DIR starts it again
#        tests/cluster.sh backend DIR N                           kills one of its processes; it recovers by itself
#        tests/cluster.sh freeze|thaw DIR                         its processes stand still (SIGSTOP), and go on
#        tests/cluster.sh standby|promote DIR                     starts it again as one that only reads; lets it write
#        tests/cluster.sh stop DIR                                ends it and removes DIR
#
# DIR must be short (its socket's path is limited to 107 bytes) and its parents passable for the user postgres; the
# database is DIR/data, the socket stands in DIR/s, the log is DIR/log. fsync stays on unless a test does without.
# With --owner the cluster is stopped and removed when that process ends, however it ends. initdb takes a second or two, so
# its result is kept in build/ and copied.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=deploy/private-cluster.sh
. "$here/deploy/private-cluster.sh"

usage() {
    sed -n '4,9s/^# //p' "$0" >&2
    exit 2
}

say_and_fail() {
    echo "tests/cluster.sh: $*" >&2
    exit 1
}

# The kept cluster is named after what made it, so that a change here or a new PostgreSQL makes a new one.
template() {
    local key
    key=$(cat "$here/deploy/private-cluster.sh" "$bin/initdb" | sha256sum | cut -c1-12)
    echo "$here/build/cluster-$key"
}

make_data() {
    local kept
    kept=$(template)
    if [[ ! -d $kept ]]; then
        cluster_init "$dir/data"
        mkdir -p "$here/build"
        # Several programs may come here at once; the first rename wins, the others' copies go. Most of
        # it is zeros, which need not be copied each time.
        cp -a --sparse=always "$dir/data" "$kept.$$"
        mv -T "$kept.$$" "$kept" 2>/dev/null || rm -rf "$kept.$$"
    else
        cp -a --reflink=auto "$kept" "$dir/data"
    fi
}

start() {
    local fsync=on owner='' sockets=$dir/s environment=()
    while (($#)); do
        case $1 in
            --no-fsync) fsync=off ;;
            --owner) owner=${2:?} && shift ;;
            --env) environment+=("${2:?}") && shift ;; # of PostgreSQL alone: libfaketime
            *) usage ;;
        esac
        shift
    done
    bin=$(cluster_bin "$dir/data") || say_and_fail "PostgreSQL is not installed (make deps)"
    cluster_socket_fits "$sockets" || say_and_fail "the name of the folder is too long for a socket: $dir"
    mkdir -p "$dir" "$sockets"
    if ((EUID == 0)); then
        chown postgres: "$dir" "$sockets"
        cluster_as_owner test -x "$dir" || say_and_fail "the user postgres cannot enter $dir"
    fi
    chmod 0700 "$dir" "$sockets"
    [[ -d $dir/data ]] || make_data
    cluster_pid "$dir/data" >/dev/null && say_and_fail "a cluster runs in $dir already"
    cluster_clear_stale "$dir/data" "$sockets"
    # setsid: a Ctrl-C meant for the test must not take the database away under the server.
    (cluster_exec setsid env "${environment[@]}" "$bin/postgres" -D "$dir/data" -c unix_socket_directories="$sockets" -c fsync=$fsync) \
        >>"$dir/log" 2>&1 </dev/null &
    if ! cluster_wait "$dir/data" 30; then
        tail -n 20 "$dir/log" >&2
        say_and_fail "PostgreSQL did not start"
    fi
    if [[ -n $owner ]]; then
        setsid "$0" watch "$dir" "$owner" >/dev/null 2>&1 </dev/null &
    fi
    cluster_url "$sockets"
}

# children PID: its child processes, one a line.
children() {
    tr ' ' '\n' <"/proc/$1/task/$1/children" | grep . || true
}

# stand STOP|CONT: all of its processes. Stopped first, the postmaster starts no more of them.
stand() {
    local pid
    pid=$(cluster_pid "$dir/data") || return 0
    # It may have ended in the meantime.
    kill "-$1" "$pid" 2>/dev/null || return 0
    # shellcheck disable=SC2046 # numbers
    kill "-$1" $(children "$pid") 2>/dev/null || true
}

# end SIGNAL: INT is PostgreSQL's fast shutdown.
end() {
    local pid tries=1000 all
    pid=$(cluster_pid "$dir/data") || return 0
    all=("$pid")
    if [[ $1 == KILL ]]; then
        # All of its processes at once, as a power cut would. Each is the leader of a session of its own; stopped first,
        # the postmaster starts no more of them. None may live on: start removes the lock file that would notice.
        kill -STOP "$pid"
        mapfile -t -O 1 all < <(children "$pid")
    fi
    kill "-$1" "${all[@]}" 2>/dev/null || true
    [[ $1 == KILL ]] || stand CONT # a test that failed may have left it frozen
    for pid in "${all[@]}"; do
        while [[ -d /proc/$pid ]] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null && ((tries-- > 0)); do
            sleep 0.01
        done
    done
}

# backend N: the N-th of the processes that serve connections, counted round and round.
backend() {
    local pid found=() child
    pid=$(cluster_pid "$dir/data") || say_and_fail "no cluster runs in $dir"
    for child in $(children "$pid"); do
        if [[ $({ tr '\0' ' ' <"/proc/$child/cmdline"; } 2>/dev/null) == 'postgres: postgres conclave '* ]]; then
            found+=("$child")
        fi
    done
    ((${#found[@]})) || return 0
    kill -KILL "${found[$1 % ${#found[@]}]}" 2>/dev/null || true
}

# It follows nobody, but answers as a standby does: nothing is written until it is promoted.
standby() {
    bin=$(cluster_bin "$dir/data")
    end INT
    cluster_clear_stale "$dir/data" "$dir/s"
    cluster_as_owner touch "$dir/data/standby.signal"
    (cluster_exec setsid "$bin/postgres" -D "$dir/data" -c unix_socket_directories="$dir/s" -c fsync=off) \
        >>"$dir/log" 2>&1 </dev/null &
    cluster_wait "$dir/data" 30 || say_and_fail "PostgreSQL did not become a standby"
}

promote() {
    bin=$(cluster_bin "$dir/data")
    cluster_as_owner "$bin/pg_ctl" promote -D "$dir/data" >>"$dir/log"
}

# Its owner has ended: a test that crashed leaves nothing behind.
watch() {
    while [[ -d /proc/$1 && -d $dir ]]; do
        sleep 1
    done
    [[ -d $dir ]] || return 0
    end INT
    rm -rf "$dir"
}

(($# >= 2)) || usage
command=$1 dir=$(realpath -m "$2")
shift 2
case $command in
    start) start "$@" ;;
    crash) end KILL ;;
    freeze) stand STOP ;;
    thaw) stand CONT ;;
    standby | promote) "$command" ;;
    backend) backend "${1:?}" ;;
    watch) watch "$@" ;;
    stop)
        end INT
        [[ ! -e $dir/data && ! -e $dir/s ]] || rm -rf "$dir"
        ;;
    *) usage ;;
esac
