/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file half's error bodies: {"status_code":N}, the same number as the status
 * (docs/protocol/files.md, 1.1).
 */
#ifndef CONCLAVE_FILES_STATUS_H
#define CONCLAVE_FILES_STATUS_H

#include "router/reply.h"

/* Writes the reply; OK, or what the buffer says. */
MUST_USE enum err files_status(struct reply *reply, int status);

#endif
