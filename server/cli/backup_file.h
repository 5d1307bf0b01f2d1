/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that appears under its name only when it is complete, never in the place of another,
 * readable by its owner alone. Until then it is NAME.part; who is killed leaves that behind, and
 * the next one takes it over. One thread.
 */
#ifndef CONCLAVE_CLI_BACKUP_FILE_H
#define CONCLAVE_CLI_BACKUP_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/span.h"

struct backup_file {
    int fd; /* -1: none open */
    const char *name;
    char part[PATH_MAX];
};

/* name lives as long as the file. False: a sentence was written to stderr. */
MUST_USE bool backup_file_open(struct backup_file *f, const char *name);
/* All of it. False: a sentence was written (disk full, ...). */
MUST_USE bool backup_file_write(const struct backup_file *f, struct span bytes);
/* On the disk, and under its name. False: a sentence was written, and nothing is left. */
MUST_USE bool backup_file_finish(struct backup_file *f);
/* Nothing is left. Harmless when none is open. */
void backup_file_drop(struct backup_file *f);

#endif
