/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parses the few address forms of the tools. IPv6 literals are not among them: tests live on 127.x.
 */
#include "client/address.h"

#include <sodium.h>
#include <stdio.h>

#include "base/hex.h"

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535, HTTP_PORT = 80, HTTPS_PORT = 443, KEY_HEX_LEN = 64 };

static bool is_host_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

static enum err read_host(struct span text, struct address *a)
{
    if (text.len == 0 || text.len > ADDRESS_HOST_MAX)
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a span with a length has bytes */
        if (!is_host_char(text.p[i]))
            return ERR_MALFORMED;
    }
    memcpy(a->host, text.p, text.len);
    a->host[text.len] = '\0';
    return OK;
}

static enum err read_port(struct span text, struct address *a)
{
    int64_t port = 0;
    if (text.len > PORT_DIGITS_MAX || span_to_i64(text, &port) != OK || port > PORT_MAX)
        return ERR_MALFORMED;
    a->port = (uint16_t)port;
    return OK;
}

enum err address_read(struct span text, struct address *ret_address)
{
    struct address a = {0};
    size_t colon = span_find(text, ':');
    if (colon == text.len)
        return ERR_MALFORMED;
    if (read_host(span_first(text, colon), &a) != OK ||
        read_port(span_skip(text, colon + 1), &a) != OK)
        return ERR_MALFORMED;
    *ret_address = a;
    return OK;
}

enum err server_url_read(struct span text, struct server_url *ret_url)
{
    struct server_url url = {.at.port = HTTP_PORT};
    if (span_starts_with(text, SPAN("http://"))) {
        text = span_skip(text, SPAN("http://").len);
    } else if (span_starts_with(text, SPAN("https://"))) {
        text = span_skip(text, SPAN("https://").len);
        url.https = true;
        url.at.port = HTTPS_PORT;
    } else {
        return ERR_MALFORMED;
    }
    if (text.len > 0 && text.p[text.len - 1] == '/')
        text.len--;
    size_t colon = span_find(text, ':');
    if (read_host(span_first(text, colon), &url.at) != OK)
        return ERR_MALFORMED;
    if (colon != text.len && read_port(span_skip(text, colon + 1), &url.at) != OK)
        return ERR_MALFORMED;
    *ret_url = url;
    return OK;
}

enum err node_read(struct span text, struct node *ret_node)
{
    struct node n = {0};
    if (text.len <= KEY_HEX_LEN || text.p[KEY_HEX_LEN] != '@')
        return ERR_MALFORMED;
    if (hex_read(span_first(text, KEY_HEX_LEN), n.ed.b, sizeof(n.ed.b)) != OK ||
        crypto_sign_ed25519_pk_to_curve25519(n.x.b, n.ed.b) != 0)
        return ERR_MALFORMED;
    if (address_read(span_skip(text, KEY_HEX_LEN + 1), &n.at) != OK)
        return ERR_MALFORMED;
    *ret_node = n;
    return OK;
}

struct node_text node_write(const struct node *n)
{
    struct node_text text = {{0}};
    hex_write(SPAN_OF_KEY(&n->ed), text.s);
    (void)snprintf(text.s + KEY_HEX_LEN, sizeof(text.s) - KEY_HEX_LEN, "@%s:%u", n->at.host,
                   (unsigned)n->at.port);
    return text;
}
