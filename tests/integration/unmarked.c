/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Seals the check value anew, with a random nonce, as programs before MACs did.
 */
#include "integration/unmarked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/box.h"
#include "crypto/secret.h"

void unmark(struct world *w, struct db *db)
{
    char path[WORLD_PATH_MAX + 16];
    struct aead_key storage;
    AUTO_BUF struct buf check = buf_make(KIB(1));
    (void)snprintf(path, sizeof(path), "%s/storage.key", w->folder);
    assert_int_equal(key_file_read(path, storage.b), KEY_FILE_OK);
    assert_int_equal(box_seal(CIPHER_XCHACHA20, &storage, (struct span){0},
                              SPAN("conclave storage key"), &check),
                     OK);
    for (size_t i = 0; i < w->server_count; i++)
        assert_int_equal(world_stop_server(w, i), 0);
    assert_int_equal(DB_QUERY(db, "UPDATE conclave.server SET storage_check = $1", NULL,
                              PARAM_BYTES(buf_span(&check))),
                     OK);
    for (size_t i = 0; i < w->server_count; i++)
        assert_int_equal(world_restart_server(w, i, NULL), OK);
}
