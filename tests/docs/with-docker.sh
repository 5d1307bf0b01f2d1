#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The blocks tagged `docker` and `upgrade` of the documents, carried out in a clone of this tree. Called by tests/docs/lane.sh
# through tests/containers/engine.sh.
set -euo pipefail
: "${ROOT:?}" "${STEPS_LOG:?}"
# shellcheck source=tests/containers/steps.sh
. "$ROOT/tests/containers/steps.sh"
# shellcheck source=tests/docs/blocks.sh
. "$ROOT/tests/docs/blocks.sh"
# shellcheck source=tests/containers/members.sh
. "$ROOT/tests/containers/members.sh"
# shellcheck source=tests/containers/compose.sh
. "$ROOT/tests/containers/compose.sh"
export SERVER=http://your.address:8080
trap 'engine_clean; relays_stop' EXIT
# The clone has an origin, for `git pull`. Once the images are built, nothing outside is needed.
cd "$ENGINE_FOLDER"
mkdir origin
(cd "$ROOT" && git ls-files -z --cached --others --exclude-standard | tar --null -cf - -T -) | tar -C origin -xf -
git -C origin init -q -b main
git -C origin add -A
git -C origin -c user.name=t -c user.email=t@example.org commit -q -m 'as it is'
git clone -q origin conclave
(cd conclave/deploy && CONCLAVE_URL=http://a.example CONCLAVE_ADMIN='' docker compose build)
printf '127.0.0.1 localhost your.address\n' >hosts
mount --bind hosts /etc/hosts
uplink-off
cd conclave

# type FILE TAG N: the N-th block with this tag, in this shell: `cd` lasts, as in an operator's.
type_block() {
    local text
    text=$(blocks "$ROOT/docs/$1" "$2" "$3")
    echo "== $1, $2, $3: $text"
    set -x
    eval "$text"
    { set +x; } 2>/dev/null
}

type_block install.md docker 1
wait_ready
type_block install.md docker 2 2>&1 | tee "$STEPS_LOG/words"
assert_said "$STEPS_LOG/words" 'http://your.address:8080/lobby?public_key='
grep -oE 'public_key=[0-9a-f]{64}' "$STEPS_LOG/words" | head -n 1 | cut -d = -f 2 >"$STEPS_LOG/key"
type_block install.md docker 3
[[ $(find conclave-keys -name '*.key' -size 32c | wc -l) == 2 ]]
type_block install.md docker 4
relays_start
members_write first
type_block backup.md docker 1
members_write second
type_block backup.md docker 2
wait_ready
client ben read lobby >"$members/read"
assert_said "$members/read" 'message first'
if grep -q 'message second' "$members/read"; then
    echo 'the dump was not restored'
    exit 1
fi
# What was written after the dump is gone, as the page says; what comes now is read by whoever reads on from before.
echo first >"$members/written"
members_write third
# A new machine has the keys, .env and a backup, and nothing else.
type_block backup.md docker 1
docker compose down -v
engine_clean
type_block backup.md docker 3
wait_ready
members_read_all
members_write fourth
cd ..
type_block upgrade.md upgrade 1
wait_ready
members_read_all
