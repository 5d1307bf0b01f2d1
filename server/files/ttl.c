/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict, as today's reference is: a wish that cannot be granted is refused, not cut.
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
    int64_t seconds;
    if (span_to_i64(text, &seconds) != OK || seconds > conf->files.max_ttl_ms / SECOND_MS)
        return ERR_MALFORMED;
    *ret_ttl_ms = seconds * SECOND_MS;
    return OK;
}
