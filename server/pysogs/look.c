/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is it a PySOGS's database, up to date, of our key?
 */
#include "pysogs/look.h"

#include <stdio.h>

#include "base/hex.h"
#include "pysogs/import.h"

enum { SYSTEM_PREFIX = 0xff };

/* What the last versions of PySOGS added, and what makes it one. */
static const struct {
    const char *table, *column;
} wanted[] = {
    {"rooms", "token"},
    {"users", "session_id"},
    {"messages", "seqno"},
    {"files", "path"},
    {"messages", "seqno_creation"},
    {"rooms", "accessible"},
    {"needs_blinding", "blinded_abs"},
    {"reactions", "reaction"},
    {"user_reactions", "at"},
    {"user_permission_overrides", "accessible"},
    {"user_permission_futures", "at"},
    {"user_ban_futures", "at"},
    {"pinned_messages", "pinned_at"},
    {"room_users", "last_active"},
    {"inbox", "body"},
    {"files", "message"},
};
enum { WANTED_OF_ANY = 4 };

enum err look_schema(struct source *s)
{
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        bool has = false;
        char about[96];
        if (source_has(s, wanted[i].table, wanted[i].column, &has) != OK)
            return import_fail("the old database", "it cannot be read");
        (void)snprintf(about, sizeof(about), "%s.%s", wanted[i].table, wanted[i].column);
        if (!has && i < WANTED_OF_ANY)
            return import_fail(about, "there is none: this is no database of PySOGS");
        if (!has)
            return import_fail(about, "there is none: the database is of an older PySOGS; run its "
                                      "--upgrade first (of version 0.3.8)");
    }
    return OK;
}

/* The old server has a row for itself: ff and its public key. */
enum err look_key(struct source *s, const struct x25519_pub *key)
{
    bool found = false, ours = false;
    enum err e = source_ask(s, "SELECT session_id FROM users"
                               " WHERE lower(session_id) LIKE 'ff%'");
    while (e == OK && (e = source_next(s)) == OK) {
        uint8_t id[33];
        if (hex_read(source_bytes(s, 0), id, sizeof(id)) != OK || id[0] != SYSTEM_PREFIX)
            continue;
        found = true;
        ours |= span_eq(span_of(id + 1, sizeof(id) - 1), SPAN_OF_KEY(key));
    }
    if (e != ERR_MISSING || !source_ok(s))
        return import_fail("users", "they cannot be read");
    if (found && !ours)
        return ERR_CONFLICT;
    if (!found)
        (void)fprintf(stderr, "conclave: warning: the old database does not say whose it is; make "
                              "sure that [server] key_file is a copy of its server's key\n");
    return OK;
}

enum err look_empty(struct source *s)
{
    int64_t rows = 0;
    enum err e = source_number(s,
                               "SELECT (SELECT count(*) FROM rooms)"
                               " + (SELECT count(*) FROM users WHERE id <> 0)"
                               " + (SELECT count(*) FROM messages) + (SELECT count(*) FROM files)"
                               " + (SELECT count(*) FROM inbox)",
                               &rows);
    if (e != OK)
        return import_fail("--database", "it cannot be read");
    return rows == 0 ? OK
                     : import_fail("--database", "it has rooms or people already: an export wants "
                                                 "one that PySOGS has just made");
}
