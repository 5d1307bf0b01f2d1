/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base64, standard alphabet. Not for secrets (table look-ups); libsodium's constant-time one is ten
 * times slower.
 */
#ifndef CONCLAVE_BASE_BASE64_H
#define CONCLAVE_BASE_BASE64_H

#include "base/span.h"

/* Characters that n bytes become, padded. */
static inline size_t base64_len(size_t n)
{
    return (n + 2) / 3 * 4;
}
/* Bytes needed at most to decode n characters. */
static inline size_t base64_max_decoded(size_t n)
{
    return (n + 3) / 4 * 3;
}
/* Writes base64_len(s.len) characters to out, no NUL. Padded. */
void base64_write(struct span s, char *out);
/* The url-safe alphabet without padding (file ids); returns how many characters were written. */
size_t base64url_write(struct span s, char *out);
/*
 * Padded or unpadded; nothing outside the alphabet, no line breaks, no characters after the
 * padding; unused trailing bits are ignored as clients' decoders do. out has room for
 * base64_max_decoded(text.len). ERR_MALFORMED otherwise (out may be partly written).
 */
MUST_USE enum err base64_read(struct span text, uint8_t *out, size_t *ret_len);
/* The url-safe alphabet, unpadded. */
MUST_USE enum err base64url_read(struct span text, uint8_t *out, size_t *ret_len);

#endif
