# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A private PostgreSQL cluster in a folder of ours: functions for deploy/run-local.sh and tests/cluster.sh to source.
#
# It listens on a unix socket only, in a folder that nobody but its owner (and root) can enter. PostgreSQL refuses to
# run as root, so root runs it as the user postgres; anybody else runs it as himself. Debian's own clusters are not touched.

# cluster_exec COMMAND...: becomes that command, as the user that owns the cluster, in a folder which he can enter. A
# subshell that ends with it has the command's own process id.
cluster_exec() {
    cd /
    if ((EUID == 0)); then
        exec setpriv --reuid postgres --regid postgres --init-groups "$@"
    fi
    exec "$@"
}

cluster_as_owner() {
    (cluster_exec "$@")
}

# cluster_bin DIR: prints the folder of PostgreSQL's programs: of the version that made DIR, else of the newest.
cluster_bin() {
    local version='*' bin found=''
    [[ ! -e $1/PG_VERSION ]] || version=$(<"$1/PG_VERSION")
    # shellcheck disable=SC2231 # a pattern, where no version is known yet
    for bin in /usr/lib/postgresql/$version/bin; do
        [[ ! -x $bin/postgres ]] || found=$bin
    done
    [[ -n $found ]] && echo "$found"
}

# cluster_socket_fits SOCKETS: the system and PostgreSQL allow 107 bytes for a socket's path.
cluster_socket_fits() {
    local LC_ALL=C path=$1/.s.PGSQL.5432
    ((${#path} <= 107))
}

# cluster_init DIR [OWNER]: a new cluster in DIR, with the empty database conclave, which belongs to OWNER (a new role
# without other rights) or else to postgres. DIR appears only when it is complete.
# Roles and database are made in single-user mode, so that no server has to be started for it.
cluster_init() {
    local dir=$1 owner=${2:-} bin new=$1.new
    local sql='CREATE DATABASE conclave'
    [[ -z $owner ]] || sql="CREATE ROLE $owner LOGIN"$'\n'"CREATE DATABASE conclave OWNER $owner"
    # Each step says whether it failed: who calls this behind "||" has switched "set -e" off in here.
    bin=$(cluster_bin "$dir") || return
    rm -rf "$new" || return
    mkdir -m 0700 "$new" || return
    ((EUID != 0)) || chown postgres: "$new" || return
    cluster_as_owner "$bin/initdb" --pgdata="$new" --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 --no-sync --no-instructions >/dev/null || return
    # What PostgreSQL writes to its log must not name people: no statements, no parameters, no DETAIL with values.
    cluster_as_owner tee -a "$new/postgresql.conf" >/dev/null <<'CONF' || return

# conclave
listen_addresses = ''
unix_socket_permissions = 0700
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
CONF
    cluster_as_owner "$bin/postgres" --single -D "$new" -c log_checkpoints=off -c exit_on_error=on template1 >/dev/null <<<"$sql" || return
    sync -f "$new" || return
    mv -T "$new" "$dir"
}

# cluster_give_to DIR OWNER: makes OWNER, a role without other rights, the owner of the database conclave and of all that is
# in it, and lets nobody in over the socket but OWNER (and the role postgres, for the system's user of that name). No
# server may run on DIR. Can be interrupted and repeated; the file OWNER_hba.conf, which appears last, says that it is done.
cluster_give_to() {
    local dir=$1 owner=$2 bin hba=$1/$2_hba.conf
    bin=$(cluster_bin "$dir") || return
    # Sequences of columns go with their tables. With -j a statement ends at a semicolon before an empty line.
    cluster_as_owner "$bin/postgres" --single -j -D "$dir" -c log_checkpoints=off -c exit_on_error=on conclave \
        >/dev/null <<SQL || return
DO \$\$
DECLARE
    command text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$owner') THEN
        CREATE ROLE $owner LOGIN;
    END IF;
    ALTER DATABASE conclave OWNER TO $owner;
    FOR command IN
        SELECT format('SCHEMA %I', nspname) FROM pg_namespace WHERE nspname = 'conclave'
        UNION ALL
        SELECT format('TABLE %s', c.oid::regclass) FROM pg_class c
         WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'conclave') AND relkind IN ('r', 'p', 'v', 'm', 'S')
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND relkind = 'S' AND deptype IN ('a', 'i'))
        UNION ALL
        SELECT format('ROUTINE %s', p.oid::regprocedure) FROM pg_proc p
         WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'conclave')
    LOOP
        EXECUTE 'ALTER ' || command || ' OWNER TO $owner';
    END LOOP;
END \$\$;

SQL
    cluster_as_owner tee "$hba.new" >/dev/null <<HBA || return
# TYPE  DATABASE  USER      METHOD
local   conclave  $owner  trust
local   all       postgres  peer
HBA
    cluster_as_owner sync -f "$hba.new" && cluster_as_owner mv "$hba.new" "$hba"
}

# cluster_pid DIR: prints the process id of the postmaster that really runs on DIR; fails when there is none.
# A stale postmaster.pid may name a process that has since become somebody else's: PostgreSQL works in its folder.
cluster_pid() {
    local pid
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ && $(readlink "/proc/$pid/cwd") == "$(realpath "$1")" ]] || return 1
    echo "$pid"
}

# cluster_clear_stale DIR SOCKETS: forgets what a killed cluster left behind. Only when cluster_pid finds none.
cluster_clear_stale() {
    rm -f "$1/postmaster.pid" "$2"/.s.PGSQL.*
}

# cluster_left DIR SECONDS: until no process of a cluster works in DIR; those of a killed one end by themselves.
cluster_left() {
    local tries=$(($2 * 20)) folder
    folder=$(realpath "$1")
    # Folders of other users' processes cannot be read, and processes end meanwhile: neither is a failure.
    while { readlink /proc/[0-9]*/cwd 2>/dev/null || true; } | grep -xF "$folder" >/dev/null; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# cluster_url SOCKETS [ROLE]: prints the libpq URL of the database conclave; an unusual name of the folder is
# percent-encoded.
cluster_url() {
    local folder=$1
    [[ $folder =~ ^[a-zA-Z0-9/._~-]+$ ]] ||
        folder=$(printf '%s' "$folder" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g')
    echo "postgresql:///conclave?host=$folder&user=${2:-postgres}"
}

# cluster_wait DIR SECONDS: until it takes connections; fails when it ended or the time is over.
cluster_wait() {
    local tries=$(($2 * 20))
    while ((tries-- > 0)); do
        # "ready" in the eighth line is the postmaster's own word for it.
        [[ $(sed -n 8p "$1/postmaster.pid" 2>/dev/null) == ready* ]] && return 0
        sleep 0.05
    done
    return 1
}
