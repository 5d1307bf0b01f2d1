# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Two members with the client tool, and three relays, on the machine's side of a server in containers. To source.
# SERVER is where it is published.

readonly relay_count=3 file_bytes=${FILE_BYTES:-300000}
members=${ENGINE_FOLDER:?}/members
relay_pids=()
mkdir -p "$members"

relays_start() {
    local i nodes=''
    : >"$members/peers"
    : >"$members/written"
    for ((i = 0; i < relay_count; i++)); do
        "$ROOT/build/conclave-node" --listen 127.0.0.1:0 --key "$members/node$i.key" --peers "$members/peers" --print >"$members/node$i" 2>/dev/null &
        relay_pids+=($!)
        within 20 grep -qs . "$members/node$i"
        head -n 1 "$members/node$i" >>"$members/peers"
        nodes+=${nodes:+,}$(head -n 1 "$members/node$i")
    done
    echo "$nodes" >"$members/path"
}

relays_stop() {
    local pid
    for pid in "${relay_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
}

# member_id NAME: the session id; the account is made when it does not exist.
member_id() {
    [[ -s $members/$1 ]] || "$ROOT/build/conclave-client" account new --account "$members/$1" >/dev/null
    "$ROOT/build/conclave-client" account show --account "$members/$1" | grep -oE '05[0-9a-f]{64}' | head -n 1
}

client() {
    local name=$1
    shift
    "$ROOT/build/conclave-client" --server "${SERVER:-http://127.0.0.1:8080}" --key "$(<"$STEPS_LOG/key")" \
        --account "$members/$name" --path "$(<"$members/path")" "$@"
}

# members_write WORD: Ana posts and uploads; both are read at once by Ben.
members_write() {
    member_id ana
    member_id ben
    client ana post lobby "message $1"
    head -c "$file_bytes" /dev/urandom >"$members/file-$1"
    client ana file put "$members/file-$1" >"$members/put-$1"
    cat "$members/put-$1"
    echo "$1" >>"$members/written"
    members_read_all
}

# Everything written so far, byte for byte, through the relays.
members_read_all() {
    local word url
    client ben read lobby >"$members/read"
    while read -r word; do
        assert_said "$members/read" "message $word"
        url=$(grep -oE 'http://[^"]+' "$members/put-$word" | head -n 1)
        client ben file get "$url" "$members/got" --attachment-key "$(json_text attachment_key "$members/put-$word")" \
            --digest "$(json_text digest "$members/put-$word")" --size "$(grep -oE '"size": ?[0-9]+' "$members/put-$word" | grep -oE '[0-9]+$')"
        cmp "$members/got" "$members/file-$word"
    done <"$members/written"
}

json_text() {
    grep -oE "\"$1\": ?\"[^\"]*\"" "$2" | sed 's/.*: *"//; s/"$//'
}
