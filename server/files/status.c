/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Error bodies of the file half, for its handlers only.
 */
#include "files/status.h"

#include "router/json_out.h"

enum err files_status(struct reply *reply, int status)
{
    struct buf *out = reply_json(reply, status);
    json_out_open(out, '{');
    json_out_key(out, "status_code");
    buf_put_i64(out, status);
    json_out_close(out, '}');
    return buf_verdict(out);
}
