/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A post of the load, with or without a file, and what its author does to it afterwards.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "torture/deeds.h"

enum {
    LINK_PATIENCE_MS = 30 * SECOND_MS,
    TEXT_MAX_BYTES = 40,
    FILE_MAX_BYTES = 3000,
    WITH_FILE = 8, /* one post of so many */
    CHANGES_MAX = 3,
};

const char *const torture_rooms[TORTURE_ROOMS] = {"lobby", "second"};

static json_t *post_body(struct person *p, uint32_t n, unsigned edit)
{
    char text[TEXT_MAX_BYTES];
    (void)snprintf(text, sizeof(text), "torture %u edit %u", (unsigned)n, edit);
    return community_post_body(&p->at[0].community, text);
}

/* The number that an acknowledged deed drew in its room. */
static void take_number(struct person *p, uint8_t room, const json_t *answer)
{
    ledger_number(p->ledger, room, json_integer_value(json_object_get(answer, "seqno")));
}

/* A file for the post to come. False: none. */
static bool upload_first(struct person *p, uint8_t room, size_t server, int64_t deadline_ms,
                         uint32_t *ret_upload, int64_t *ret_number)
{
    uint8_t content[FILE_MAX_BYTES];
    json_auto_t *answer = NULL;
    uint32_t size = 1 + (uint32_t)dice_below(&p->dice, sizeof(content));
    uint32_t n = ledger_upload_new(p->ledger, size, false);
    if (n == UINT32_MAX)
        return false;
    ledger_content(p->ledger, n, content, size);
    struct deed deed = {.method = "POST", .body = span_of(content, size), .done = 201};
    (void)snprintf(deed.target, sizeof(deed.target), "/room/%s/file", torture_rooms[room]);
    enum fate fate = deed_do(p, &deed, server, AGAIN_ANYWHERE, deadline_ms, &answer);
    /* Until it is attached, nobody relies on it. */
    ledger_upload_answered(p->ledger, n, FATE_MAYBE, "");
    *ret_upload = n;
    *ret_number = json_integer_value(json_object_get(answer, "id"));
    return fate == FATE_DONE;
}

enum fate person_post(struct person *p, uint8_t room, size_t server, enum again again,
                      int64_t deadline_ms, uint32_t *ret_post)
{
    uint32_t upload = 0;
    int64_t number = 0;
    json_auto_t *answer = NULL;
    bool with_file = again == AGAIN_ANYWHERE && dice_below(&p->dice, WITH_FILE) == 0 &&
                     upload_first(p, room, server, deadline_ms, &upload, &number);
    uint32_t n = ledger_post_new(p->ledger, room);
    json_auto_t *body = n == UINT32_MAX ? NULL : post_body(p, n, 0);
    if (body == NULL) {
        ledger_complain(p->ledger, "no room for more posts");
        return FATE_REFUSED;
    }
    if (with_file)
        (void)json_object_set_new(body, "files", json_pack("[I]", (json_int_t)number));
    struct deed deed = {.method = "POST", .json = body, .done = 201, .atomic = true};
    (void)snprintf(deed.target, sizeof(deed.target), "/room/%s/message", torture_rooms[room]);
    enum fate fate = deed_do(p, &deed, server, again, deadline_ms, &answer);
    ledger_post_answered(p->ledger, n, fate, json_integer_value(json_object_get(answer, "id")));
    if (fate == FATE_DONE)
        take_number(p, room, answer);
    if (fate == FATE_DONE && with_file) {
        ledger_attached(p->ledger, upload, n, number);
        ledger_upload_answered(p->ledger, upload, FATE_DONE, "");
    }
    *ret_post = n;
    return fate;
}

/* ---- afterwards ---- */

static enum fate change_once(struct person *p, uint32_t n, enum change change, int64_t deadline_ms)
{
    const struct post post = ledger_post(p->ledger, n);
    const char *room = torture_rooms[post.room];
    long long id = (long long)post.id;
    json_auto_t *answer = NULL, *body = NULL;
    struct deed deed = {.done = 200, .atomic = true};
    if (change == CHANGE_EDIT) {
        deed.method = "PUT";
        deed.json = body = post_body(p, n, post.maybe_edits + 1U);
        (void)snprintf(deed.target, sizeof(deed.target), "/room/%s/message/%lld", room, id);
    } else if (change == CHANGE_DELETE) {
        deed.method = "DELETE";
        (void)snprintf(deed.target, sizeof(deed.target), "/room/%s/message/%lld", room, id);
    } else {
        deed.method = "PUT";
        deed.json = body = json_object();
        (void)snprintf(deed.target, sizeof(deed.target), "/room/%s/reaction/%lld/r%u", room, id,
                       (unsigned)post.maybe_reactions);
    }
    enum fate fate = deed_do(p, &deed, dice_below(&p->dice, TORTURE_SERVERS), AGAIN_ANYWHERE,
                             deadline_ms, &answer);
    ledger_changed(p->ledger, n, change, fate);
    if (fate == FATE_DONE && json_object_get(answer, "seqno") != NULL)
        take_number(p, post.room, answer);
    return fate;
}

void person_change(struct person *p, uint32_t n, int64_t deadline_ms)
{
    uint64_t times = dice_below(&p->dice, CHANGES_MAX + 1);
    for (uint64_t i = 0; i < times; i++) {
        uint64_t roll = dice_below(&p->dice, 5);
        enum change change = roll == 0 ? CHANGE_DELETE : roll < 3 ? CHANGE_EDIT : CHANGE_REACT;
        (void)change_once(p, n, change, deadline_ms);
        if (change == CHANGE_DELETE)
            return;
    }
}

/* ---- a person ---- */

enum err person_open(const struct world *w, size_t account, struct ledger *ledger, uint64_t seed,
                     struct person *ret_person)
{
    struct person p = {.ledger = ledger, .dice = {seed}};
    for (size_t server = 0; server < TORTURE_SERVERS; server++) {
        struct server_link_options options = world_route(w, server, false);
        options.timeout_ms = LINK_PATIENCE_MS;
        enum err e = server_link_open(&options, &p.at[server].link);
        if (e == OK)
            e = community_open(p.at[server].link, &w->accounts[account], &p.at[server].community);
        if (e != OK) {
            person_close(&p);
            return e;
        }
    }
    *ret_person = p;
    return OK;
}

void person_close(struct person *p)
{
    for (size_t i = 0; i < KEPT_FRAMES; i++)
        kept_frame_done(&p->kept[i]);
    for (size_t server = 0; server < TORTURE_SERVERS; server++)
        member_close(&p->at[server]);
}
