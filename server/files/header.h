/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Header values of uploads and downloads: names of files and dates (docs/protocol/community.md,
 * 2.11). Inside files/ only; any thread.
 */
#ifndef CONCLAVE_FILES_HEADER_H
#define CONCLAVE_FILES_HEADER_H

#include "base/arena.h"
#include "base/span.h"

/*
 * The name in a Content-Disposition, as it is kept: filename*=UTF-8''… before filename="…" before
 * filename=…; NUL and '/' become U+FFFD; at most max bytes, cut between characters. Empty when
 * there is none that can be read: a header is no reason to refuse an upload. In mem.
 */
MUST_USE enum err header_name_read(struct arena *mem, struct span value, size_t max,
                                   struct span *ret_name);
/* `attachment`, or `attachment; filename*=UTF-8''<escaped>`. In mem; empty without memory. */
struct span header_name_write(struct arena *mem, struct span name);

/*
 * An HTTP date in GMT; Android parses it strictly as RFC 1123. English whatever the locale. In mem;
 * empty without memory.
 */
struct span header_date(struct arena *mem, double seconds);

#endif
