/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few answers of the public listener that are not onion replies. Each is made once and shared
 * by all connections; every one of them closes its connection. Inside http/ only.
 */
#ifndef CONCLAVE_HTTP_REFUSE_H
#define CONCLAVE_HTTP_REFUSE_H

#include "base/attr.h"
#include "base/err.h"

struct MHD_Connection;
struct metrics;
struct refusals;

MUST_USE enum err refuse_new(struct metrics *metrics, struct refusals **ret_refusals);
void refuse_free(struct refusals *refusals);
/*
 * Queues the answer for this status: 404 (the same whatever was asked), 400, 411, 413, 502 with the
 * text `Bad Gateway`, which desktop reads as "the server is unreachable" instead of blaming its
 * path (docs/protocol/identity.md, 4.6). MHD_YES or MHD_NO.
 */
MUST_USE int refuse_queue(const struct refusals *refusals, struct MHD_Connection *connection,
                          unsigned status);

#endif
