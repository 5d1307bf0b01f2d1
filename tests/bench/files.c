/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scenarios of the file-server half: content is random, so that nothing is stored twice.
 */
#include <sodium.h>
#include <stdio.h>

#include "bench/bench.h"

static enum err upload(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                       struct bench_request *ret_request)
{
    (void)b, (void)n;
    uint8_t *bytes = buf_reserve(body, s->file_bytes);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    randombytes_buf(bytes, s->file_bytes);
    buf_commit(body, s->file_bytes);
    *ret_request =
        (struct bench_request){.method = "POST", .target = "/file", .body = buf_span(body)};
    return OK;
}

/* Puts what the round will fetch. */
static bool put_files(struct bench *b, const struct scenario *s)
{
    struct buf body AUTO_BUF = buf_make((size_t)16 << 20);
    b->file_count = s->requests < 16 ? s->requests : 16;
    for (size_t i = 0; i < b->file_count; i++) {
        buf_reset(&body);
        uint8_t *bytes = buf_reserve(&body, s->file_bytes);
        if (bytes == NULL)
            return false;
        randombytes_buf(bytes, s->file_bytes);
        buf_commit(&body, s->file_bytes);
        struct file_ticket ticket;
        int code = 0;
        if (file_client_put(b->admin.link, buf_span(&body), &ticket, &code) != OK)
            return false;
        memcpy(b->files[i], ticket.id, sizeof(b->files[i]));
    }
    return true;
}

static enum err download(const struct bench *b, const struct scenario *s, size_t n,
                         struct buf *body, struct bench_request *ret_request)
{
    (void)s;
    *ret_request = (struct bench_request){.method = "GET"};
    (void)snprintf(ret_request->target, sizeof(ret_request->target), "/file/%s",
                   b->files[n % b->file_count]);
    return buf_verdict(body);
}

static bool has_id(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    json_auto_t *stored = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_string_length(json_object_get(stored, "id")) == 44;
}

static bool has_bytes(const struct scenario *s, const struct onion_reply *reply)
{
    return reply->body.len == s->file_bytes;
}

#define UPLOAD(text, bytes, count, least)                                                          \
    {                                                                                              \
        .name = "upload-" text, .what = "POST /file of " text, .requests = (count),                \
        .connections = 4, .code = 200, .file_bytes = (bytes), .request = upload,                   \
        .expected = has_id, .compare = COMPARE_INSERT, .target = (least)                           \
    }
#define DOWNLOAD(text, bytes, count, least)                                                        \
    {                                                                                              \
        .name = "download-" text, .what = "GET /file of " text, .requests = (count),               \
        .connections = 4, .code = 200, .file_bytes = (bytes), .prepare = put_files,                \
        .request = download, .expected = has_bytes, .compare = COMPARE_SELECT, .target = (least)   \
    }

const struct scenario bench_files[] = {
    UPLOAD("10K", 10 * 1024, 400, 0),
    UPLOAD("1M", 1024 * 1024, 48, 0.7),
    UPLOAD("10M", 10000000, 12, 0.7),
    DOWNLOAD("10K", 10 * 1024, 1000, 0),
    DOWNLOAD("1M", 1024 * 1024, 96, 0.45),
    DOWNLOAD("10M", 10000000, 24, 0.45),
    {0},
};
