# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Steps of tests/containers/lane.sh about the images themselves: what is in them and what is not. To source.

readonly base_image=docker.io/library/debian:bookworm-slim
readonly slim_mb=40

# copy_tree DIR: the tracked and new files of this tree, and things that an operator's folder holds besides.
tree='' # where copy_tree put it
copy_tree() {
    tree=$1
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard | tar --null -cf - -T - --ignore-failed-read 2>/dev/null | tar -C "$1" -xf -
    mkdir -p "$1/var" "$1/build" "$1/server/.cache"
    for trap in server.key server/stray.key deploy/.env var/storage.key build/conclave server/.cache/x deploy/notes.txt; do
        echo 'must not be seen by the builder' >"$1/$trap"
    done
    rm "$1/deploy/.env"
}

build_images() {
    cd "$tree/deploy" || return
    CONCLAVE_URL=http://a.example CONCLAVE_ADMIN='' docker compose build
    docker image inspect conclave-server conclave-database >/dev/null
}

# none_of TEXT: there is none. (A pipeline behind "!" would not end a step.)
none_of() {
    [[ -z $1 ]] || {
        echo "should not be there: $1"
        return 1
    }
}

size_of() {
    docker image inspect --format '{{.Size}}' "$1"
}

image_is_slim() {
    local over=$((($(size_of conclave-server) - $(size_of $base_image)) / 1000000))
    echo "over the base: $over MB"
    ((over > 0 && over < slim_mb))
}

# image_files IMAGE FOLDER: what a container of this image would see.
image_files() {
    local id
    mkdir -p "$2"
    id=$(docker create --network none "$1" true)
    docker export "$id" | tar -C "$2" --numeric-owner -xf -
    docker rm "$id" >/dev/null
}

# Files and links below a folder, by name.
names_below() {
    (cd "$1" && find . -mindepth 1 ! -type d | sort)
}

# Every file that the base has not is of a package that the Dockerfile names (or that those need), or is named here.
image_holds_only_what_it_should() {
    local server=$ENGINE_FOLDER/server-files base=$ENGINE_FOLDER/base-files new
    image_files conclave-server "$server"
    image_files $base_image "$base"
    new=$(mktemp -d)
    comm -13 <(names_below "$base") <(names_below "$server") >"$new/files"
    # Packages list /lib/x for what lies at /usr/lib/x.
    cat "$server"/var/lib/dpkg/info/*.list | sed 's|^|.|' | sed -E 's|^\./(lib[^/]*)/|./usr/\1/|' | sort -u >"$new/owned"
    grep -vxF -f "$new/owned" "$new/files" | grep -vE '^\./var/lib/dpkg/|^\./etc/(ld\.so\.cache|hosts|hostname|resolv\.conf)$|^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$' |
        grep -vxE '\./usr/local/bin/conclave|\./usr/lib/postgresql(/[0-9]+(/bin(/pg_dump|/pg_restore)?)?)?' >"$new/others" || true
    # Links that ldconfig makes for packaged libraries.
    while read -r name; do
        [[ -L $server/$name && $name =~ ^\./usr/lib/[^/]+/lib[^/]+\.so\.[0-9.]+$ ]] || echo "$name"
    done <"$new/others" >"$new/strangers"
    echo "not of a package and not on the list:"
    cat "$new/strangers"
    [[ ! -s $new/strangers ]]
    grep -qx './usr/local/bin/conclave' "$new/files"
    # What libmagic reads, and a folder to mount each volume on.
    [[ -s $(realpath "$server/usr/lib/file/magic.mgc") ]]
    [[ $(stat -c %u:%a "$server/var/lib/conclave") == 10001:700 && $(stat -c %u "$server/run/postgresql") == 10002 ]]
    none_of "$(find "$server" -xdev -name '*.key')"
    none_of "$(find "$server" -xdev -type f \( -name gcc -o -name make -o -name psql \))"
    rm -rf "$new" "$server" "$base"
}

# The build stage copies what the Dockerfile names, and the traps of copy_tree were in those folders.
build_saw_only_what_it_should() {
    local at=$ENGINE_FOLDER/build-files
    cd "$tree/deploy" || return
    echo 'services: { server: { image: conclave-build-stage, build: { target: build } } }' >stage.yaml
    CONCLAVE_URL=http://a.example CONCLAVE_ADMIN='' docker compose -f compose.yaml -f stage.yaml build server
    image_files conclave-build-stage "$at"
    (cd "$at/src" && find . -mindepth 1 -maxdepth 1 ! -name build | sort) >"$STEPS_LOG/seen"
    printf '%s\n' ./Makefile ./deploy ./migrations ./server | diff - "$STEPS_LOG/seen"
    [[ $(ls "$at/src/deploy") == deps.sh ]]
    none_of "$(grep -rl 'must not be seen by the builder' "$at/src")"
    rm -rf "$at" stage.yaml
}

images_are_configured() {
    local image check='{{json .Config.Healthcheck.Test}}'
    [[ $ENGINE == docker ]] || check='{{json .HealthCheck.Test}}'
    for image in conclave-server conclave-database; do
        [[ $(docker image inspect --format '{{.Config.User}}' $image) =~ ^(conclave|postgres)$ ]]
        # In exec form: a shell would stand first.
        docker image inspect --format "$check" $image | tee /dev/stderr | grep -q '^\["CMD","'
        docker image inspect --format '{{json .Config.Entrypoint}}' $image | tee /dev/stderr | grep -qE '^\["(conclave|/usr/local/lib/conclave/database.sh)"\]$'
    done
    # Nothing of it calls one either: it runs where there is none.
    docker run --rm --network none conclave-server --version
    if docker run --rm --network none conclave-server check >"$STEPS_LOG/check" 2>&1; then
        return 1
    fi
    assert_said "$STEPS_LOG/check" '[server] key_file: there is no such file'
}

# By Docker's own compose, which needs no engine for it; a block of the sample is uncommented and
# merged.
compose_is_valid() {
    local block
    cd "$tree/deploy" || return
    CONCLAVE_URL=http://a.example CONCLAVE_ADMIN='' docker-compose -f compose.yaml config >"$STEPS_LOG/compose.yaml"
    grep -q 'CONCLAVE_SERVER_PUBLIC_URL: http://a.example' "$STEPS_LOG/compose.yaml"
    local blocks=0
    local names
    mapfile -t names < <(sed -n 's/^# block \([a-z-]*\):.*/\1/p' compose.override.sample.yaml)
    for block in "${names[@]}"; do
        override_block "$block" compose.override.sample.yaml >"$STEPS_LOG/override-$block.yaml"
        grep -q . "$STEPS_LOG/override-$block.yaml"
        echo "block $block"
        CONCLAVE_URL=http://a.example CONCLAVE_ADMIN='' \
            docker-compose -f compose.yaml -f "$STEPS_LOG/override-$block.yaml" config >/dev/null
        blocks=$((blocks + 1))
    done
    ((blocks >= 4))
    # As it stands, all of it is commented out and changes nothing.
    none_of "$(grep -vE '^(#|$)' compose.override.sample.yaml)"
}

# override_block NAME FILE: the lines of a block without their "# ", from its headline to the next empty line.
override_block() {
    awk -v head="# block $1:" 'index($0, head) == 1 { on = 1; next } on && /^$/ { exit } on && /^#   #/ { next } on { sub(/^# ?/, ""); print }' "$2" |
        awk '/^(services|secrets|networks|volumes):/ { on = 1 } on'
}

compose_wants_a_url() {
    local value
    cd "$tree/deploy" || return
    for value in unset empty; do
        if (
            unset CONCLAVE_URL
            [[ $value == unset ]] || export CONCLAVE_URL=''
            CONCLAVE_ADMIN='' docker-compose -f compose.yaml config
        ) >"$STEPS_LOG/no-url" 2>&1; then
            return 1
        fi
        assert_said "$STEPS_LOG/no-url" 'CONCLAVE_URL'
        assert_said "$STEPS_LOG/no-url" 'Write it into deploy/.env'
    done
}
