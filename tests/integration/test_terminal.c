/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody else named never steers the operator's terminal: every verb that prints from the
 * database is run on one in which every name is hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"
#include "integration/command.h"
#include "integration/database.h"
#include "integration/talk.h"

enum { ANA, PEOPLE };

static struct talk t;

/* A title, a colour by C1, a line of its own, a direction, a separator of lines. */
#define HOSTILE                                                                                    \
    "E'x\\x1b]0;owned\\x07\\u009b31m\\nhttp://evil/"                                               \
    "r?public_key=00\\r\\u202e\\u2066\\u2028\\u061cz'"

static int open_talk(void **state)
{
    (void)state;
    talk_open(&t, 1, PEOPLE, NULL);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&t);
    return 0;
}

static void make_hostile(int64_t message)
{
    struct db *db = talk_database(&t);
    char sql[512];
    database_run(db, "ALTER TABLE conclave.rooms DROP CONSTRAINT rooms_token_check");
    database_run(db, "UPDATE conclave.rooms SET name = " HOSTILE ", description = " HOSTILE
                     " WHERE token = 'lobby'");
    database_run(db, "INSERT INTO conclave.rooms (token, name, description, created)"
                     "VALUES (" HOSTILE ", " HOSTILE ", " HOSTILE ", 1)");
    database_run(db, "INSERT INTO conclave.room_storage (room, types)"
                     "SELECT id, " HOSTILE " FROM conclave.rooms"
                     "    ON CONFLICT (room) DO UPDATE SET types = excluded.types");
    database_run(db, "INSERT INTO conclave.filter_replies (type, texts, name)"
                     "VALUES (0, " HOSTILE ", " HOSTILE ")");
    database_run(db, "INSERT INTO conclave.permissions (room, user_id, banned)"
                     "SELECT r.id, u.id, true FROM conclave.rooms r, conclave.users u"
                     " WHERE r.token <> 'lobby' AND get_byte(u.session_id, 0) = 21"
                     "    ON CONFLICT DO NOTHING");
    /* Not in its place any more, so check --rows names it, with the token of its room. */
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE conclave.messages SET room = (SELECT id FROM conclave.rooms"
                   " WHERE token <> 'lobby') WHERE id = %lld",
                   (long long)message);
    database_run(db, sql);
    db_free(db);
}

static bool steers(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void assert_calm(const char *verb, const char *out)
{
    if (strstr(out, "\nhttp://evil") != NULL)
        fail_msg("%s lets a name begin a line: %s", verb, out);
    for (struct span rest = span_of_text(out); rest.len > 0;) {
        size_t at = strlen(out) - rest.len;
        if (steers(utf8_next(&rest)))
            fail_msg("%s prints what steers a terminal, at %zu: %s", verb, at, out + at + 1);
    }
}

static void verbs__on_hostile_names__print_them_escaped(void **state)
{
    (void)state;
    static struct said said;
    struct id_text ana;
    (void)talk_id(&t, ANA, &ana);
    int64_t moved = talk_post(&t, ANA, "lobby", "to be moved");
    int64_t liked = talk_post(&t, ANA, "lobby", "to be liked");
    (void)talk_react(&t, ANA, "lobby", liked, "\x1b[2J");
    make_hostile(moved);
    const struct {
        const char *const *args;
        const char *says; /* proof that the hostile text came along; NULL: this verb has none */
    } verbs[] = {
        {ARGS("room", "list"), "x\\u{1b}]0;owned"},
        {ARGS("room", "show", "lobby", "--stats"), "description: x\\u{1b}]0;owned"},
        {ARGS("room", "show", "lobby"), "; only x\\u{1b}]0;owned"},
        {ARGS("room", "set", "lobby", "--keep", "30d", "--dry-run"), NULL},
        {ARGS("room", "qr", "lobby"), NULL},
        {ARGS("user", "show", ana.s), "room x\\u{1b}]0;owned"},
        {ARGS("filter", "show", "--global"), "name x\\u{1b}]0;owned"},
        {ARGS("mod", "list", "--global"), NULL},
        {ARGS("mod", "list", "--room", "lobby"), NULL},
        {ARGS("check"), NULL},
        {ARGS("check", "--rows"), "of room x\\u{1b}]0;owned"},
        {ARGS("status", "--stats"), NULL},
        {ARGS("status", "--ready"), NULL},
        {ARGS("key", "show"), NULL},
        {ARGS("migrate", "--check"), NULL},
        {ARGS("message", "delete", "--room", "lobby", "--by", ana.s), NULL},
        {ARGS("room", "show", "x\x1b[2J\xc2\x9b"), NULL},
        {ARGS("nosuch\x1b[2J"), NULL},
        {ARGS("room", "list", "--nosuch\x1b[2J"), NULL},
        {ARGS("room", "nosuch\x1b[2J"), NULL},
        {ARGS("room", "list", "extra\x1b[2J"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        command_run(&t.w, NULL, verbs[i].args, &said);
        assert_calm(verbs[i].args[0], said.out);
        assert_calm(verbs[i].args[0], said.err);
        if (verbs[i].says != NULL && strstr(said.out, verbs[i].says) == NULL)
            fail_msg("%s %s does not say %s: %s %s", verbs[i].args[0], verbs[i].args[1],
                     verbs[i].says, said.out, said.err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verbs__on_hostile_names__print_them_escaped),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
