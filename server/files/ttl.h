/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header X-FS-TTL of upload and renewal (docs/protocol/files.md, 1.1 and 1.5). Inside files/
 * only.
 */
#ifndef CONCLAVE_FILES_TTL_H
#define CONCLAVE_FILES_TTL_H

#include "router/call.h"

/* The wish, at most [files] max_ttl; or the default. ERR_MALFORMED: not whole seconds. */
MUST_USE enum err ttl_wanted_ms(const struct call *call, int64_t *ret_ttl_ms);

#endif
