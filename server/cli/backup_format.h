/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The form of a backup: a head, then what pg_dump wrote, in pieces; all of it is authenticated by a
 * key derived from the storage key. A piece is proved before anything in it is used, so a backup
 * can be read as a stream of any length.
 *
 * head, 144 bytes:   16  "conclave backup\n" 4  version of this form: 1          (integers are
 * little-endian) 4  bytes of the head: 144 4  number of the newest migration 4  zero 8  when it was
 * made, in seconds since 1970 8  name of the storage key 32  the server's public key 32  salt:
 * random, so that pieces of two backups cannot be mixed 32  MAC over the head up to here each
 * piece:         4  bytes of its content, at most 262,144; bit 31 is set in the last piece n
 * content 32  MAC over its number (8 bytes, from 0), its first four bytes, and its content
 *
 * Nothing follows the last piece. One thread.
 */
#ifndef CONCLAVE_CLI_BACKUP_FORMAT_H
#define CONCLAVE_CLI_BACKUP_FORMAT_H

#include "crypto/keys.h"
#include "crypto/mac.h"

enum { BACKUP_HEAD_BYTES = 144, BACKUP_PIECE_BYTES = 256 * 1024, BACKUP_MAGIC_BYTES = 16 };

struct backup_head {
    uint32_t schema; /* number of the newest migration */
    int64_t made_s;
    struct x25519_pub server;
    uint8_t storage_key[STORAGE_KEY_NAME_BYTES]; /* its name */
};

/* The place in a backup that is being written or read. Holds a key: wipe it with crypto_wipe. */
struct backup_seal {
    struct mac_key key;
    uint64_t next; /* number of the next piece */
};

/*
 * Room for one piece; content is filled by the caller, what stands around it by the functions
 * below.
 */
struct backup_piece {
    uint8_t number[8]; /* not in the file; the file's part begins at length */
    uint8_t length[4];
    uint8_t content[BACKUP_PIECE_BYTES + MAC_BYTES]; /* the MAC follows the content */
};

/* A new backup; head->storage_key is filled in. */
void backup_seal_new(struct backup_seal *s, const uint8_t storage_key[static 32],
                     struct backup_head *head, uint8_t ret_bytes[static BACKUP_HEAD_BYTES]);
/*
 * Completes a piece whose first len bytes of content are there. What belongs into the file begins
 * at piece->length.
 */
struct span backup_seal_piece(struct backup_seal *s, struct backup_piece *piece, size_t len,
                              bool last);

/* Does a file begin as a backup does? */
bool backup_is_sealed(const uint8_t bytes[static BACKUP_MAGIC_BYTES]);
/*
 * Reads a head without proving it: only to find the key. ERR_MALFORMED: not of this form.
 * ERR_CONFLICT: of a later version of it.
 */
MUST_USE enum err backup_head_read(const uint8_t bytes[static BACKUP_HEAD_BYTES],
                                   struct backup_head *ret_head);
/*
 * Proves it, and makes ready for the first piece. ERR_SEALED: altered, or made with another storage
 * key.
 */
MUST_USE enum err backup_seal_open(struct backup_seal *s, const uint8_t storage_key[static 32],
                                   const uint8_t bytes[static BACKUP_HEAD_BYTES]);
/* Bytes of content and MAC that follow piece->length. ERR_MALFORMED: it lies. */
MUST_USE enum err backup_piece_length(const struct backup_piece *piece, size_t *ret_len,
                                      bool *ret_last);
/* Proves a piece that was read whole. ERR_SEALED: altered, or not in its place. */
MUST_USE enum err backup_piece_open(struct backup_seal *s, struct backup_piece *piece, size_t len);

#endif
