/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file-server half as clients use it (docs/protocol/files.md, 1.1, 1.3, 2.1): POST /file, GET
 * /file/ID, and the links between. Bytes as they lie on the server; encryption is attachment.c's.
 */
#ifndef CONCLAVE_TESTS_CLIENT_FILE_CLIENT_H
#define CONCLAVE_TESTS_CLIENT_FILE_CLIENT_H

#include "client/server_link.h"

enum { FILE_ID_MAX = 64, FILE_URL_MAX = 512 };

struct file_ticket {
    char id[FILE_ID_MAX + 1];
    double expires_s;
};

/* Where a file is: what stands in messages. */
struct file_url {
    struct server_url server;
    struct x25519_pub key; /* from p=, which is its Ed25519 form */
    char id[FILE_ID_MAX + 1];
    bool is_stream; /* d: encrypted as attachment_stream.c does */
};

/*
 * ret_code: the server's code, also when it refused (ERR_DENIED). ERR_MALFORMED: a reply that
 * desktop would refuse.
 */
MUST_USE enum err file_client_put(struct server_link *l, struct span file,
                                  struct file_ticket *ret_ticket, int *ret_code);
/* Appends the bytes. ERR_MISSING: 404. ERR_DENIED: another code. */
MUST_USE enum err file_client_get(struct server_link *l, const char *id, struct buf *out,
                                  int *ret_code);

/*
 * POST /file/ID/extend. ERR_MISSING: 404, upon which clients upload again. ERR_DENIED: another
 * code.
 */
MUST_USE enum err file_client_extend(struct server_link *l, const char *id, double *ret_expires_s,
                                     int *ret_code);

/*
 * <server>/file/<id>#p=<64 hex>, and &d for a deterministic stream. ERR_TOO_LARGE: no room in out.
 */
MUST_USE enum err file_url_write(const struct server_url *server, const struct x25519_pub *key,
                                 const char *id, bool is_stream, char out[static FILE_URL_MAX]);
/* ERR_MALFORMED: another form, or no p=. Other fragment parts (e=, sr=) are ignored. */
MUST_USE enum err file_url_read(struct span text, struct file_url *ret_url);

#endif
