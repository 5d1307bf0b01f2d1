/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `serve` needs before it serves: a database of the right schema that belongs to our keys.
 * With --init it makes what a new server lacks. Interrupted anywhere and repeated, it goes on where
 * it was.
 */
#ifndef CONCLAVE_CLI_INIT_H
#define CONCLAVE_CLI_INIT_H

#include <stdbool.h>

#include "base/attr.h"
#include "crypto/secret.h"
#include "store/ring.h"

struct conf;

/*
 * Waits for a database that is away, until stop_fd (base/stop.h) is readable. Returns an exit code
 * (0: ok, keys and ring are the caller's); otherwise a sentence was written to
 * stderr. A database that records another server's key, or keys that are missing although it
 * records one, are refused: a mis-mounted volume must never become a new server.
 */
MUST_USE int init_server(const struct conf *conf, bool init, int stop_fd,
                         struct server_keys *ret_keys, struct ring **ret_ring);

#endif
