# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Steps of tests/containers/life.sh about what operators get wrong and disks run out of: one clear sentence each, and a next
# start that goes on. To source, after compose.sh and members.sh.
: "${server:?}" "${database:?}" "${members:?}"

# Another volume in the place of the one named keys.
keys_volume_lost() {
    with_override 'volumes: { keys: { name: empty-keys } }'
    refuses 'this database belongs to a server that has one'
    [[ -z $(ls -A "$(docker volume inspect --format '{{.Mountpoint}}' empty-keys)") ]]
    without_override
    members_read_all
    [[ $(docker compose exec -T server conclave key show 2>/dev/null | grep -xE '[0-9a-f]{64}') == "$(<"$STEPS_LOG/key")" ]]
}

# One file of two, and each in the other's place. The server's container tries again by itself: no start is needed.
keys_lost_or_exchanged() {
    local at key
    at=$(docker volume inspect --format '{{.Mountpoint}}' deploy_keys)
    for key in server.key:key_file storage.key:storage_key_file; do
        mv "$at/${key%:*}" "$ENGINE_FOLDER/"
        docker restart "$server"
        refuses "[server] ${key#*:}: there is no such file"
        [[ ! -e $at/${key%:*} ]]
        mv "$ENGINE_FOLDER/${key%:*}" "$at/"
        wait_ready
    done
    exchange_keys "$at"
    docker restart "$server"
    refuses '[server] key_file is not the key that this database belongs to'
    exchange_keys "$at"
    wait_ready
    members_read_all
}

exchange_keys() {
    mv "$1/server.key" "$1/was-server"
    mv "$1/storage.key" "$1/server.key"
    mv "$1/was-server" "$1/storage.key"
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

# Another program has the port of the machine. It is a relay: anything that listens would do.
take_port() {
    "$ROOT/build/conclave-node" --listen 127.0.0.1:8080 --key "$members/taker.key" --peers "$members/peers" >/dev/null 2>&1 &
    taker=$!
    # shellcheck disable=SC2064 # now; a step is a subshell, and ends with this
    trap "kill $taker 2>/dev/null || true" EXIT
    within 20 port_is_taken
}

port_is_taken() {
    (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null
}

# It is the engine that says so, before the server starts. What it has made by then is started as it is.
port_taken() {
    local taker
    docker compose down
    take_port
    docker compose up -d >"$STEPS_LOG/port" 2>&1 || true
    assert_said "$STEPS_LOG/port" 'address already in use'
    within 60 well "$database"
    unwell "$server"
    kill "$taker"
    wait "$taker" || true
    docker start "$server"
    wait_ready
    members_read_all
}

port_published_elsewhere() {
    local taker
    docker compose down
    take_port
    cp .env .env.good
    echo CONCLAVE_PUBLISH=127.0.0.1:8090 >>.env
    docker compose up -d
    wait_ready
    SERVER=http://127.0.0.1:8090 client ben read lobby >"$STEPS_LOG/elsewhere"
    assert_said "$STEPS_LOG/elsewhere" 'message first'
    kill "$taker"
    wait "$taker" || true
    mv .env.good .env
    docker compose up -d
    wait_ready
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
    docker restart "$server"
    wait_ready
    without_override
}

database_volume_not_writable() {
    new_folder_volume bad-database 0:0
    docker run -d --name bad --network none -v "$ENGINE_FOLDER/bad-database:/var/lib/postgresql" conclave-database
    within 20 dead bad
    assert_said "$(log_of bad)" 'the volume at /var/lib/postgresql is not writable for user 10002'
    chown 10002:10002 "$ENGINE_FOLDER/bad-database"
    docker start bad
    within 90 answers bad
    docker rm -f bad
}

two_databases_on_one_volume() {
    docker run -d --name twin --network none -v deploy_database:/var/lib/postgresql conclave-database
    within 20 dead twin
    assert_said "$(log_of twin)" 'another database container is running on this volume'
    docker rm twin
    members_read_all
}

# Killed while it makes its cluster, later each time; then started again. One container, whose volume is emptied between.
database_start_interrupted() {
    local moment volume
    docker create --name young --network none -v young:/var/lib/postgresql conclave-database
    for moment in 0.2 0.5 0.8 1.2 1.6 2 2.5 3 4; do
        docker start young
        sleep $moment
        docker kill young || true
        within 30 dead young
        docker start young
        within 90 answers young
        docker kill young
        within 30 dead young
        echo "after $moment s: well"
        volume=$(docker volume inspect --format '{{.Mountpoint}}' young)
        find "$volume" -mindepth 1 -delete
    done
    docker rm young
}

# Both containers are killed when something has just happened, and started again with what is there.
first_start_interrupted() {
    local stage
    for stage in "has_said making $database" "answers $database" key_is_there "has_said server.ready $server"; do
        # Docker's compose waits for the database before it starts the server: it is killed before
        # that, too.
        with_override "volumes: { keys: { name: early-keys }, database: { name: early-database } }" &
        eval "within 60 $stage"
        docker kill "$server" "$database" || true
        wait $! || true
        within 30 dead "$server"
        within 30 dead "$database"
        docker start "$database" "$server"
        wait_ready
        # All of it is made, and was told once.
        docker compose exec -T server conclave room show lobby
        [[ $(grep -c '^Public key' "$(log_of "$server")") == 1 ]]
        echo "after '$stage': well"
        docker compose -f compose.yaml -f compose.override.yaml down
        docker volume rm early-keys early-database
    done
    without_override
}

key_is_there() {
    [[ -s $(docker volume inspect --format '{{.Mountpoint}}' early-keys)/server.key ]]
}

database_disk_full() {
    mkdir -p "$ENGINE_FOLDER/small"
    mount -t tmpfs -o size=16m,uid=10002,gid=10002,mode=0700 small "$ENGINE_FOLDER/small"
    docker run -d --name full --network none -v "$ENGINE_FOLDER/small:/var/lib/postgresql" conclave-database
    within 60 dead full
    assert_said "$(log_of full)" 'is its disk full?'
    mount -o remount,size=400m "$ENGINE_FOLDER/small"
    docker start full
    within 90 answers full
    docker rm -f full
    umount "$ENGINE_FOLDER/small"
}

# The cluster is there, but what the server makes in it does not fit any more.
schema_disk_full() {
    local small=$ENGINE_FOLDER/small-database
    mkdir -p "$small"
    mount -t tmpfs -o size=400m,uid=10002,gid=10002,mode=0700 small "$small"
    docker compose down
    cat >compose.override.yaml <<OVERRIDE
services: { database: { volumes: ['$small:/var/lib/postgresql'] } }
volumes: { keys: { name: fifth-keys } }
OVERRIDE
    docker compose -f compose.yaml -f compose.override.yaml up -d database
    within 90 answers "$database"
    cat /dev/zero >"$small/filler" || true
    docker compose -f compose.yaml -f compose.override.yaml up -d server
    refuses "the database's schema cannot be made: PostgreSQL's log says why (is its disk full?)"
    assert_said "$(log_of "$database")" 'No space left on device'
    rm "$small/filler"
    wait_ready
    without_override
    umount "$small"
}

keys_disk_full() {
    mkdir -p "$ENGINE_FOLDER/small-keys"
    mount -t tmpfs -o nr_inodes=1,uid=10001,gid=10001,mode=0700 small "$ENGINE_FOLDER/small-keys"
    with_override "services: { server: { volumes: ['$ENGINE_FOLDER/small-keys:/var/lib/conclave'] } }
volumes: { database: { name: fourth-database } }"
    refuses 'and have space left'
    mount -o remount,nr_inodes=100 "$ENGINE_FOLDER/small-keys"
    docker restart "$server"
    wait_ready
    without_override
    umount "$ENGINE_FOLDER/small-keys"
}
