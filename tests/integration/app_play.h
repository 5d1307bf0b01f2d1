/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An app as it speaks on the wire, for tests that play its sequences: which encryption it names,
 * how it spells its headers, what stands in them. Every request goes through three relays.
 * Asserting, as talk.h; apart from it because the form of a request is what matters here, and there
 * it does not.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_APP_PLAY_H
#define CONCLAVE_TESTS_INTEGRATION_APP_PLAY_H

#include "integration/world.h"

enum app_kind { APP_DESKTOP, APP_IOS, APP_ANDROID };

struct app {
    enum app_kind kind;
    struct member member;
};

void app_open(const struct world *w, size_t account, enum app_kind kind, struct app *ret_app);
void app_close(struct app *a);
/* Its blinded id. */
struct id_text app_id(const struct app *a);

/* One request as the app sends it. */
struct app_request {
    const char *method;
    const char *target;
    const json_t *json; /* the body, or NULL */
    struct span bytes;  /* instead of json; without a content type */
    const char *disposition;
    bool is_unsigned;
};
/*
 * Its code; *ret_json (owned, may be NULL) is the body when that is JSON, *ret_bytes (may be NULL)
 * takes it in any case.
 */
int app_ask(struct app *a, const struct app_request *request, json_t **ret_json,
            struct buf *ret_bytes);
/*
 * A /batch or /sequence of these elements (taken over), in the app's form; the array of replies,
 * each of which has the three keys that Android needs. Fails the test unless the whole was answered
 * with 200.
 */
json_t *app_batch(struct app *a, const char *target, json_t *elements, bool is_unsigned);
/*
 * An element as the app writes it: {method, path} with the app's own headers; body NULL: none (b64:
 * a JSON string).
 */
json_t *app_element(const struct app *a, const char *method, const char *path, const char *body_key,
                    json_t *body);

/* The code and the body of reply i. */
int app_code(const json_t *replies, size_t i);
const json_t *app_body(const json_t *replies, size_t i);

#endif
