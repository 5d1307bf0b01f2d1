/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that is soon full: a few megabytes of memory, mounted where only this program and the
 * children it starts from then on see it. One for each program.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_SMALL_DISK_H
#define CONCLAVE_TESTS_INTEGRATION_SMALL_DISK_H

#include <stdbool.h>

#include "base/attr.h"

struct small_disk {
    char path[64]; /* a folder that PostgreSQL may write to */
};

/* Before anything else is started. False: why not was told on stderr. */
MUST_USE bool small_disk_open(struct small_disk *d, unsigned megabytes);
MUST_USE bool small_disk_grow(const struct small_disk *d, unsigned megabytes);
void small_disk_close(struct small_disk *d);

#endif
