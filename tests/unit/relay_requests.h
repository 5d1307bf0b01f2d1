/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests to one hop, for test_relay.c and test_relay_hop.c.
 */
#ifndef CONCLAVE_TESTS_UNIT_RELAY_REQUESTS_H
#define CONCLAVE_TESTS_UNIT_RELAY_REQUESTS_H

#include "client_vectors.h"

#include <sodium.h>

#include "client/frame.h"
#include "network/hop.h"

enum { RELAY_REQUEST_MAX_BYTES = 1 << 21 };

static inline struct hop_keys random_keys(void)
{
    struct hop_keys keys;
    uint8_t seed[32];
    randombytes_buf(seed, sizeof(seed));
    assert_int_equal(hop_keys_from_seed(seed, &keys), OK);
    return keys;
}

/* A request to one hop whose decrypted frame is (data, route), under hop_no. */
static inline struct buf request_to(const struct hop_keys *hop, enum layer_cipher cipher,
                                    const char *route, int hop_no, struct aead_key *ret_key)
{
    struct buf inner AUTO_BUF = buf_make(RELAY_REQUEST_MAX_BYTES);
    struct buf sealed AUTO_BUF = buf_make(RELAY_REQUEST_MAX_BYTES);
    struct buf out = buf_make(RELAY_REQUEST_MAX_BYTES);
    char hex[65] = {0};
    struct layer_pair pair = layer_pair_random();
    buf_put_u32_le(&inner, 4);
    buf_put_text(&inner, "data");
    buf_put_text(&inner, route);
    assert_int_equal(layer_key(cipher, &pair.secret, &hop->x, &pair.pub, &hop->x, ret_key), OK);
    assert_int_equal(layer_seal(cipher, ret_key, NULL, buf_span(&inner), &sealed), OK);
    hex_write(SPAN_OF_KEY(&pair.pub), hex);
    json_auto_t *outer = json_pack("{s:s, s:s, s:i}", "ephemeral_key", hex, "enc_type",
                                   layer_cipher_name(cipher), "hop_no", hop_no);
    frame_put(&out, buf_span(&sealed), outer);
    assert_int_equal(buf_verdict(&out), OK);
    return out;
}

#endif
