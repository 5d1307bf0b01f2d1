/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message padding to multiples of 160 (docs/protocol/identity.md, 5.1). Signatures cover the padded
 * form. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_PADDING_H
#define CONCLAVE_TESTS_CLIENT_PADDING_H

#include "base/buf.h"

enum padding_style {
    PADDING_NEWER, /* a length that already fits gets a further 160, as newer libsession does */
    PADDING_OLDER, /* rounds up */
};

/* Appends message || 80 || 00... */
void padding_put(struct buf *out, struct span message, enum padding_style style);
/* The message inside; the whole of it when it was not padded. */
struct span padding_strip(struct span padded);

#endif
