/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A wish longer than the maximum gets the maximum: newer clients always send one, and a refusal
 * would cost them the file.
 */
#include "files/ttl.h"

#include "base/clock.h"
#include "conf/conf.h"

enum err ttl_wanted_ms(const struct call *call, int64_t *ret_ttl_ms)
{
    const struct conf *conf = call->services->conf;
    struct span text;
    if (!request_find_header(call->req, "X-FS-TTL", &text)) {
        *ret_ttl_ms = conf->files.default_ttl_ms;
        return OK;
    }
    const int64_t most = conf->files.max_ttl_ms / SECOND_MS;
    int64_t seconds = most;
    enum err e = span_to_i64(text, &seconds);
    if (e != OK && e != ERR_TOO_LARGE)
        return e;
    *ret_ttl_ms = (seconds < most ? seconds : most) * SECOND_MS;
    return OK;
}
