/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "attack/weapon.h"

#include <string.h>

#include "base/mem.h"

enum { HEAD_MAX_BYTES = 64 * 1024, BATCH_MAX_BYTES = 1 << 20 };

void weapon_done(struct weapon *w)
{
    for (size_t i = 0; i < w->made; i++)
        prepared_done(&w->requests[i]);
    mem_free(w->requests);
    buf_done(&w->head);
    *w = (struct weapon){.count = 0};
}

bool weapon_reserve(struct weapon *w, size_t count)
{
    w->requests = mem_alloc_zero(count, sizeof(*w->requests));
    return w->requests != NULL;
}

bool weapon_add(const struct stage *s, struct weapon *w, const struct bench_user *user,
                const struct bench_request *request)
{
    struct bench_request signing = *request;
    signing.is_signed = user != NULL;
    if (prepared_make(&s->target, user, &signing, &w->requests[w->made]) != OK)
        return false;
    w->count = ++w->made;
    return true;
}

bool weapon_repeat(struct weapon *w, size_t count)
{
    struct prepared *all = mem_alloc_zero(count, sizeof(*all));
    if (all == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        all[i] = w->requests[i % w->made];
    mem_free(w->requests);
    w->requests = all;
    w->count = count;
    return true;
}

double weapon_request_bytes(const struct weapon *w)
{
    double bytes = 0;
    for (size_t i = 0; i < w->made; i++)
        bytes += (double)w->requests[i].http.len;
    return w->made > 0 ? bytes / (double)w->made : 0;
}

void weapon_pace(struct weapon *w, double bytes_per_s)
{
    w->rate_per_s = bytes_per_s / weapon_request_bytes(w);
}

static void put_head(struct buf *out, size_t bytes)
{
    buf_put_text(out, "POST /oxen/v4/lsrpc HTTP/1.1\r\nHost: x\r\nContent-Length: ");
    buf_put_u64(out, bytes);
    buf_put_text(out, "\r\n\r\n");
}

void weapon_announce(struct weapon *w, size_t bytes, size_t other_bytes)
{
    w->head = buf_make(HEAD_MAX_BYTES);
    put_head(&w->head, bytes);
    size_t len = w->head.len;
    put_head(&w->head, other_bytes);
    w->hold.head = span_first(buf_span(&w->head), len);
    if (other_bytes > 0)
        w->hold.other_head = span_skip(buf_span(&w->head), len);
}

bool weapon_add_batch(const struct stage *s, struct weapon *w, const struct bench_user *user,
                      const struct weapon_batch *batch)
{
    struct buf body AUTO_BUF = buf_make(BATCH_MAX_BYTES);
    buf_put_byte(&body, '[');
    for (size_t i = 0; i < batch->elements; i++) {
        if (i > 0)
            buf_put_byte(&body, ',');
        batch->put(s, user, i, &body);
    }
    buf_put_byte(&body, ']');
    while (body.len < batch->padded_to)
        buf_put_byte(&body, ' ');
    const struct bench_request request = {.method = "POST",
                                          .target = "/batch",
                                          .content_type = "application/json",
                                          .body = buf_span(&body)};
    return buf_verdict(&body) == OK && weapon_add(s, w, user, &request);
}
