/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /file/ID (protocol 03, 1.3): the bytes that were uploaded, with their expiry; 404 for anything else. An id is a
 * capability: who knows it may fetch.
 */
#include <stdio.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "files/blob.h"
#include "files/files.h"
#include "files/status.h"
#include "metrics/metrics.h"

enum { ID_CHARS = 44, DATE_CHARS = 30 };

/* An HTTP date in GMT; Android parses it strictly as RFC 1123. English names whatever the locale. */
static struct span http_date(struct arena *mem, double seconds)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)seconds;
    struct tm tm;
    char *out = arena_alloc(mem, DATE_CHARS);
    if (!out || !gmtime_r(&t, &tm))
        return (struct span){0};
    int n =
        snprintf(out, DATE_CHARS, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                 days + 3 * (ptrdiff_t)tm.tm_wday, tm.tm_mday, months + 3 * (ptrdiff_t)tm.tm_mon,
                 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return span_of(out, n > 0 && n < DATE_CHARS ? (size_t)n : 0);
}

enum err file_download(struct call *call)
{
    if (!call->db)
        return ERR_RETRY;
    struct file_hash hash;
    uint8_t decoded[ID_CHARS];
    size_t len = 0;
    struct span id = call->params.text;
    if (id.len != ID_CHARS || base64url_read(id, decoded, &len) != OK || len != sizeof(hash.b))
        return files_status(call->reply, 404);
    memcpy(hash.b, decoded, sizeof(hash.b));

    struct file_row file;
    struct body_source *source = NULL;
    enum err e = blob_stat(call->db, &hash, (double)call->now_ms / SECOND_MS, &file);
    if (e == ERR_MISSING)
        return files_status(call->reply, 404);
    if (e == ERR_BUSY)
        return files_status(call->reply, 503);
    if (e == OK)
        e = blob_open(call->services->ring, &hash, &file, &source);
    if (e != OK)
        return e;
    call->reply->status = 200;
    call->reply->content_type = CONTENT_BINARY;
    call->reply->source = source;
    struct span expires = http_date(call->mem, file.expiry);
    if (expires.len > 0)
        reply_add_header(call->reply, "expires", expires);
    metrics_add(call->services->metrics, METRIC_DOWNLOADS, 1);
    return OK;
}
