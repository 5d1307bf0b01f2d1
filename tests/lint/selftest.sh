#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Proves that each check of the lint catches a planted mistake, and is silent about the same text without it.
# usage: tests/lint/selftest.sh
set -u
lint=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree" || exit 1
mkdir -p server/base server/store server/onion server/db server/conf tests/client migrations
cp "$lint/../../server/LAYERS" server/LAYERS
bad=0

# catches WHAT FILE TEXT COMMAND...: silent before the text is appended to FILE, findings about FILE after.
catches() {
    local what=$1 file=$2 text=$3 found
    shift 3
    : >>"$file"
    cp "$file" kept
    if ! found=$("$@" 2>&1) || [[ -n $found ]]; then
        echo "selftest: $what: complains about a clean file: $found"
        bad=1
    fi
    printf '%s\n' "$text" >>"$file"
    if found=$("$@" 2>&1) || [[ -z $found ]]; then
        echo "selftest: $what: not caught: $text"
        bad=1
    fi
    mv kept "$file"
}

# passes WHAT FILE TEXT COMMAND...: allowed text causes no finding.
passes() {
    local what=$1 file=$2 text=$3 found
    shift 3
    printf '%s\n' "$text" >"$file"
    if ! found=$("$@" 2>&1); then
        echo "selftest: $what: must be allowed: $found"
        bad=1
    fi
    rm "$file"
}

# shellcheck disable=SC2317 # called by name, through catches and passes
layers() {
    awk -f "$lint/layers.awk" server/LAYERS "$@"
}
for mistake in 'base/a.c "store/rooms.h"' 'onion/v4.c "auth/access.h"' 'store/a.c "rooms.h"' \
    'store/a.c "client/account.h"' 'db/a.c "nowhere/a.h"'; do
    file=server/${mistake%% *}
    catches "layers" "$file" "#include ${mistake#* }" layers "$file"
done
catches 'layers' tests/client/a.c '#  include "router/request.h"' layers tests/client/a.c
passes 'layers' server/onion/v4.c '#include "router/request.h"' layers server/onion/v4.c
passes 'layers' server/app.c '#include "http/listener.h"' layers server/app.c

# shellcheck disable=SC2317
banned() {
    awk -f "$lint/banned.awk" "$@"
}
for call in 'strcpy(a, b);' 'x = atoi(s);' 'if (memcmp(a->tag, b, 16))' 'p = malloc(3);' 'getenv("HOME");' \
    'PQexec(c, "x");' 'MHD_stop_daemon(d);' 'crypto_sign_detached(a, b);' 'magic_open(0);' \
    '/* a */ sprintf (a, "%d"); // b' "c = '\"'; gets(c);"; do
    catches banned server/store/a.c "$call" banned server/store/a.c
done
for call in '/* strcpy(a, b) */' 'log("strcpy(a)");' 'my_strcpy(a);' 'x->system(1);' 'memcmp(a, b, 4);' \
    'free(p); /* lint: allow free, because */' 'strtok(a, b); /* lint: allow strtok, because of this test */'; do
    passes banned server/store/a.c "$call" banned server/store/a.c
done
passes banned server/conf/a.c 'getenv("HOME");' banned server/conf/a.c

# shellcheck disable=SC2317
symbols() {
    rm -rf objects
    mkdir -p objects/base objects/db
    gcc -c -o objects/base/a.o server/base/a.c && gcc -c -o objects/db/a.o -x c - <<<'int db_one(void) { return 1; }' &&
        touch server/db/a.c &&
        "$lint/symbols.sh" objects
}
catches symbols server/base/a.c 'int db_one(void); int base_two(void) { return db_one(); }' symbols
passes symbols server/base/a.c 'int base_three(void); int base_two(void) { return base_three(); }' symbols

# shellcheck disable=SC2317
citations() {
    "$lint/citations.sh" "$@"
}
mkdir -p docs/protocol
printf '%s\n' '## D7 Processes' '## D17 Events' >docs/design.md
printf '%s\n' '# 1. Requests' '## 1.5 Paths' >docs/protocol/community.md
for mistake in '/* docs/design.md, D8. */' '/* docs/protocol/community.md, 1.5 and 1.6 */' \
    '/* docs/protocol/none.md, 1 */' '/* protocol 02, 1.5 */' '/* as design D7 has it */'; do
    catches citations server/base/a.c "$mistake" citations server/base/a.c
done
passes citations server/base/a.c '/* docs/design.md, D7 and D17; docs/protocol/community.md, 1.5. */' \
    citations server/base/a.c

catches lengths server/base/a.c "$(yes ' ' | head -n 601)" awk -f "$lint/lengths.awk" server/base/a.c
passes lengths server/base/a.c "$(yes '/**/' | head -n 600)" awk -f "$lint/lengths.awk" server/base/a.c

cat >migrations/0001_first.sql <<'SQL'
-- what; it is for
CREATE TABLE rooms (
    id bigint GENERATED ALWAYS AS IDENTITY,
    token text NOT NULL CHECK (token ~ '^[a-z,]+$'), -- not; a column
    author bytea CHECK (length(author) IN (33, 34)),
    PRIMARY KEY (id, token)
) WITH (fillfactor = 50);
CREATE TABLE rooms_a PARTITION OF rooms FOR VALUES FROM (1) TO (2);
COMMENT ON TABLE rooms IS 'a room';
COMMENT ON COLUMN rooms.id IS 'number';
COMMENT ON COLUMN rooms.token IS 'name in links; '
    'never changes';
COMMENT ON COLUMN rooms.author IS 'person: who made it; until the room goes';
SQL
first=migrations/0001_first.sql
for mistake in 'ALTER TABLE rooms ADD COLUMN size bigint;' 'CREATE TABLE b (id int);' \
    "COMMENT ON COLUMN rooms.author IS 'who';" "COMMENT ON COLUMN rooms.author IS 'person: who made it';" \
    "COMMENT ON COLUMN rooms.missing IS 'x';" \
    "CREATE TABLE c (id int, note text); COMMENT ON TABLE c IS 'c'; COMMENT ON COLUMN c.id IS 'id';"; do
    catches migrations $first "$mistake" "$lint/migrations.sh" migrations
done

# The page about people: made from these comments, it is right until one of them or the page changes.
privacy() {
    "$lint/privacy.sh" "$@" migrations privacy.md
}
# shellcheck disable=SC2016 # backticks of Markdown
printf '%s\n' '# by hand' '<!-- From here on made by `make privacy` from the comments of migrations/: do not edit. -->' \
    '<!-- The made part ends here. -->' 'by hand' >privacy.md
privacy --write
# shellcheck disable=SC2016
grep -qF '| `author` | who made it | until the room goes |' privacy.md || {
    echo 'selftest: privacy: a tagged column is not on the page'
    bad=1
}
catches privacy $first "COMMENT ON COLUMN rooms.author IS 'person: who made it; for ever';" privacy
sed -i 's/who made it/nobody/' privacy.md
if privacy >/dev/null; then
    echo 'selftest: privacy: a page changed by hand is not caught'
    bad=1
fi

(cd migrations && sha256sum 0001_first.sql) >released.sha256
catches released $first '-- a later thought' "$lint/released.sh" migrations released.sha256
for number in {2..7}; do
    touch migrations/000${number}_more.sql
done
echo '-- oldest program: any' >migrations/0008_more.sql
if ! "$lint/migrations.sh" migrations; then
    echo 'selftest: migrations: one that admits older programs must be allowed'
    bad=1
fi
echo '-- oldest program: some' >migrations/0008_more.sql
if "$lint/migrations.sh" migrations >/dev/null; then
    echo 'selftest: migrations: one that does not name its oldest program is not caught'
    bad=1
fi
rm migrations/000[2-9]_more.sql

touch migrations/0003_gap.sql
if "$lint/migrations.sh" migrations >/dev/null; then
    echo 'selftest: migrations: a gap in the numbers is not caught'
    bad=1
fi

# A page with all its rows, and a test for each of them to name.
mkdir -p docs tests/integration
printf 'static void it__works(void **state)\n    cmocka_unit_test(it__works),\nstatic void it__sleeps(void **state)\n' \
    >tests/integration/test_it.c
page=docs/acceptance-files.md
for statement in 03/{1..37} 02/{50..56}; do
    # shellcheck disable=SC2016 # the backticks are the page's
    printf '| %s | something | `test_it`: `it__works` |\n' "$statement"
done >"$page"
# shellcheck disable=SC2317
acceptance() {
    "$lint/acceptance.sh" .
}
# shellcheck disable=SC2016
for mistake in '| 03/1 | twice | `test_it`: `it__works` |' '| 03/99 | x | `test_it`: `it__fails` |' \
    '| 03/99 | x | `test_nothing`: `it__works` |' '| 03/99 | x | `test_it`: `it__sleeps` |' \
    '| 03/99 | x | `it__works` |' '| 03/99 | x | |' '| 03/99 | x | falls away: |'; do
    catches acceptance "$page" "$mistake" acceptance
done
touch docs/acceptance-unknown.md
if acceptance >/dev/null; then
    echo 'selftest: acceptance: a page that nobody expects is not caught'
    bad=1
fi
rm docs/acceptance-unknown.md
sed -i '/^| 03.17 /d' "$page"
if acceptance >/dev/null; then
    echo 'selftest: acceptance: a statement without a row is not caught'
    bad=1
fi

exit $bad
