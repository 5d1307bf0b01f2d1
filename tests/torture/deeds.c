/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sending, and sending again: what an answer, or none, says about what happened.
 */
#include "torture/deeds.h"

#include <poll.h>

#include "base/clock.h"

enum {
    PAUSE_MS = 20,
    AGAIN_ON_PURPOSE = 16, /* one of so many acknowledged deeds */
    KEEP_ONE_OF = 8,
    FRAME_MAX_BYTES = 1 << 20,
};

static enum err make_frame(struct person *p, const struct deed *deed, struct kept_frame *ret_frame)
{
    const struct community_request request = {
        .method = deed->method,
        .target = deed->target,
        .json = deed->json,
        .body = deed->body,
        .content_type = deed->body.len > 0 ? "application/octet-stream" : NULL,
        .signing = SIGNED_BLINDED};
    *ret_frame = (struct kept_frame){.bytes = buf_make(FRAME_MAX_BYTES)};
    return community_wrap(&p->at[0].community, &request, &ret_frame->bytes, &ret_frame->secret);
}

void kept_frame_done(struct kept_frame *f)
{
    buf_done(&f->bytes);
    onion_client_done(&f->secret);
}

/* What is known of a deed while it is sent again and again. */
struct attempts {
    bool silent; /* every attempt so far ended because the other side went away */
    size_t count;
};

static bool is_too_far(const struct onion_reply *reply)
{
    static const char words[] = "too far from current time";
    return reply->code == 425 &&
           memmem(reply->body.p, reply->body.len, words, sizeof(words) - 1) != NULL;
}

/* False: not known yet, try again. */
static bool judge(struct person *p, const struct deed *deed, enum err e,
                  const struct onion_reply *reply, struct attempts *so_far, enum fate *ret_fate)
{
    if (e != OK) {
        so_far->silent = so_far->silent && e != ERR_BUSY && e != ERR_DENIED;
        return false;
    }
    if (reply->code == deed->done) {
        *ret_fate = FATE_DONE;
    } else if (is_too_far(reply)) {
        return false; /* by the clock of that server: it has done nothing */
    } else if (reply->code == 425) {
        /* Whoever lost an atomic claim lost it to the deed itself. */
        bool sure = deed->atomic && so_far->silent && so_far->count > 0;
        *ret_fate = sure ? FATE_CLAIMED : FATE_MAYBE;
    } else if (reply->code == 503) {
        so_far->silent = false;
        return false;
    } else {
        ledger_complain(p->ledger, "%s %s was answered %d", deed->method, deed->target,
                        reply->code);
        *ret_fate = FATE_REFUSED;
    }
    return true;
}

/*
 * The same bytes after they were acknowledged, at once or much later: they must not happen again.
 */
static void send_again(struct person *p, const struct kept_frame *f)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    size_t server = dice_below(&p->dice, TORTURE_SERVERS);
    enum err e = server_link_post(p->at[server].link, buf_span(&f->bytes), &f->secret, &reply);
    if (e == OK && reply.code != 425 && reply.code != 503)
        ledger_complain(p->ledger, "an acknowledged request, sent again, was answered %d",
                        reply.code);
}

/* Keeps the frame, in the place of an older one or of none. */
static void keep(struct person *p, struct kept_frame *f)
{
    size_t i = (size_t)dice_below(&p->dice, KEPT_FRAMES);
    kept_frame_done(&p->kept[i]);
    p->kept[i] = *f;
    *f = (struct kept_frame){.bytes = {0}};
}

enum fate deed_do(struct person *p, const struct deed *deed, size_t server, enum again again,
                  int64_t deadline_ms, json_t **ret_answer)
{
    struct kept_frame f;
    struct attempts so_far = {.silent = true};
    enum fate fate = FATE_MAYBE;
    if (make_frame(p, deed, &f) != OK) {
        ledger_complain(p->ledger, "%s %s cannot be made", deed->method, deed->target);
        return FATE_REFUSED;
    }
    bool known = false;
    while (!known) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        enum err e = server_link_post(p->at[server].link, buf_span(&f.bytes), &f.secret, &reply);
        known = judge(p, deed, e, &reply, &so_far, &fate);
        so_far.count += e != OK || !is_too_far(&reply);
        if (known && fate == FATE_DONE && ret_answer != NULL)
            *ret_answer = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        if (!known && clock_mono_ms() >= deadline_ms)
            break;
        if (!known) {
            (void)poll(NULL, 0, PAUSE_MS);
            if (again == AGAIN_ANYWHERE)
                server = dice_below(&p->dice, TORTURE_SERVERS);
        }
    }
    if (known && fate == FATE_DONE && dice_below(&p->dice, AGAIN_ON_PURPOSE) == 0)
        send_again(p, &f);
    if (known && fate == FATE_DONE && dice_below(&p->dice, KEEP_ONE_OF) == 0)
        keep(p, &f);
    const struct kept_frame *old = &p->kept[dice_below(&p->dice, KEPT_FRAMES)];
    if (old->bytes.len > 0 && dice_below(&p->dice, AGAIN_ON_PURPOSE) == 0)
        send_again(p, old);
    kept_frame_done(&f);
    return known ? fate : FATE_MAYBE;
}
