#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `make run`: a private database and the server in the foreground, until Ctrl-C. Called by the Makefile after the build.
#
# Knobs, from the environment: LISTEN (127.0.0.1:8080), DATA (var), URL (the public URL), ADMIN (session ids).
# DATA holds all that lasts: postgres/ (the database), server.key and storage.key. Both children end with this script,
# even when it is killed; what a killed one left behind does not stop the next start. A database that ends by itself is
# started again.
#
# The server must not be able to do more than serve: its role in the database is no superuser, and root gives it up to a
# system user of its own, conclave, which can read the keys and a copy of the program in DATA, and enter the folder of the
# sockets, but write only there. PostgreSQL refuses to run as root anyway; root runs it as postgres.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=deploy/private-cluster.sh
. "$root/deploy/private-cluster.sh"

readonly user=conclave RESTARTS_MAX=5 RESTARTS_WITHIN_S=600
conclave=$root/build/conclave program=$root/build/conclave
restarts=0 last_restart=0
listen=${LISTEN:-127.0.0.1:8080}
server='' postgres='' sockets='' stopping=''

fail() {
    echo "make run: $2" >&2
    exit "$1"
}

# server_exec [OPTION-OF-SETPRIV...] COMMAND...: becomes that command, as the user of the server.
server_exec() {
    cd /
    if ((EUID == 0)); then
        exec setpriv --reuid $user --regid $user --init-groups "$@"
    fi
    exec setpriv "$@"
}

make_user() {
    ((EUID == 0)) && ! getent passwd $user >/dev/null || return 0
    echo "Making the system user $user, as which the server runs"
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin $user ||
        fail 1 "the user $user could not be made (above: why)"
}

both_reach() {
    cluster_as_owner test -x "$1" && (server_exec test -x "$1")
}

# Chooses and makes the folder. The users postgres and conclave cannot pass a folder such as /root.
choose_data() {
    data=$(cd "$root" && realpath -m "${DATA:-var}")
    mkdir -p "$data" 2>/dev/null || fail 1 "DATA=${DATA:-var}: the folder $data cannot be made"
    if ((EUID == 0)) && ! both_reach "$data"; then
        rmdir "$data" 2>/dev/null || true
        echo "The users postgres and $user, as which database and server run, cannot reach $data; using /var/lib/conclave instead."
        data=/var/lib/conclave
        (umask 022 && mkdir -p "$data")
        both_reach "$data" || fail 1 "the users postgres and $user cannot reach $data either: chmod 0755 it"
    fi
    [[ -w $data ]] || fail 1 "DATA=${DATA:-var}: $data belongs to somebody else; choose another folder"
    exec 9>"$data/run.lock"
    flock -n 9 || fail 1 "it is running already on $data (stop that one with Ctrl-C, or choose another DATA= and LISTEN=)"
}

# A folder for the database's socket, and the operator socket: inside DATA, or a short one below /tmp if DATA's name is
# too long for a socket. Whoever enters it is let in by the database, so it is for its owner and the server alone.
choose_sockets() {
    sockets=$data/sockets
    if ! cluster_socket_fits "$sockets"; then
        sockets=$(mktemp -d /tmp/conclave.XXXXXX)
    fi
    mkdir -p "$sockets"
    chmod 0700 "$sockets"
    rm -f "$sockets/operator.sock" # nobody listens there any more: the lock is ours
    ((EUID == 0)) || return 0
    chown postgres:$user "$sockets"
    chmod 1770 "$sockets"
}

# Root makes what the server reads: its program, and the keys of a new server. Without a database they are a new one's; with
# one, a missing key is a mistake, of which the server tells.
place_files() {
    local key
    ((EUID == 0)) || return 0
    program=$data/conclave
    install -m 0755 "$conclave" "$program.new"
    mv "$program.new" "$program"
    if [[ ! -e $data/postgres ]]; then
        # shellcheck disable=SC1091 # made above
        (. "$data/env" && "$conclave" key generate) >/dev/null 2>&1 || true
    fi
    for key in "$data/server.key" "$data/storage.key"; do
        [[ ! -e $key ]] || chown $user: "$key"
    done
}

start_database() {
    local bin old
    bin=$(cluster_bin "$data/postgres") || fail 4 "the PostgreSQL that made $data/postgres is not installed"
    if [[ ! -e $data/postgres/PG_VERSION ]]; then
        echo "Making a new database in $data/postgres"
        cluster_init "$data/postgres" ||
            fail 4 "the database could not be made in $data/postgres (above: why; is the disk full?); the next start begins anew"
    fi
    if old=$(cluster_pid "$data/postgres"); then
        # Of a killed run, whose lock went with it; it is ending already, as its parent has died.
        kill -INT "$old"
        until_gone "$old" 30 || fail 4 "an older PostgreSQL (process $old) still runs on $data/postgres and does not stop"
    fi
    settle_database
    if [[ ! -e $data/postgres/${user}_hba.conf ]]; then
        cluster_give_to "$data/postgres" $user ||
            fail 4 "the database in $data/postgres could not be given to its role $user (above: why); the next start tries again"
    fi
    launch_database
}

# Nothing is left of what ran on the database before.
settle_database() {
    cluster_left "$data/postgres" 60 || fail 4 "processes of an older PostgreSQL still run on $data/postgres and do not end"
    cluster_clear_stale "$data/postgres" "$sockets"
}

launch_database() {
    local bin mode=0700
    ((EUID != 0)) || mode=0777 # the folder around it says who may come
    bin=$(cluster_bin "$data/postgres")
    (cluster_exec setpriv --pdeathsig INT setsid "$bin/postgres" -D "$data/postgres" \
        -c hba_file="$data/postgres/${user}_hba.conf" -c unix_socket_directories="$sockets" \
        -c unix_socket_permissions=$mode) >>"$data/postgres.log" 2>&1 </dev/null 9>&- &
    postgres=$!
    if ! cluster_wait "$data/postgres" 60; then
        [[ -z $stopping ]] || return 0
        tail -n 20 "$data/postgres.log" >&2
        fail 4 "the database did not start (above: the end of $data/postgres.log)"
    fi
}

# A database that ended by itself (killed, or its disk full). One that does so again and again needs somebody.
restart_database() {
    ((SECONDS - last_restart <= RESTARTS_WITHIN_S)) || restarts=0
    last_restart=$SECONDS
    ((restarts++ < RESTARTS_MAX)) ||
        fail 4 "the database ended once more, after $RESTARTS_MAX starts within ten minutes each; the end of $data/postgres.log says why"
    echo "make run: the database has ended by itself; starting it again ($restarts of $RESTARTS_MAX)" >&2
    settle_database
    launch_database
}

# Configuration by environment; the same lines go into DATA/env, for commands beside the running server.
configure() {
    local url
    url=$(cluster_url "$sockets" $user)
    {
        echo "export CONCLAVE_DATABASE_URL=${url@Q}"
        echo "export CONCLAVE_OPERATOR_LISTEN=unix:${sockets@Q}/operator.sock"
        echo "export CONCLAVE_SERVER_LISTEN=${listen@Q}"
        echo "export CONCLAVE_SERVER_KEY_FILE=${data@Q}/server.key"
        echo "export CONCLAVE_SERVER_STORAGE_KEY_FILE=${data@Q}/storage.key"
        echo "export CONCLAVE_SERVER_FIRST_ROOM=lobby"
        [[ -z ${URL:-} ]] || echo "export CONCLAVE_SERVER_PUBLIC_URL=${URL@Q}"
        [[ -z ${ADMIN:-} ]] || echo "export CONCLAVE_SERVER_ADMIN=${ADMIN@Q}"
    } >"$data/env.new"
    chmod 0600 "$data/env.new" # ADMIN names people
    check_settings "$data/env.new"
    mv "$data/env.new" "$data/env"
}

# Before anything is made: the program's own judgement of the knobs, with their names instead of its settings'. (Asking for
# the status reads the settings and nothing else; 3 is a mistake in them.)
check_settings() {
    local said status=0
    # shellcheck disable=SC1090 # made above
    said=$(. "$1" && "$conclave" status 2>&1) || status=$?
    ((status == 3)) || return 0
    rm -f "$1"
    sed 's/^CONCLAVE_SERVER_PUBLIC_URL:/make run: URL=/; s/^CONCLAVE_SERVER_\(LISTEN\|ADMIN\):/make run: \1=/' <<<"$said" >&2
    exit 3
}

start_server() {
    local tries=600 low=()
    # shellcheck disable=SC1091 # made above
    . "$data/env"
    # Ports below 1024 are root's to give.
    ((EUID != 0)) || ((10#${listen##*:} >= 1024)) || low=(--inh-caps +net_bind_service --ambient-caps +net_bind_service)
    (server_exec "${low[@]}" --pdeathsig TERM setsid "$program" serve --init) </dev/null 9>&- &
    server=$!
    until "$conclave" status --ready >/dev/null 2>&1; do
        [[ -d /proc/$server && -z $stopping ]] || return 0
        ((tries-- > 0)) || fail 1 "the server did not get ready within a minute"
        sleep 0.1
    done
    words
}

words() {
    echo
    "$conclave" room qr lobby || echo "(The room lobby is not there any more; \`room list\` shows which are.)"
    echo
    if [[ -n ${URL:-} ]]; then
        echo "The link works for whoever can reach $URL. Nobody has checked that from outside."
    else
        echo "This link works on this machine only. For others to join, type (with the address under which they reach you):"
        echo "    make run LISTEN=0.0.0.0:${listen##*:} URL=http://ADDRESS:${listen##*:}"
    fi
    echo "Commands while it runs:  . $(printf '%q' "$data/env"); build/conclave room list"
    ((EUID != 0)) || echo "The server runs as the user $user, the database as postgres; type commands as root."
    echo "Ctrl-C stops the server and its database; everything stays in $data."
}

# until_gone PID SECONDS
until_gone() {
    local tries=$(($2 * 20))
    while [[ -d /proc/$1 && $(cut -d ' ' -f 3 "/proc/$1/stat" 2>/dev/null) != Z ]]; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# shellcheck disable=SC2317 # the trap calls it
# The server first, so that it finishes what it has begun; then the database.
stop_all() {
    trap '' INT TERM HUP
    if [[ -n $server ]] && kill -TERM "$server" 2>/dev/null; then
        until_gone "$server" 30 || kill -KILL "$server"
    fi
    if [[ -n $postgres ]] && kill -INT "$postgres" 2>/dev/null; then
        until_gone "$postgres" 60 || echo "make run: the database (process $postgres) is still writing; it will end by itself" >&2
    fi
    [[ -z $sockets || $sockets == "$data/sockets" ]] || rm -rf "$sockets"
    [[ -z $stopping || -z $server ]] || echo "Stopped. Everything is kept in $data; \`make run\` goes on from there."
}

# Until the server ends, or somebody ends it. Sets status to its exit code.
watch() {
    local ended
    while [[ -z $stopping ]]; do
        ended='' status=0
        # What bash itself says of a child that was killed is not for people.
        { wait -n -p ended "$server" "$postgres" || status=$?; } 2>/dev/null
        [[ -z $stopping ]] || break
        [[ $ended != "$server" ]] || break
        [[ $ended != "$postgres" ]] || restart_database
    done
}

# Ctrl-C is the way to end it, so it ends well: make says nothing then.
trap stop_all EXIT
trap 'stopping=0; [[ -n $server ]] || exit 0' INT
trap 'stopping=143; [[ -n $server ]] || exit 143' TERM HUP

make_user
choose_data
choose_sockets
configure
place_files
start_database
start_server
status=0
watch
if [[ -n $stopping ]]; then
    echo
    echo "Stopping."
    exit "$stopping"
fi
case $status in
    3) fail 3 "the server refuses its settings (above: why). Of its words, [server] admin is ADMIN=, public_url is URL=" ;;
    5) fail 5 "LISTEN=$listen cannot be had: another program listens there, or it is no address of this machine" ;;
    *) fail "$status" "the server ended by itself (exit $status)" ;;
esac
