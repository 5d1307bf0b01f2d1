/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two keys of an import: the old server's, which becomes ours, and one for storage, which is
 * new. They are written when everything else has been done, so that an import that is refused or
 * killed leaves no key behind.
 */
#ifndef CONCLAVE_CLI_IMPORT_KEYS_H
#define CONCLAVE_CLI_IMPORT_KEYS_H

#include "cli/cli.h"

struct import_keys {
    bool writes_server_key;
    bool writes_storage_key;
    uint8_t storage_key[32]; /* with writes_storage_key; wipe it */
};

/*
 * The old server's key: the one of path, or, with path NULL, the one that is [server] key_file
 * already.
 */
MUST_USE int import_keys_open(struct cli *cli, const char *path, struct import_keys *keys);
/* A new database gets a new storage key; in a trial one that nobody keeps. */
MUST_USE int import_keys_ring(struct cli *cli, bool is_new, bool trial, struct import_keys *keys,
                              struct ring **ret_ring);
/*
 * Writes what is to be written: before the commit, as a database must not belong to a key that is
 * nowhere.
 */
MUST_USE int import_keys_write(const struct cli *cli, const struct import_keys *keys);

#endif
