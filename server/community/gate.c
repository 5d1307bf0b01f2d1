/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may become a message. Rights are checked again under the room's lock by the batch writer;
 * what only the content can tell is decided here.
 */
#include "community/gate.h"

#include "base/log.h"
#include "community/auto_reply.h"
#include "community/filter.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "state/state.h"

static enum gate_verdict refuse(struct call *call, int status, const char *text)
{
    reply_text(call->reply, status, text);
    return GATE_REFUSE;
}

/* What is well-formed, and who may whisper. */
static enum gate_verdict check_form(struct call *call, const struct post_in *post)
{
    if (post->data.len > call->services->conf->rooms.message_bytes)
        return refuse(call, 413, "Message is too long");
    if (post->signature.len != MESSAGE_SIGNATURE_BYTES)
        return refuse(call, 400, "Invalid signature: must be 64 bytes");
    if (post->whisper && !call->rights.moderator)
        return refuse(call, 403, "Permission denied");
    return GATE_ACCEPT;
}

/* Refused aloud, or swallowed with or without an answer (docs/protocol/community.md, 4.5). */
static enum gate_verdict stop(struct call *call, const struct filters *filters,
                              enum filter_type hit, const struct post_text *text,
                              struct post_in *post, struct gate_reply *ret_reply)
{
    metrics_add(call->services->metrics, METRIC_POSTS_FILTERED, 1);
    if (!filter_is_silent(filters, hit))
        return refuse(call, 429,
                      hit == FILTER_PROFANITY ? "filtration rejected message (profanity)"
                                              : "filtration rejected message (alphabet)");
    post->state = MESSAGE_FILTERED;
    enum err e =
        auto_reply_make(call, filters, hit, text->name, &ret_reply->post, &ret_reply->author);
    ret_reply->wanted = e == OK;
    if (e != OK && e != ERR_MISSING)
        log_event(LOG_WARN, "gate.reply_failed", LOG_ERR(e));
    return GATE_ACCEPT;
}

static enum gate_verdict pass_filters(struct call *call, const struct filters *filters,
                                      struct post_in *post, struct gate_reply *ret_reply)
{
    struct post_text texts[POST_TEXT_READINGS_MAX];
    size_t count;
    if (call->rights.moderator && !filters->moderators)
        return GATE_ACCEPT;
    if (!post_text_readings(post->data, texts, &count))
        return refuse(call, 400, "Posts are filtered here, and this one cannot be read");
    for (size_t i = 0; i < count; i++) {
        enum filter_type hit = filter_judge(filters, call->services->conf->filters.list, &texts[i]);
        if (hit != FILTER_ANY)
            return stop(call, filters, hit, &texts[i], post, ret_reply);
    }
    return GATE_ACCEPT;
}

enum gate_verdict gate_post(struct call *call, struct post_in *post, struct gate_reply *ret_reply)
{
    ret_reply->wanted = false;
    post->state = MESSAGE_VISIBLE;
    if (check_form(call, post) == GATE_REFUSE)
        return GATE_REFUSE;
    struct filters *filters = state_filters(call->room);
    if (filters == NULL)
        return GATE_ACCEPT;
    enum gate_verdict verdict = pass_filters(call, filters, post, ret_reply);
    filters_release(filters);
    return verdict;
}
