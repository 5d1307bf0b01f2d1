# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The real compose file in the hands of a lane: waiting for it, what it said, other volumes and settings for a while. To
# source, in the folder deploy/ of the copy.

# container SERVICE: the name of its container; podman-compose writes it in another way.
container() {
    local joint=-
    [[ ${ENGINE:?} == docker ]] || joint=_
    echo "deploy$joint$1${joint}1"
}

server=$(container server) database=$(container database)
readonly server database

# well CONTAINER: the health check of its image says so, by hand: the engine's own count lags behind
# by its interval.
well() {
    local check
    if [[ $ENGINE == podman ]]; then
        podman healthcheck run "$1" >/dev/null 2>&1 </dev/null
        return
    fi
    mapfile -t check < <(docker inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$1" 2>/dev/null | grep .)
    [[ ${check[0]:-} == CMD ]] && timeout 20 docker exec "$1" "${check[@]:1}" >/dev/null 2>&1 </dev/null
}

# Both, because the server answers from memory for a while when its database is away.
ready() {
    well "$database" && well "$server"
}

# By the engine's own count. (podman keeps one only where systemd runs its timers: there the checks
# are run by hand.)
healthy() {
    local name
    [[ $ENGINE == docker ]] || {
        ready
        return
    }
    for name in "$server" "$database"; do
        [[ $(docker inspect --format '{{.State.Health.Status}} {{.RestartCount}}' "$name") == 'healthy 0' ]] || return
    done
}

wait_ready() {
    within 120 ready || {
        docker logs --tail 20 "$database"
        docker logs --tail 20 "$server"
        return 1
    }
}

log_of() {
    docker logs "$1" >"$STEPS_LOG/log-$1" 2>&1
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
    [[ $(docker inspect --format '{{.State.Running}}' "$1") == false ]]
}

unwell() {
    if well "$1"; then
        return 1
    fi
}

answers() {
    docker exec "$1" psql -h /run/postgresql -U conclave -d conclave -Atc 'SELECT 1' 2>/dev/null | grep -qx 1
}

new_folder_volume() {
    mkdir -p "$ENGINE_FOLDER/$1"
    chown "$2" "$ENGINE_FOLDER/$1"
}

# What an engine keeps of earlier steps.
engine_clean() {
    docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null
    docker volume ls --quiet | xargs --no-run-if-empty docker volume rm --force >/dev/null
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
