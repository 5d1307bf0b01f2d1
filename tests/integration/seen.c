/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads are compared as JSON, value by value, so that a difference is told by its place.
 */
#include "integration/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"

enum { HASH_SHOWN = 24, TOLD_MAX = 40, PLACE_MAX = 256 };

void seen_load(struct seen *s, const char *path)
{
    json_error_t why;
    *s = (struct seen){.all = json_load_file(path, JSON_ALLOW_NUL, &why)};
    if (s->all == NULL)
        fail_msg("%s: %s", path, why.text);
    s->reads = json_object_get(s->all, "reads");
}

void seen_done(struct seen *s)
{
    for (size_t i = 0; i < s->c.count; i++)
        member_close(&s->c.members[i]);
    s->c.count = 0;
    json_decref(s->all);
    (void)sqlite3_close(s->old);
}

void seen_accounts(struct seen *s)
{
    const char *name;
    json_t *seed;
    struct world *w = &s->c.w;
    json_object_foreach(json_object_get(s->all, "ed25519_seeds"), name, seed)
    {
        uint8_t raw[ACCOUNT_SEED_BYTES];
        assert_int_equal(hex_read(span_of_text(json_string_value(seed)), raw, sizeof(raw)), OK);
        assert_true(w->account_count < SEEN_PEOPLE_MAX);
        s->names[w->account_count] = name;
        assert_int_equal(account_from_seed(raw, &w->accounts[w->account_count]), OK);
        w->account_count++;
    }
}

void seen_members(struct seen *s, int64_t offset_s)
{
    for (size_t i = 0; i < s->c.w.account_count; i++) {
        assert_int_equal(member_open(&s->c.w, i, 0, false, &s->c.members[i]), OK);
        s->c.members[i].community.clock_offset_s = offset_s;
        s->c.count++;
    }
}

/* ---- asking ---- */

static struct member *person(struct seen *s, const char *name)
{
    for (size_t i = 0; name != NULL && i < s->c.count; i++)
        if (strcmp(s->names[i], name) == 0)
            return &s->c.members[i];
    assert_null(name);
    return &s->c.members[0];
}

/* As the path of a URL. */
static void encode(const char *path, char out[static SEEN_PATH_MAX])
{
    size_t len = 0;
    for (const uint8_t *p = (const uint8_t *)path; *p != '\0'; p++) {
        assert_true(len + 4 < SEEN_PATH_MAX);
        if (*p > 0x20 && *p < 0x7f)
            out[len++] = (char)*p;
        else
            len += (size_t)snprintf(out + len, 4, "%%%02X", (unsigned)*p);
    }
    out[len] = '\0';
}

int seen_ask(struct seen *s, const char *name, const char *path, struct onion_reply *ret_reply)
{
    char target[SEEN_PATH_MAX];
    encode(path, target);
    const struct community_request request = {
        .method = "GET", .target = target, .signing = name == NULL ? UNSIGNED : SIGNED_BLINDED};
    assert_int_equal(community_call(&person(s, name)->community, &request, ret_reply), OK);
    return ret_reply->code;
}

const char *seen_id(struct seen *s, const char *name)
{
    static struct id_text text;
    if (name == NULL)
        return "";
    text = account_id_text(&person(s, name)->community.blinded.id);
    return text.s;
}

/* ---- comparing ---- */

bool seen_tell(struct seen *s, const char *read, const char *place, const char *what)
{
    if (s->differences++ < TOLD_MAX)
        print_message("# %s%s: %s\n", read, place, what);
    return false;
}

/* Texts were replaced by their hashes. */
static bool same_text(const char *expected, const char *ours)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof(hash) + 1] = "";
    if (strncmp(expected, "sha256:", 7) != 0)
        return strcmp(expected, ours) == 0;
    (void)crypto_hash_sha256(hash, (const uint8_t *)ours, strlen(ours));
    hex_write(span_of(hash, sizeof(hash)), hex);
    return strncmp(expected + 7, hex, HASH_SHOWN) == 0;
}

static double number_of(const json_t *value)
{
    return json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value);
}

static bool same_object(struct seen *s, const char *read, const char *place, const json_t *expected,
                        const json_t *ours)
{
    bool all = true;
    const char *key;
    const json_t *value;
    char below[PLACE_MAX];
    json_object_foreach((json_t *)(uintptr_t)expected, key, value)
    {
        const json_t *other = json_object_get(ours, key);
        (void)snprintf(below, sizeof(below), "%.180s.%.60s", place, key);
        all = (other == NULL ? seen_tell(s, read, below, "missing")
                             : seen_same(s, read, below, value, other)) &&
              all;
    }
    json_object_foreach((json_t *)(uintptr_t)ours, key, value)
    {
        (void)snprintf(below, sizeof(below), "%.180s.%.60s", place, key);
        if (json_object_get(expected, key) == NULL)
            all = seen_tell(s, read, below, "too much");
    }
    return all;
}

static bool same_array(struct seen *s, const char *read, const char *place, const json_t *expected,
                       const json_t *ours)
{
    bool all = true;
    char below[PLACE_MAX];
    if (json_array_size(expected) != json_array_size(ours)) {
        (void)snprintf(below, sizeof(below), "%zu elements instead of %zu", json_array_size(ours),
                       json_array_size(expected));
        return seen_tell(s, read, place, below);
    }
    for (size_t i = 0; i < json_array_size(expected); i++) {
        (void)snprintf(below, sizeof(below), "%.180s[%zu]", place, i);
        all =
            seen_same(s, read, below, json_array_get(expected, i), json_array_get(ours, i)) && all;
    }
    return all;
}

bool seen_same(struct seen *s, const char *read, const char *place, const json_t *expected,
               const json_t *ours)
{
    bool numbers = (json_is_number(expected) || json_is_boolean(expected)) &&
                   (json_is_number(ours) || json_is_boolean(ours));
    if (json_is_object(expected) && json_is_object(ours))
        return same_object(s, read, place, expected, ours);
    if (json_is_array(expected) && json_is_array(ours))
        return same_array(s, read, place, expected, ours);
    if (json_is_string(expected) && json_is_string(ours))
        return same_text(json_string_value(expected), json_string_value(ours)) ||
               seen_tell(s, read, place, json_string_value(ours));
    if (json_is_null(expected) && json_is_null(ours))
        return true;
    if (!numbers)
        return seen_tell(s, read, place, "another kind of value");
    double wanted = number_of(expected);
    const char *dot = strrchr(place, '.');
    if (dot != NULL && strcmp(dot, ".pinned_at") == 0)
        wanted = floor(wanted); /* Android reads an integer */
    char text[64];
    (void)snprintf(text, sizeof(text), "%.17g instead of %.17g", number_of(ours), wanted);
    return !(number_of(ours) < wanted || number_of(ours) > wanted) ||
           seen_tell(s, read, place, text);
}

/* ---- what is known to differ ---- */

/* Is a message a deleted one by what the global admin saw in the end? */
static bool is_deleted(const struct seen *s, const char *room, int64_t id)
{
    char walk[SEEN_PATH_MAX], number[24];
    (void)snprintf(walk, sizeof(walk), "admin walk %.64s 256 &t=r", room);
    (void)snprintf(number, sizeof(number), "%lld", (long long)id);
    const json_t *rows = json_object_get(json_object_get(s->reads, walk), "json");
    return json_is_true(json_object_get(json_object_get(rows, number), "deleted"));
}

/* The rows that PySOGS sends for reactions alone, of a message that is gone. */
static bool is_leftover(const struct seen *s, const char *room, const json_t *row)
{
    return json_object_get(row, "reactions") != NULL && json_object_get(row, "posted") == NULL &&
           is_deleted(s, room, json_integer_value(json_object_get(row, "id")));
}

/* A scheduled change that says nothing. */
static bool is_no_change(const json_t *row)
{
    return json_object_size(row) == 2 && json_object_get(row, "at") != NULL;
}

static void drop_known(const struct seen *s, const char *read, json_t *rows)
{
    char room[ROOM_TOKEN_MAX + 1] = "";
    const char *in_room = strstr(read, " /room/");
    bool messages = strstr(read, "/messages/since/") != NULL;
    if (in_room == NULL || !json_is_array(rows))
        return;
    in_room += strlen(" /room/");
    (void)snprintf(room, sizeof(room), "%.*s", (int)strcspn(in_room, "/"), in_room);
    for (size_t i = json_array_size(rows); i > 0; i--) {
        const json_t *row = json_array_get(rows, i - 1);
        if (messages ? is_leftover(s, room, row) : is_no_change(row))
            assert_int_equal(json_array_remove(rows, i - 1), 0);
    }
}

/* ---- one read ---- */

/* PySOGS lets the picture of a room expire; ours stays. */
static bool is_picture(const struct seen *s, const char *read)
{
    char room[ROOM_TOKEN_MAX + 1], path[SEEN_PATH_MAX];
    long long file = 0;
    if (sscanf(read, "%*s /room/%64[^/]/file/%lld", room, &file) != 2)
        return false;
    (void)snprintf(path, sizeof(path), "admin /room/%s", room);
    const json_t *json = json_object_get(json_object_get(s->reads, path), "json");
    return json_integer_value(json_object_get(json, "image_id")) == file;
}

static bool same_header(struct seen *s, const char *read, const json_t *expected, const char *name,
                        const struct onion_reply *reply)
{
    const char *wanted = json_string_value(json_object_get(expected, name));
    const char *ours = onion_reply_header(reply, name);
    if (strcmp(name, "expires") == 0 && ours[0] == '\0' && is_picture(s, read))
        return true;
    return wanted == NULL || strcmp(wanted, ours) == 0 || seen_tell(s, read, name, ours);
}

static bool same_bytes(struct seen *s, const char *read, const char *wanted, struct span body)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char text[2 * sizeof(hash) + 32] = "";
    (void)crypto_hash_sha256(hash, body.p, body.len);
    hex_write(span_of(hash, sizeof(hash)), text);
    (void)snprintf(text + 2 * sizeof(hash), 32, ":%zu", body.len);
    return strcmp(wanted, text) == 0 || span_eq_text(body, wanted) ||
           seen_tell(s, read, " body", wanted);
}

static bool same_reply(struct seen *s, const char *read, json_t *expected,
                       const struct onion_reply *reply)
{
    json_t *json = json_object_get(expected, "json");
    const char *type = json_string_value(json_object_get(expected, "type"));
    bool all = strcmp(type, onion_reply_header(reply, "content-type")) == 0 ||
               seen_tell(s, read, " type", onion_reply_header(reply, "content-type"));
    all = same_header(s, read, expected, "content-disposition", reply) && all;
    all = same_header(s, read, expected, "date", reply) && all;
    all = same_header(s, read, expected, "expires", reply) && all;
    if (json == NULL)
        return same_bytes(s, read, json_string_value(json_object_get(expected, "body")),
                          reply->body) &&
               all;
    json_auto_t *ours =
        json_loadb((const char *)reply->body.p, reply->body.len, JSON_DECODE_ANY, NULL);
    if (ours == NULL)
        return seen_tell(s, read, "", "no JSON");
    drop_known(s, read, json);
    return seen_same(s, read, "", json, ours) && all;
}

/*
 * Who may not even see a room gets for everything in it what a room that does not exist would
 * answer.
 */
static bool is_hidden(const struct seen *s, const char *read)
{
    char room[SEEN_PATH_MAX];
    const char *in_room = strstr(read, " /room/");
    if (in_room == NULL)
        return false;
    size_t len = (size_t)(in_room - read) + strlen(" /room/");
    len += strcspn(read + len, "/?");
    (void)snprintf(room, sizeof(room), "%.*s", (int)len, read);
    return json_integer_value(json_object_get(json_object_get(s->reads, room), "code")) == 404;
}

static int code_of(const struct seen *s, const char *read, const json_t *expected)
{
    int code = (int)json_integer_value(json_object_get(expected, "code"));
    return (code == 401 || code == 403) && is_hidden(s, read) ? 404 : code;
}

static void compare_read(struct seen *s, const char *read, json_t *expected)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    char name[32], text[64];
    const char *space = strchr(read, ' ');
    (void)snprintf(name, sizeof(name), "%.*s", (int)(space - read), read);
    int code = seen_ask(s, strcmp(name, "None") == 0 ? NULL : name, space + 1, &reply);
    int wanted = code_of(s, read, expected);
    (void)snprintf(text, sizeof(text), "code %d instead of %d", code, wanted);
    if (code != wanted)
        (void)seen_tell(s, read, "", text);
    else if (wanted != 404) /* what is not there has one answer, whatever PySOGS had */
        (void)same_reply(s, read, expected, &reply);
}

size_t seen_compare(struct seen *s)
{
    const char *read;
    json_t *expected;
    size_t count = 0;
    json_object_foreach(s->reads, read, expected)
    {
        if (strstr(read, " walk ") != NULL)
            continue; /* seen_walk.c */
        compare_read(s, read, expected);
        count++;
    }
    return count;
}
