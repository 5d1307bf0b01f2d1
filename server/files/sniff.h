/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a body looks like, by its first bytes (libmagic; docs/protocol/files.md, 4). libmagic is
 * called only here.
 *
 * A handle may be used by one thread at a time: sharing one crashes. There are as many as upload
 * workers, and whoever asks borrows one for the 0.4 ms that looking takes; a handle is 6 to 8 MB
 * resident once it was used.
 */
#ifndef CONCLAVE_FILES_SNIFF_H
#define CONCLAVE_FILES_SNIFF_H

#include "base/span.h"

struct sniffer;

/* More of a body is never looked at. */
enum { SNIFF_BYTES = 4096, SNIFF_TYPE_MAX = 128 };

/* ERR_MISSING: the database of libmagic does not load (the start fails, not the first upload). */
MUST_USE enum err sniffer_new(unsigned handles, struct sniffer **ret_sniffer);
void sniffer_free(struct sniffer *s); /* NULL is harmless */

/*
 * The type of a body as "image/png"; what cannot be told is "application/octet-stream". Any thread.
 */
void sniffer_type(struct sniffer *s, struct span body, char ret_type[static SNIFF_TYPE_MAX]);

/*
 * Is a body of this type and size visibly not encrypted? Only strong signatures, named exactly: 1
 * in 85 random files looks like something (docs/protocol/files.md, 4.2 to 4.4).
 */
bool sniff_is_plain(const char *type, size_t body_len);
/* What all clients can draw (docs/protocol/files.md, 4.5). */
bool sniff_is_room_image(const char *type);
/*
 * Is the type in an operator's list: exact names, or beginnings that end with a slash, separated by
 * commas?
 */
bool sniff_is_listed(struct span list, const char *type);
/* Is that such a list? At least one entry, no blanks, a slash in each. */
bool sniff_list_ok(struct span list);

#endif
