/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A v4 reply whose body is a source (a file): sealed piece by piece while it is sent
 * (docs/design.md, D6), so that a download takes half a megabyte and no database connection while
 * its client reads. Inside http/ only.
 */
#ifndef CONCLAVE_HTTP_STREAM_H
#define CONCLAVE_HTTP_STREAM_H

#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

struct db;
struct exchange;
struct stream;

/*
 * Takes the source out of ex->reply and seals the first piece; for workers. The memory is taken
 * from the budget through ex->ticket. ERR_TOO_LARGE: more than a storage node carries. ERR_BUSY: no
 * budget. Others as the source's.
 */
MUST_USE enum err stream_new(struct exchange *ex, struct db *db, struct stream **ret_stream);
/* NULL is harmless. No hand-over of the exchange may be left. */
void stream_free(struct stream *s);
/* Length of the HTTP body. */
uint64_t stream_length(const struct stream *s);
/*
 * The content reader (MHD_ContentReaderCallback): cls is the exchange. Never touches the database.
 */
ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max);

#endif
