/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One post of the load, from its bytes to its fate.
 */
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "torture/load.h"

enum {
    LINK_PATIENCE_MS = 30 * SECOND_MS,
    PAUSE_MS = 20,
    AGAIN_ON_PURPOSE = 16, /* one of so many acknowledged posts */
    TARGET_MAX_BYTES = 128,
    TEXT_MAX_BYTES = 40,
    FRAME_MAX_BYTES = 64 * 1024,
};

const char *const torture_rooms[TORTURE_ROOMS] = {"lobby", "second"};

/* A request ready to be sent, as often as need be. */
struct frame {
    struct buf bytes;
    struct onion_secret secret;
};

static enum err make_frame(struct person *p, uint8_t room, uint32_t n, struct frame *ret_frame)
{
    struct community *c = &p->at[0].community;
    char target[TARGET_MAX_BYTES];
    char text[TEXT_MAX_BYTES];
    (void)snprintf(target, sizeof(target), "/room/%s/message", torture_rooms[room]);
    (void)snprintf(text, sizeof(text), "torture %u", (unsigned)n);
    json_auto_t *body = community_post_body(c, text);
    struct community_request request = {
        .method = "POST", .target = target, .json = body, .signing = SIGNED_BLINDED};
    *ret_frame = (struct frame){.bytes = buf_make(FRAME_MAX_BYTES)};
    return body == NULL ? ERR_NO_MEMORY
                        : community_wrap(c, &request, &ret_frame->bytes, &ret_frame->secret);
}

static void frame_done(struct frame *f)
{
    buf_done(&f->bytes);
    onion_client_done(&f->secret);
}

static void learn_place(struct person *p, uint32_t n, const struct onion_reply *reply)
{
    json_auto_t *row = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    int64_t id = json_integer_value(json_object_get(row, "id"));
    int64_t seqno = json_integer_value(json_object_get(row, "seqno"));
    if (id <= 0 || seqno <= 0)
        ledger_complain(p->ledger, "post %u was acknowledged without id and number", (unsigned)n);
    ledger_post_answered(p->ledger, n, FATE_DONE, id, seqno);
}

/* What is known of a post while it is sent again and again. */
struct attempts {
    bool silent; /* every attempt so far ended because the other side went away */
    size_t count;
};

/* False: not known yet, try again. */
static bool judge(struct person *p, uint32_t n, enum err e, const struct onion_reply *reply,
                  struct attempts *so_far, enum fate *ret_fate)
{
    if (e != OK) {
        so_far->silent = so_far->silent && e != ERR_BUSY && e != ERR_DENIED;
        return false;
    }
    switch (reply->code) {
    case 201:
        learn_place(p, n, reply);
        *ret_fate = FATE_DONE;
        return true;
    case 425: /* claim and post are one transaction, so whoever lost the claim lost it to the post */
        *ret_fate = so_far->silent && so_far->count > 0 ? FATE_CLAIMED : FATE_MAYBE;
        break;
    case 503:
        so_far->silent = false;
        return false;
    default:
        ledger_complain(p->ledger, "post %u was answered %d", (unsigned)n, reply->code);
        *ret_fate = FATE_REFUSED;
        break;
    }
    ledger_post_answered(p->ledger, n, *ret_fate, 0, 0);
    return true;
}

/* The same bytes after they were acknowledged: they must not happen again. */
static void send_again(struct person *p, uint32_t n, const struct frame *f)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    size_t server = dice_below(&p->dice, TORTURE_SERVERS);
    enum err e = server_link_post(p->at[server].link, buf_span(&f->bytes), &f->secret, &reply);
    if (e == OK && reply.code != 425 && reply.code != 503)
        ledger_complain(p->ledger, "post %u, sent again, was answered %d", (unsigned)n, reply.code);
}

enum fate person_post(struct person *p, uint8_t room, size_t server, enum again again,
                      int64_t deadline_ms)
{
    struct frame f;
    struct attempts so_far = {.silent = true};
    enum fate fate = FATE_MAYBE;
    uint32_t n = ledger_post_new(p->ledger, room);
    if (n == UINT32_MAX || make_frame(p, room, n, &f) != OK) {
        ledger_complain(p->ledger, "no room for more posts");
        return FATE_REFUSED;
    }
    bool known = false;
    for (; !known; so_far.count++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        enum err e = server_link_post(p->at[server].link, buf_span(&f.bytes), &f.secret, &reply);
        known = judge(p, n, e, &reply, &so_far, &fate);
        if (!known && clock_mono_ms() >= deadline_ms)
            break;
        if (!known) {
            (void)poll(NULL, 0, PAUSE_MS);
            if (again == AGAIN_ANYWHERE)
                server = dice_below(&p->dice, TORTURE_SERVERS);
        }
    }
    if (!known)
        ledger_post_answered(p->ledger, n, FATE_MAYBE, 0, 0);
    else if (fate == FATE_DONE && dice_below(&p->dice, AGAIN_ON_PURPOSE) == 0)
        send_again(p, n, &f);
    frame_done(&f);
    return fate;
}

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
    for (size_t server = 0; server < TORTURE_SERVERS; server++)
        member_close(&p->at[server]);
}
