# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The real compose file in the hands of a lane: waiting for it, what it said, other volumes and settings for a while. To
# source, in the folder deploy/ of the copy.

readonly server=deploy_server_1 database=deploy_database_1

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

# has_said WORDS [CONTAINER]
has_said() {
    grep -qF -- "$1" "$(log_of "${2:-$server}")"
}

dead() {
    [[ $(podman inspect --format '{{.State.Running}}' "$1") == false ]]
}

unwell() {
    if podman healthcheck run "$1" >/dev/null 2>&1; then
        return 1
    fi
}

answers() {
    podman exec "$1" psql -h /run/postgresql -U conclave -d conclave -Atc 'SELECT 1' 2>/dev/null | grep -qx 1
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
