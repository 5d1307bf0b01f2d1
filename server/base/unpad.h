/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients add to the end of a message (docs/protocol/community.md, 3.4): one byte 80 and
 * zeros. Stateless; any thread.
 */
#ifndef CONCLAVE_BASE_UNPAD_H
#define CONCLAVE_BASE_UNPAD_H

#include "base/span.h"

/* The message without it; all of data when it has none. */
struct span unpad_data(struct span data);

#endif
