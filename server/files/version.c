/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /session_version (docs/protocol/files.md, 1.7): the newest release of a client, as the
 * operator says. This server never asks another one, so without a setting there is nothing to tell:
 * 502.
 */
#include "auth/fs_headers.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "files/files.h"
#include "files/status.h"
#include "metrics/metrics.h"
#include "router/json_out.h"

/* NULL: no such platform. */
static const char *version_of(const struct conf *conf, struct span platform)
{
    if (span_eq(platform, SPAN("desktop")))
        return conf->files.session_version_desktop;
    if (span_eq(platform, SPAN("android")))
        return conf->files.session_version_android;
    if (span_eq(platform, SPAN("ios")))
        return conf->files.session_version_ios;
    return NULL;
}

static enum err write_version(struct call *call, const char *version)
{
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, "status_code");
    buf_put_i64(out, 200);
    json_out_key(out, "updated"); /* settings are read at the start */
    buf_put_i64(out, metrics_get(call->services->metrics, METRIC_START_TIME));
    json_out_key(out, "result");
    json_out_text(out, span_of_text(version));
    json_out_close(out, '}');
    return buf_verdict(out);
}

enum err session_version(struct call *call)
{
    struct span platform = {NULL, 0}, channel = {NULL, 0};
    bool has_platform = false, has_channel = false;
    if (!fs_headers_check(call->req, false, call->now_ms / SECOND_MS, call->reply))
        return OK;
    enum err e = request_query(call->req, call->mem, "platform", &has_platform, &platform);
    if (e == OK)
        e = request_query(call->req, call->mem, "release_channel", &has_channel, &channel);
    if (e != OK)
        return e;
    const char *version = version_of(call->services->conf, platform);
    if (version == NULL)
        return files_status(call->reply, 404);
    if (version[0] == '\0' || (has_channel && !span_eq(channel, SPAN("stable"))))
        return files_status(call->reply, 502);
    return write_version(call, version);
}
