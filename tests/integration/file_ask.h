/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asking the file-server half of a world: one request, its reply, and what an upload answers.
 * Whatever is no proper reply fails the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_FILE_ASK_H
#define CONCLAVE_TESTS_INTEGRATION_FILE_ASK_H

#include "client/file_client.h"

enum { ASK_ID_LEN = 44 };

struct answer {
    struct onion_reply reply;
    json_t *json; /* NULL: the reply is none */
};
void file_answer_done(struct answer *a);
#define AUTO_ANSWER CLEANUP(file_answer_done)

/* headers is given up; NULL: none. */
struct answer file_ask_with(struct server_link *to, const char *method, const char *target,
                            struct span body, json_t *headers);
struct answer file_ask(struct server_link *to, const char *method, const char *target);
/* An error of this half: the same number twice. */
void file_assert_status(const struct answer *a, int code);

struct stored {
    char id[ASK_ID_LEN + 1];
    double expires, uploaded;
};
/* From the reply of an upload, which must be a good one. */
struct stored file_stored(const struct answer *a);
/* POST /file. ttl NULL: without the header. */
struct stored file_put(struct server_link *to, struct span body, const char *ttl);
/* The code for METHOD /file/<id><tail>. */
int file_code(struct server_link *to, const char *method, const char *id, const char *tail);
double file_now_s(void);

#endif
