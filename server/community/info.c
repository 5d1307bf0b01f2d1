/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /capabilities (docs/protocol/community.md, 2.1): what this server can do, and 412 for what a
 * client requires and we lack.
 */
#include "community/community.h"
#include "router/json_out.h"

/*
 * Sorted. `blind` makes clients sign with blinded keys, `reactions` makes desktop show them: both
 * must be there.
 */
static const char *const capabilities[] = {"blind", "reactions", "sogs"};

static bool offered(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(capabilities); i++)
        if (span_eq_text(name, capabilities[i]))
            return true;
    return false;
}

/* Writes the missing ones in the order asked; how many. */
static size_t write_missing(struct buf *out, struct span required)
{
    size_t missing = 0;
    for (bool last = false; !last;) {
        size_t comma = span_find(required, ',');
        struct span name = span_first(required, comma);
        last = comma == required.len;
        required = span_skip(required, comma + 1);
        if (offered(name))
            continue;
        json_out_comma(out);
        json_out_text(out, name);
        missing++;
    }
    return missing;
}

enum err capabilities_get(struct call *call)
{
    bool asked = false;
    struct span required = {0};
    enum err e = request_query(call->req, call->mem, "required", &asked, &required);
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, "capabilities");
    json_out_open(out, '[');
    for (size_t i = 0; i < COUNT_OF(capabilities); i++) {
        json_out_comma(out);
        json_out_text(out, span_of_text(capabilities[i]));
    }
    json_out_close(out, ']');
    if (asked) {
        size_t before = out->len;
        json_out_key(out, "missing");
        json_out_open(out, '[');
        if (write_missing(out, required) > 0) {
            json_out_close(out, ']');
            call->reply->status = 412;
        } else {
            out->len = before;
        }
    }
    json_out_close(out, '}');
    return buf_verdict(out);
}
