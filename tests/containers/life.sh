#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The life of a server in containers, from the first start on: part of tests/containers/lane.sh, in a network of its own.
# Relays and client are programs of this machine; what they wrote is read again after each accident.
set -euo pipefail
# shellcheck source=tests/containers/steps.sh
. "$ROOT/tests/containers/steps.sh"
# shellcheck source=tests/containers/members.sh
. "$ROOT/tests/containers/members.sh"
# shellcheck source=tests/containers/compose.sh
. "$ROOT/tests/containers/compose.sh"
# shellcheck source=tests/containers/mistakes.sh
. "$ROOT/tests/containers/mistakes.sh"
cd "$CONCLAVE_TREE/deploy"
trap 'docker compose down >/dev/null 2>&1; engine_clean; relays_stop' EXIT

first_start() {
    local ana
    ana=$(member_id ana)
    printf 'CONCLAVE_URL=http://127.0.0.1:8080\nCONCLAVE_ADMIN=%s\n' "$ana" >.env
    docker compose up -d
    within 60 healthy
}

first_words() {
    local log
    log=$(log_of "$server")
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
    for name in "$server" "$database"; do
        pid=$(docker inspect --format '{{.State.Pid}}' "$name")
        grep -xP 'CapEff:\t0+' "/proc/$pid/status"
        grep -xP 'CapBnd:\t0+' "/proc/$pid/status"
        grep -xP 'NoNewPrivs:\t1' "/proc/$pid/status"
        grep -P '^Uid:\t1000[12]\t' "/proc/$pid/status"
        [[ $(docker inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.RestartPolicy.Name}}' "$name") == 'true unless-stopped' ]]
        if docker exec "$name" touch /usr/x; then
            return 1
        fi
    done
    # No shell among the server's processes, no network for the database, PostgreSQL's log settings as they must be.
    [[ $(docker exec "$server" sh -c 'cat /proc/[0-9]*/comm' | sort | uniq -c | awk '{ print $2 }' | grep -v '^\(cat\|sh\)$') == conclave ]]
    # Nobody listens there (0A), and no route leads anywhere (destination 0).
    docker exec "$database" cat /proc/net/tcp /proc/net/tcp6 /proc/net/route >"$STEPS_LOG/net"
    if awk '$4 == "0A" || $2 == "00000000"' "$STEPS_LOG/net" | grep .; then
        return 1
    fi
    [[ $(docker exec "$database" psql -h /run/postgresql -d conclave -Atc \
        "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('listen_addresses', 'log_error_verbosity', 'log_min_error_statement', 'log_parameter_max_length_on_error')") == ' terse panic 0' ]]
    # The server's role owns its database and nothing else.
    [[ $(docker exec "$database" psql -h /run/postgresql -d conclave -Atc \
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
    docker kill "$server" "$database"
    within 30 dead "$server"
    docker start "$database" "$server"
    wait_ready
    members_read_all
}

# The database alone is killed and started again; the server notices and waits for it.
kill_database() {
    docker kill "$database"
    within 30 dead "$database"
    docker start "$database"
    wait_ready
    members_read_all
}

upgrade_in_place() {
    local before after
    before=$(docker inspect --format '{{.Image}}' "$server")
    # Another program, as a pull would bring it: the version says so.
    sed -i 's/#define CONCLAVE_VERSION "[^"]*/&.upgraded/' "$CONCLAVE_TREE/server/cli/cli.h"
    docker compose build
    docker compose up -d
    wait_ready
    after=$(docker inspect --format '{{.Image}}' "$server")
    [[ $before != "$after" ]]
    docker compose exec -T server conclave --version | grep upgraded
    members_read_all
    members_write second
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
    within 60 well "$(container server-2)"
    SERVER=http://127.0.0.1:8081 members_read_all
    docker run --rm --network deploy_metrics --entrypoint bash conclave-database -c \
        'exec 3<>/dev/tcp/server/9090; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3' | grep '^conclave_'
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
if ((steps_failed)); then # everything below would fail too, and late
    steps_end 'containers: life'
fi
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
step 'a key file lost, or the two exchanged: refused by name, and on when put back' keys_lost_or_exchanged
step 'a database of another server is refused' database_volume_of_another
step 'an URL and an admin that are none: one sentence, and on with good ones' bad_settings
step 'the port is taken: one sentence, and on when it is free' port_taken
step 'the port is taken: published elsewhere by .env' port_published_elsewhere
step 'a volume of keys that is not writable: one sentence, and on when mended' keys_volume_not_writable
step 'a volume of the database that is not writable: one sentence, and on when mended' database_volume_not_writable
step 'a second database on the same volume is refused' two_databases_on_one_volume
step 'the making of the database interrupted at any moment is repeated well' database_start_interrupted
step 'the first start of both interrupted at each of its stages is repeated well' first_start_interrupted
step 'the disk of the database full at the first start: one sentence, and on when mended' database_disk_full
step 'the disk of the database full when the schema is made: one sentence, and on when mended' schema_disk_full
step 'the disk of the keys full at the first start: one sentence, and on when mended' keys_disk_full
step 'a second server process and metrics, by the sample of an override' second_process_and_metrics
step 'keys as secrets, by the sample of an override' keys_as_secrets
step 'after all that, everything written is there' members_read_all
steps_end 'containers: life'
