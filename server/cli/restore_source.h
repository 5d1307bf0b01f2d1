/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a restore gets its backup from: a file or a pipe, whose every piece is proved before
 * pg_restore sees it. A file is proved whole before anything is done; and again while it is read,
 * so that it does not matter who writes to it meanwhile. What goes wrong is told in a sentence,
 * once.
 */
#ifndef CONCLAVE_CLI_RESTORE_SOURCE_H
#define CONCLAVE_CLI_RESTORE_SOURCE_H

#include <pthread.h>
#include <stdio.h>

#include "cli/backup_format.h"
#include "cli/pg_program.h"
#include "store/ring.h"

struct restore_source {
    int fd;
    bool is_pipe;
    bool sealed; /* else what pg_dump wrote, as it is */
    uint8_t head[BACKUP_HEAD_BYTES];
    struct backup_head said; /* of the head */
    uint8_t storage_key[32];
    struct backup_seal seal;
    struct backup_piece *piece;
    /* While pg_restore runs: */
    struct pg_program *program;
    pthread_t feeder;
    bool feeding;
    int feed_fd;         /* to its standard input */
    const char *problem; /* what the feeder found; NULL: all is proved. Read after it was joined */
};

/*
 * file: a path, or "-". unverified: what is not authenticated will do. CLI_OK, or the code after a
 * sentence.
 */
MUST_USE int restore_source_open(struct restore_source *s, const char *file, bool unverified);
/* Closes it and wipes its keys. Harmless when it is not open. */
void restore_source_close(struct restore_source *s);

/*
 * Does it belong to these keys, and is it whole and unaltered? Of a pipe only the head is proved
 * here. Does nothing for a backup that is not sealed.
 */
MUST_USE int restore_source_prove(struct restore_source *s, struct ring *ring,
                                  const struct x25519_pub *server);
/* The number of its newest migration; asks pg_restore where no head says it. */
MUST_USE int restore_source_schema(struct restore_source *s, struct pg_program *pg_restore,
                                   int *ret_number);
/* Starts pg_restore on it; its script is *ret_script. */
MUST_USE int restore_source_start(struct restore_source *s, struct pg_program *pg_restore,
                                  FILE **ret_script);
/*
 * Closes the script and waits for the end. stop: what follows is of no interest. CLI_OK: the whole
 * backup was read and proved. told: another sentence has been written already.
 */
MUST_USE int restore_source_end(struct restore_source *s, FILE *script, bool stop, bool told);

#endif
