/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what in a room: chosen cases by a table, every combination against
 * docs/protocol/community.md, 3.8 spelled out slowly, and the lists of moderators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "state/rights.h"

static const struct rights_defaults open_room = {true, true, true, true};
static const struct rights_defaults closed_room = {false, false, false, false};

struct rights_case {
    const char *name;
    const struct rights_defaults *defaults;
    const char
        *own; /* the override: B, M, A for ban and roles, r+ r- a+ ... for flags; NULL: no row */
    const char *user; /* the global flags; NULL: no row */
    const char *may;  /* r a w u M(oderator) A(dmin) G(lobal moderator) B(anned) */
};

static const struct rights_case cases[] = {
    {"nobody, open room", &open_room, NULL, NULL, "rawu"},
    {"nobody, closed room", &closed_room, NULL, NULL, ""},
    {"reading makes accessible", &closed_room, "r+", NULL, "ra"},
    {"accessible alone", &closed_room, "a+", NULL, "a"},
    {"accessible taken, reading left", &open_room, "a-", NULL, "rawu"},
    {"reading taken, accessible left", &open_room, "r-", NULL, "awu"},
    {"writing without reading", &closed_room, "w+", NULL, "w"},
    {"uploading needs writing", &closed_room, "u+", NULL, ""},
    {"writing taken takes uploading", &open_room, "w-", NULL, "ra"},
    {"uploading taken", &open_room, "u-", NULL, "raw"},
    {"banned from the room", &open_room, "B", NULL, "B"},
    {"banned from the server", &open_room, NULL, "B", "B"},
    {"a ban beats what is granted", &open_room, "Br+a+w+u+", NULL, "B"},
    {"moderator of a closed room", &closed_room, "M", NULL, "rawuM"},
    {"a role beats what is taken", &closed_room, "Mr-a-w-u-", NULL, "rawuM"},
    {"admin of the room", &closed_room, "MA", NULL, "rawuMA"},
    {"admin implies moderator", &closed_room, "A", NULL, "rawuMA"},
    {"global moderator", &closed_room, NULL, "M", "rawuMG"},
    {"global admin", &closed_room, NULL, "A", "rawuMAG"},
    {"global moderator, banned from the room", &closed_room, "B", "M", "rawuMGB"},
    {"global moderator, admin of the room", &closed_room, "MA", "M", "rawuMAG"},
    {"known, but nothing special", &open_room, "", "", "rawu"},
};

static enum tristate flag_of(const char *text, char letter)
{
    const char *at = strchr(text, letter);
    return at == NULL ? TRI_NULL : at[1] == '+' ? TRI_YES : TRI_NO;
}

static struct permission_row override_of(const char *text)
{
    return (struct permission_row){.banned = strchr(text, 'B') != NULL,
                                   .moderator = strchr(text, 'M') != NULL,
                                   .admin = strchr(text, 'A') != NULL,
                                   .read = flag_of(text, 'r'),
                                   .accessible = flag_of(text, 'a'),
                                   .write = flag_of(text, 'w'),
                                   .upload = flag_of(text, 'u')};
}

static struct user_row user_of(const char *text)
{
    return (struct user_row){.banned = strchr(text, 'B') != NULL,
                             .moderator = strchr(text, 'M') != NULL,
                             .admin = strchr(text, 'A') != NULL};
}

static void in_letters(const struct rights *r, char out[static 9])
{
    const struct {
        bool set;
        char letter;
    } all[] = {{r->read, 'r'},
               {r->accessible, 'a'},
               {r->write, 'w'},
               {r->upload, 'u'},
               {r->moderator, 'M'},
               {r->admin, 'A'},
               {r->global_moderator, 'G'},
               {r->banned, 'B'}};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].set)
            *out++ = all[i].letter;
    *out = '\0';
}

static void rights__table__grants_exactly_this(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct rights_case *c = &cases[i];
        struct rights r;
        char letters[9];
        const struct permission_row own = override_of(c->own != NULL ? c->own : "");
        const struct user_row user = user_of(c->user != NULL ? c->user : "");
        rights_resolve(c->defaults, c->own != NULL ? &own : NULL, c->user != NULL ? &user : NULL,
                       &r);
        in_letters(&r, letters);
        if (strcmp(letters, c->may) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", c->name, letters, c->may);
        assert_true(r.global_admin == (c->user != NULL && user.admin));
    }
}

/* ---- every combination ---- */

enum need { READ, ACCESSIBLE, WRITE, UPLOAD };

static bool effective(const struct rights_defaults *d, const struct permission_row *own,
                      const struct user_row *user, enum need need)
{
    const bool defaults[] = {d->read, d->accessible, d->write, d->upload};
    if (user != NULL && (user->moderator || user->admin))
        return true;
    if (own == NULL)
        return defaults[need];
    const enum tristate own_flags[] = {own->read, own->accessible, own->write, own->upload};
    return own_flags[need] != TRI_NULL ? own_flags[need] == TRI_YES : defaults[need];
}

/* "Check may X", step by step. */
static bool may(const struct rights_defaults *d, const struct permission_row *own,
                const struct user_row *user, enum need need)
{
    bool admin = (own != NULL && own->admin) || (user != NULL && user->admin);
    bool moderator = admin || (own != NULL && own->moderator) || (user != NULL && user->moderator);
    bool banned = (own != NULL && own->banned) || (user != NULL && user->banned);
    if (admin || moderator)
        return true;
    if (banned)
        return false;
    if (need == ACCESSIBLE)
        return effective(d, own, user, READ) || effective(d, own, user, ACCESSIBLE);
    if (need == UPLOAD)
        return effective(d, own, user, WRITE) && effective(d, own, user, UPLOAD);
    return effective(d, own, user, need);
}

static enum tristate tri(size_t n)
{
    static const enum tristate all[] = {TRI_NULL, TRI_NO, TRI_YES};
    return all[n % 3];
}

static void check_combination(size_t defaults, size_t own_flags, size_t own_role, size_t user_role)
{
    const struct rights_defaults d = {defaults & 1, defaults & 2, defaults & 4, defaults & 8};
    const struct permission_row own = {.banned = own_role == 1,
                                       .moderator = own_role == 2 || own_role == 3,
                                       .admin = own_role == 3,
                                       .read = tri(own_flags),
                                       .accessible = tri(own_flags / 3),
                                       .write = tri(own_flags / 9),
                                       .upload = tri(own_flags / 27)};
    const struct user_row user = {
        .banned = user_role == 1, .moderator = user_role >= 2, .admin = user_role == 3};
    const struct permission_row *o = own_role == 4 ? NULL : &own;
    const struct user_row *u = user_role == 4 ? NULL : &user;
    struct rights r;
    rights_resolve(&d, o, u, &r);
    assert_true(r.read == may(&d, o, u, READ));
    assert_true(r.accessible == may(&d, o, u, ACCESSIBLE));
    assert_true(r.write == may(&d, o, u, WRITE));
    assert_true(r.upload == may(&d, o, u, UPLOAD));
}

static void rights__every_combination__agrees_with_the_steps_of_the_protocol(void **state)
{
    (void)state;
    for (size_t defaults = 0; defaults < 16; defaults++)
        for (size_t own_flags = 0; own_flags < 81; own_flags++)
            for (size_t roles = 0; roles < 25; roles++)
                check_combination(defaults, own_flags, roles % 5, roles / 5);
}

/* ---- looking up, and lists ---- */

static struct session_id id(uint8_t first)
{
    struct session_id s = {{0x15, first}};
    return s;
}

static void rights__lookup__finds_exactly_that_id(void **state)
{
    (void)state;
    const struct user_row rows[] = {
        {.id = 3, .session = id(9)}, {.id = 1, .session = id(2)}, {.id = 2, .session = id(5)}};
    struct rights_users users;
    struct rights_users nobody;
    const struct session_id wanted = id(5);
    const struct session_id missing = id(4);
    assert_int_equal(rights_copy_users(rows, COUNT_OF(rows), &users), OK);
    assert_int_equal(rights_copy_users(NULL, 0, &nobody), OK);
    assert_non_null(rights_user(&users, &wanted));
    assert_int_equal(rights_user(&users, &wanted)->id, 2);
    assert_null(rights_user(&users, &missing));
    assert_null(rights_user(&nobody, &wanted));
    mem_free(users.rows);
    const struct permission_row own[] = {{.room = 2, .session = id(8)},
                                         {.room = 1, .session = id(1)}};
    const struct session_id last = id(8);
    struct rights_overrides overrides = {0};
    assert_int_equal(rights_add_overrides(&overrides, own, COUNT_OF(own)), OK);
    rights_sort_overrides(&overrides);
    assert_int_equal(rights_override(&overrides, &last)->room, 2);
    assert_null(rights_override(&overrides, &missing));
    mem_free(overrides.rows);
}

/* Ids are told apart by their second byte; the list is asked for as those bytes in hex. */
static void list_role(const struct rights_overrides *overrides, const struct rights_users *users,
                      struct rights_role role, char out[static 64])
{
    AUTO_BUF struct buf b = buf_make(KIB(4));
    size_t n = 0;
    assert_true(rights_put_role(overrides, users, role, true, "", &b));
    assert_int_equal(buf_verdict(&b), OK);
    for (size_t i = 0; i + 5 < b.len; i++)
        if (b.p[i] == '"' && b.p[i + 1] == '1' && b.p[i + 2] == '5')
            out[n++] = (char)b.p[i + 4];
    out[n] = '\0';
}

static void rights__moderator_lists__merge_room_and_global_roles(void **state)
{
    (void)state;
    const struct permission_row own[] = {
        {.session = id(1), .moderator = true, .visible = true},
        {.session = id(2), .moderator = true, .admin = true, .visible = true},
        {.session = id(3), .moderator = true, .visible = false},
        {.session = id(4),
         .moderator = true,
         .visible = true}, /* also a hidden global admin: the room's word counts */
        {.session = id(5),
         .moderator = true,
         .visible = false},                                  /* also a visible global moderator */
        {.session = id(6), .banned = true, .visible = true}, /* a global moderator all the same */
        {.session = id(7), .write = TRI_NO, .visible = true},
    };
    const struct user_row people[] = {
        {.session = id(9), .moderator = true, .visible = false},
        {.session = id(8), .moderator = true, .admin = true, .visible = true},
        {.session = id(4), .moderator = true, .admin = true, .visible = false},
        {.session = id(5), .moderator = true, .visible = true},
        {.session = id(6), .moderator = true, .visible = true},
        {.session = id(0), .banned = true, .visible = true},
    };
    struct rights_overrides overrides = {0};
    struct rights_users users;
    char ids[64];
    assert_int_equal(rights_add_overrides(&overrides, own, COUNT_OF(own)), OK);
    rights_sort_overrides(&overrides);
    assert_int_equal(rights_copy_users(people, COUNT_OF(people), &users), OK);
    list_role(&overrides, &users, (struct rights_role){.admin = false, .visible = true}, ids);
    assert_string_equal(ids, "16");
    list_role(&overrides, &users, (struct rights_role){.admin = true, .visible = true}, ids);
    assert_string_equal(ids, "248");
    list_role(&overrides, &users, (struct rights_role){.admin = false, .visible = false}, ids);
    assert_string_equal(ids, "359");
    list_role(&overrides, &users, (struct rights_role){.admin = true, .visible = false}, ids);
    assert_string_equal(ids, "");
    mem_free(overrides.rows);
    mem_free(users.rows);
}

static void rights__empty_list__is_written_only_when_asked_for(void **state)
{
    (void)state;
    const struct rights_overrides overrides = {0};
    const struct rights_users users = {0};
    AUTO_BUF struct buf b = buf_make(100);
    assert_false(rights_put_role(&overrides, &users, (struct rights_role){0}, false, "x", &b));
    assert_int_equal(b.len, 0);
    assert_true(rights_put_role(&overrides, &users, (struct rights_role){0}, true, "x", &b));
    assert_true(span_eq_text(buf_span(&b), "x[]"));
}

static void rights__moderators__are_compared_without_bans(void **state)
{
    (void)state;
    const struct user_row base[] = {{.session = {{0x15, 1}}, .moderator = true},
                                    {.session = {{0x15, 2}}, .banned = true},
                                    {.session = {{0x15, 3}}, .moderator = true, .admin = true}};
    static const struct {
        size_t index;
        struct user_row row;
        bool same;
    } changes[] = {
        {0, {.session = {{0x15, 1}}, .moderator = true}, true},
        {0, {.session = {{0x15, 1}}, .moderator = true, .visible = true}, false},
        {0, {.session = {{0x15, 1}}, .moderator = true, .admin = true}, false},
        {0, {.session = {{0x15, 1}}, .banned = true}, false},
        {0, {.session = {{0x15, 0}}, .moderator = true}, false},
        {1, {.session = {{0x15, 2}}}, true},
        {1, {.session = {{0x15, 2}}, .moderator = true}, false},
        {2, {.session = {{0x15, 4}}, .moderator = true, .admin = true}, false},
        {2, {.session = {{0x15, 3}}, .banned = true}, false},
    };
    struct rights_users a;
    assert_int_equal(rights_copy_users(base, COUNT_OF(base), &a), OK);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct user_row rows[COUNT_OF(base)];
        struct rights_users b;
        memcpy(rows, base, sizeof(rows));
        rows[changes[i].index] = changes[i].row;
        assert_int_equal(rights_copy_users(rows, COUNT_OF(rows), &b), OK);
        assert_true(rights_same_moderators(&a, &b) == changes[i].same);
        assert_true(rights_same_moderators(&b, &a) == changes[i].same);
        mem_free(b.rows);
    }
    const struct rights_users nobody = {0};
    assert_true(rights_same_moderators(&nobody, &nobody));
    assert_false(rights_same_moderators(&a, &nobody));
    mem_free(a.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights__table__grants_exactly_this),
        cmocka_unit_test(rights__every_combination__agrees_with_the_steps_of_the_protocol),
        cmocka_unit_test(rights__moderators__are_compared_without_bans),
        cmocka_unit_test(rights__lookup__finds_exactly_that_id),
        cmocka_unit_test(rights__moderator_lists__merge_room_and_global_roles),
        cmocka_unit_test(rights__empty_list__is_written_only_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
