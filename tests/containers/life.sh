#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The life of a server in containers, from the first start on: part of tests/containers/lane.sh, in a network of its own.
# Relays and client are programs of this machine; what they wrote is read again after each accident.
set -euo pipefail
# shellcheck source=tests/containers/steps.sh
. "$ROOT/tests/containers/steps.sh"
# shellcheck source=tests/containers/members.sh
. "$ROOT/tests/containers/members.sh"
cd "$CONCLAVE_TREE/deploy"
readonly server=deploy_server_1 database=deploy_database_1
trap 'docker compose down >/dev/null 2>&1; podman rm -fa >/dev/null 2>&1; podman volume rm -fa >/dev/null 2>&1; relays_stop' EXIT

# Both, because the server answers from memory for a while when its database is away.
ready() {
    podman healthcheck run $database >/dev/null 2>&1 && podman healthcheck run $server >/dev/null 2>&1
}

wait_ready() {
    within 120 ready || {
        podman logs --tail 20 $database
        podman logs --tail 20 $server
        return 1
    }
}

log_of() {
    podman logs "$1" >"$STEPS_LOG/log-$1" 2>&1
    echo "$STEPS_LOG/log-$1"
}

# The server's container ends by itself, time and again (its restart policy); what it says last.
refuses() {
    within 60 has_said "$1"
    # An "if": a failing command behind "!" would not end the step.
    if ready; then
        return 1
    fi
}

has_said() {
    grep -qF -- "$1" "$(log_of $server)"
}

first_start() {
    local ana
    ana=$(member_id ana)
    printf 'CONCLAVE_URL=http://127.0.0.1:8080\nCONCLAVE_ADMIN=%s\n' "$ana" >.env
    docker compose up -d
    wait_ready
    podman healthcheck run $database
}

first_words() {
    local log
    log=$(log_of $server)
    key=$(docker compose exec -T server conclave key show 2>/dev/null | grep -xE '[0-9a-f]{64}')
    assert_said "$log" "Public key   $key"
    assert_said "$log" "http://127.0.0.1:8080/lobby?public_key=$key"
    assert_said "$log" 'docker compose cp server:/var/lib/conclave'
    assert_said "$log" 'The running server can read its rooms'
    assert_said "$log" 'Admins       1,'
    (($(wc -l <"$log") <= 40))
}

hardened() {
    local name pid
    for name in $server $database; do
        pid=$(podman inspect --format '{{.State.Pid}}' "$name")
        grep -xP 'CapEff:\t0+' "/proc/$pid/status"
        grep -xP 'CapBnd:\t0+' "/proc/$pid/status"
        grep -xP 'NoNewPrivs:\t1' "/proc/$pid/status"
        grep -P '^Uid:\t1000[12]\t' "/proc/$pid/status"
        [[ $(podman inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.RestartPolicy.Name}}' "$name") == 'true unless-stopped' ]]
        if podman exec "$name" touch /usr/x; then
            return 1
        fi
    done
    # No shell among the server's processes, no network for the database, PostgreSQL's log settings as they must be.
    [[ $(podman exec $server sh -c 'cat /proc/[0-9]*/comm' | sort | uniq -c | awk '{ print $2 }' | grep -v '^\(cat\|sh\)$') == conclave ]]
    # Nobody listens there (0A), and no route leads out of it (destination 0).
    podman exec $database cat /proc/net/tcp /proc/net/tcp6 /proc/net/route >"$STEPS_LOG/net"
    if awk '$4 == "0A" || $2 == "00000000"' "$STEPS_LOG/net" | grep .; then
        return 1
    fi
    [[ $(podman exec $database psql -h /run/postgresql -d conclave -Atc \
        "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('listen_addresses', 'log_error_verbosity', 'log_min_error_statement', 'log_parameter_max_length_on_error')") == ' terse panic 0' ]]
    # The server's role owns its database and nothing else.
    [[ $(podman exec $database psql -h /run/postgresql -d conclave -Atc \
        "SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolcanlogin ORDER BY 1") == $'conclave|f|f\npostgres|t|t' ]]
}

copy_keys_away() {
    rm -rf conclave-keys
    docker compose cp server:/var/lib/conclave ./conclave-keys
    [[ $(find conclave-keys -name '*.key' -size 32c | wc -l) == 2 ]]
}

restart_both() {
    docker compose restart
    wait_ready
    members_read_all
}

kill_both() {
    podman kill $server $database
    within 30 dead $server
    podman start $database $server
    wait_ready
    members_read_all
}

dead() {
    [[ $(podman inspect --format '{{.State.Running}}' "$1") == false ]]
}

# The database alone is killed and started again; the server notices and waits for it.
kill_database() {
    podman kill $database
    within 30 dead $database
    podman start $database
    wait_ready
    members_read_all
}

upgrade_in_place() {
    local before after
    before=$(podman inspect --format '{{.Image}}' $server)
    # Another program, as a pull would bring it: the version says so.
    sed -i 's/#define CONCLAVE_VERSION "[^"]*/&.upgraded/' "$CONCLAVE_TREE/server/cli/cli.h"
    docker compose build
    docker compose up -d
    wait_ready
    after=$(podman inspect --format '{{.Image}}' $server)
    [[ $before != "$after" ]]
    docker compose exec -T server conclave --version | grep upgraded
    members_read_all
    members_write second
}

new_folder_volume() {
    mkdir -p "$ENGINE_FOLDER/$1"
    chown "$2" "$ENGINE_FOLDER/$1"
}

# with_override TEXT: stops, and starts again with an override file.
with_override() {
    docker compose down
    printf '%s\n' "$1" >compose.override.yaml
    docker compose -f compose.yaml -f compose.override.yaml up -d
}

without_override() {
    docker compose -f compose.yaml -f compose.override.yaml down
    rm -f compose.override.yaml
    docker compose up -d
    wait_ready
}

# Another volume in the place of the one named keys.
keys_volume_lost() {
    with_override 'volumes: { keys: { name: empty-keys } }'
    refuses 'this database belongs to a server that has one'
    [[ -z $(ls -A "$(podman volume inspect --format '{{.Mountpoint}}' empty-keys)") ]]
    without_override
    members_read_all
    [[ $(docker compose exec -T server conclave key show 2>/dev/null | grep -xE '[0-9a-f]{64}') == "$(<"$STEPS_LOG/key")" ]]
}

database_volume_of_another() {
    # A second server is made, and then its database is mounted with the keys of the first.
    with_override 'volumes: { keys: { name: other-keys }, database: { name: other-database } }'
    wait_ready
    docker compose -f compose.yaml -f compose.override.yaml down
    with_override 'volumes: { database: { name: other-database } }'
    refuses 'not the key that this database belongs to'
    without_override
    members_read_all
}

keys_volume_not_writable() {
    new_folder_volume readonly-keys 0:0
    chmod 0755 "$ENGINE_FOLDER/readonly-keys"
    with_override "services: { server: { volumes: ['$ENGINE_FOLDER/readonly-keys:/var/lib/conclave'] } }
volumes: { database: { name: third-database } }"
    refuses '[server] key_file: a new key cannot be written there'
    # Mended in place, it goes on by itself.
    chown 10001:10001 "$ENGINE_FOLDER/readonly-keys"
    podman restart $server
    wait_ready
    without_override
}

database_volume_not_writable() {
    new_folder_volume bad-database 0:0
    podman run -d --name bad --network none -v "$ENGINE_FOLDER/bad-database:/var/lib/postgresql" conclave-database
    within 20 dead bad
    assert_said "$(log_of bad)" 'the volume at /var/lib/postgresql is not writable for user 10002'
    podman rm bad
}

two_databases_on_one_volume() {
    podman run -d --name twin --network none -v deploy_database:/var/lib/postgresql conclave-database
    within 20 dead twin
    assert_said "$(log_of twin)" 'another database container is running on this volume'
    podman rm twin
    members_read_all
}

answers() {
    podman exec "$1" psql -h /run/postgresql -U conclave -d conclave -Atc 'SELECT 1' 2>/dev/null | grep -qx 1
}

# Killed while it makes its cluster, later each time; then started again. One container, whose volume is emptied between.
database_start_interrupted() {
    local moment volume
    podman create --name young --network none -v young:/var/lib/postgresql conclave-database
    for moment in 0.2 0.5 0.8 1.2 1.6 2 2.5 3 4; do
        podman start young
        sleep $moment
        podman kill young || true
        within 30 dead young
        podman start young
        within 90 answers young
        podman kill young
        within 30 dead young
        echo "after $moment s: well"
        volume=$(podman volume inspect --format '{{.Mountpoint}}' young)
        find "$volume" -mindepth 1 -delete
    done
    podman rm young
}

database_disk_full() {
    mkdir -p "$ENGINE_FOLDER/small"
    mount -t tmpfs -o size=16m,uid=10002,gid=10002,mode=0700 small "$ENGINE_FOLDER/small"
    podman run -d --name full --network none -v "$ENGINE_FOLDER/small:/var/lib/postgresql" conclave-database
    within 60 dead full
    assert_said "$(log_of full)" 'is its disk full?'
    mount -o remount,size=400m "$ENGINE_FOLDER/small"
    podman start full
    within 90 answers full
    podman rm -f full
    umount "$ENGINE_FOLDER/small"
}

keys_disk_full() {
    mkdir -p "$ENGINE_FOLDER/small-keys"
    mount -t tmpfs -o nr_inodes=1,uid=10001,gid=10001,mode=0700 small "$ENGINE_FOLDER/small-keys"
    with_override "services: { server: { volumes: ['$ENGINE_FOLDER/small-keys:/var/lib/conclave'] } }
volumes: { database: { name: fourth-database } }"
    refuses 'and have space left'
    mount -o remount,nr_inodes=100 "$ENGINE_FOLDER/small-keys"
    podman restart $server
    wait_ready
    without_override
    umount "$ENGINE_FOLDER/small-keys"
}

bad_settings() {
    local setting
    rm -f compose.override.yaml
    for setting in CONCLAVE_URL=your.address CONCLAVE_ADMIN=alice; do
        docker compose down
        cp .env .env.good
        sed -i "s/^${setting%%=*}=.*/$setting/" .env
        docker compose up -d
        case $setting in
            CONCLAVE_URL=*) refuses 'CONCLAVE_SERVER_PUBLIC_URL: ' ;;
            *) refuses 'CONCLAVE_SERVER_ADMIN: ' ;;
        esac
        mv .env.good .env
    done
    docker compose down
    docker compose up -d
    wait_ready
}

second_process_and_metrics() {
    # shellcheck source=tests/containers/images.sh
    . "$ROOT/tests/containers/images.sh"
    {
        override_block second-process compose.override.sample.yaml
        # merged under one `services:`, as the sample says
        override_block metrics compose.override.sample.yaml | sed '1d'
    } >both.yaml
    with_override "$(<both.yaml)"
    wait_ready
    within 60 podman healthcheck run deploy_server-2_1
    SERVER=http://127.0.0.1:8081 members_read_all
    podman run --rm --network deploy_metrics --entrypoint bash conclave-database -c \
        'exec 3<>/dev/tcp/server/9090; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3' | grep -m1 '^conclave_'
    rm -f both.yaml
    without_override
    members_read_all
}

keys_as_secrets() {
    # shellcheck source=tests/containers/images.sh
    . "$ROOT/tests/containers/images.sh"
    mkdir -p keys
    find conclave-keys -name '*.key' -exec cp {} keys/ \;
    chown -R 10001:10001 keys
    with_override "$(override_block keys-as-secrets compose.override.sample.yaml)"
    wait_ready
    members_read_all
    without_override
}

relays_start
step 'the first start gets ready, as docs/install.md types it' first_start
step 'its log is one screen and says what is needed' first_words
docker compose exec -T server conclave key show 2>/dev/null | grep -xE '[0-9a-f]{64}' >"$STEPS_LOG/key" || true
step 'both containers run as nobody special, without rights, on a root that is read only' hardened
step 'a message and a file are posted and read through three relays' members_write first
step 'the keys are copied away with the command of the first words' copy_keys_away
step 'both containers restarted: all is read again' restart_both
step 'both containers killed: all is read again' kill_both
step 'the database killed under the server: all is read again' kill_database
step 'an image upgraded in place: all is read again' upgrade_in_place
step 'the volume of keys lost: the server refuses to become another, and goes on with it' keys_volume_lost
step 'a database of another server is refused' database_volume_of_another
step 'an URL and an admin that are none: one sentence, and on with good ones' bad_settings
step 'a volume of keys that is not writable: one sentence, and on when mended' keys_volume_not_writable
step 'a volume of the database that is not writable: one sentence' database_volume_not_writable
step 'a second database on the same volume is refused' two_databases_on_one_volume
step 'the making of the database interrupted at any moment is repeated well' database_start_interrupted
step 'the disk of the database full at the first start: one sentence, and on when mended' database_disk_full
step 'the disk of the keys full at the first start: one sentence, and on when mended' keys_disk_full
step 'a second server process and metrics, by the sample of an override' second_process_and_metrics
step 'keys as secrets, by the sample of an override' keys_as_secrets
step 'after all that, everything written is there' members_read_all
steps_end 'containers: life'
