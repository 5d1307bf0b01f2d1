/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deterministic attachment encryption (docs/protocol/identity.md, 6.2): the same sender and content
 * give the same file, and so the same id on the file server. Links to such files carry `d` in their
 * fragment. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_ATTACHMENT_STREAM_H
#define CONCLAVE_TESTS_CLIENT_ATTACHMENT_STREAM_H

#include "base/buf.h"

enum { STREAM_KEY_BYTES = 32, STREAM_HEADER_BYTES = 24, STREAM_PLAIN_MAX_BYTES = 10218286 };

enum stream_domain { STREAM_ATTACHMENT = 0, STREAM_PROFILE_PICTURE = 1 };
/* The two ways in which libsession has derived header and key; readers cannot tell. */
enum stream_generation { STREAM_DOMAIN_BYTE, STREAM_PERSONAL };

/* Bytes of the file that size bytes become. */
size_t attachment_stream_size(size_t size);
/* Zero bytes and the 01 in front of the data. */
size_t attachment_stream_padding(size_t size);

/* Header and key of this sender's content. */
void attachment_stream_derive(enum stream_generation generation, enum stream_domain domain,
                              const uint8_t seed[static 32], struct span plain,
                              uint8_t ret_header[static STREAM_HEADER_BYTES],
                              uint8_t ret_key[static STREAM_KEY_BYTES]);
/* Appends the file. ret_key is what the message tells its readers. */
MUST_USE enum err attachment_stream_seal(enum stream_generation generation,
                                         enum stream_domain domain, const uint8_t seed[static 32],
                                         struct span plain, struct buf *out,
                                         uint8_t ret_key[static STREAM_KEY_BYTES]);
/*
 * Appends the data. ERR_SEALED: another first byte, a chunk that does not open, no final chunk or
 * something behind it, padding that is none.
 */
MUST_USE enum err attachment_stream_open(struct span file,
                                         const uint8_t key[static STREAM_KEY_BYTES],
                                         struct buf *out);

#endif
