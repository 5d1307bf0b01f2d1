/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The thread that keeps the picture true. For the files of this folder only.
 */
#ifndef CONCLAVE_STATE_LISTEN_H
#define CONCLAVE_STATE_LISTEN_H

#include "base/attr.h"
#include "base/err.h"

struct refresher;
struct state;

MUST_USE enum err refresher_start(struct state *state, struct refresher **ret_refresher);
/* Joins; NULL is harmless. */
void refresher_stop(struct refresher *refresher);

#endif
