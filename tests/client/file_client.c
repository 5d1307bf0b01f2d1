/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uploads and downloads without a room and without an identity.
 */
#include "client/file_client.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>

#include "base/hex.h"
#include "client/xed25519.h"

enum { KEY_HEX_LEN = 64, TARGET_MAX = 128 };

/* One path segment of characters that need no escape. */
static bool id_ok(struct span id)
{
    if (id.len == 0 || id.len > FILE_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* Desktop wants the id as a string and a finite, positive expires. */
static enum err read_ticket(struct span body, struct file_ticket *ret_ticket)
{
    json_auto_t *json = json_loadb((const char *)body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(json, "id");
    const json_t *expires = json_object_get(json, "expires");
    struct file_ticket ticket = {.expires_s = json_number_value(expires)};
    if (!json_is_string(id) || !json_is_number(expires) || !isfinite(ticket.expires_s) ||
        ticket.expires_s <= 0)
        return ERR_MALFORMED;
    struct span text = span_of(json_string_value(id), json_string_length(id));
    if (!id_ok(text))
        return ERR_MALFORMED;
    memcpy(ticket.id, text.p, text.len);
    *ret_ticket = ticket;
    return OK;
}

enum err file_client_put(struct server_link *l, struct span file, struct file_ticket *ret_ticket,
                         int *ret_code)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    json_auto_t *headers = json_pack("{s:s, s:s}", "Content-Type", "application/octet-stream",
                                     "Content-Disposition", "attachment");
    struct onion_request request = {
        .method = "POST", .endpoint = "/file", .headers = headers, .body = file, .has_body = true};
    enum err e = server_link_call(l, &request, &reply);
    if (e != OK)
        return e;
    *ret_code = reply.code;
    if (reply.code != 200)
        return ERR_DENIED;
    if (strcmp(onion_reply_header(&reply, "content-type"), "application/json") != 0)
        return ERR_MALFORMED;
    return read_ticket(reply.body, ret_ticket);
}

enum err file_client_get(struct server_link *l, const char *id, struct buf *out, int *ret_code)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    char target[TARGET_MAX];
    struct onion_request request = {.method = "GET", .endpoint = target};
    if (!id_ok(span_of_text(id)))
        return ERR_MALFORMED;
    (void)snprintf(target, sizeof(target), "/file/%s", id);
    enum err e = server_link_call(l, &request, &reply);
    if (e != OK)
        return e;
    *ret_code = reply.code;
    if (reply.code != 200)
        return reply.code == 404 ? ERR_MISSING : ERR_DENIED;
    if (strcmp(onion_reply_header(&reply, "content-type"), "application/octet-stream") != 0)
        return ERR_MALFORMED;
    buf_put(out, reply.body);
    return buf_verdict(out);
}

/* iOS decodes all three as required, size as an integer; desktop needs expires. */
static enum err read_renewal(struct span body, double *ret_expires_s)
{
    json_auto_t *json = json_loadb((const char *)body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *expires = json_object_get(json, "expires");
    if (!json_is_integer(json_object_get(json, "size")) ||
        !json_is_number(json_object_get(json, "uploaded")) || !json_is_number(expires) ||
        json_number_value(expires) <= 0)
        return ERR_MALFORMED;
    *ret_expires_s = json_number_value(expires);
    return OK;
}

enum err file_client_extend(struct server_link *l, const char *id, double *ret_expires_s,
                            int *ret_code)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    char target[TARGET_MAX];
    struct onion_request request = {.method = "POST", .endpoint = target};
    if (!id_ok(span_of_text(id)))
        return ERR_MALFORMED;
    (void)snprintf(target, sizeof(target), "/file/%s/extend", id);
    enum err e = server_link_call(l, &request, &reply);
    if (e != OK)
        return e;
    *ret_code = reply.code;
    if (reply.code != 200)
        return reply.code == 404 ? ERR_MISSING : ERR_DENIED;
    if (strcmp(onion_reply_header(&reply, "content-type"), "application/json") != 0)
        return ERR_MALFORMED;
    return read_renewal(reply.body, ret_expires_s);
}

enum err file_url_write(const struct server_url *server, const struct x25519_pub *key,
                        const char *id, bool is_stream, char out[static FILE_URL_MAX])
{
    struct ed25519_pub ed;
    char hex[KEY_HEX_LEN + 1] = {0};
    enum err e = xed25519_convert(key, &ed);
    if (e != OK)
        return e;
    hex_write(SPAN_OF_KEY(&ed), hex);
    int n =
        snprintf(out, FILE_URL_MAX, "%s://%s:%u/file/%s#p=%s%s", server->https ? "https" : "http",
                 server->at.host, (unsigned)server->at.port, id, hex, is_stream ? "&d" : "");
    return n > 0 && n < FILE_URL_MAX ? OK : ERR_TOO_LARGE;
}

/* p= and d of a fragment whose parts are joined by & in any order. */
static enum err read_fragment(struct span fragment, struct file_url *url)
{
    enum err e = ERR_MALFORMED; /* no p= */
    while (fragment.len > 0) {
        size_t n = span_find(fragment, '&');
        struct span part = span_first(fragment, n);
        fragment = span_skip(fragment, n + 1);
        struct ed25519_pub ed;
        url->is_stream = url->is_stream || span_eq(part, SPAN("d")) || span_eq(part, SPAN("d="));
        if (!span_starts_with(part, SPAN("p=")))
            continue;
        if (hex_read(span_skip(part, 2), ed.b, sizeof(ed.b)) != OK)
            return ERR_MALFORMED;
        /*
         * From here the sign bit makes no difference: both forms convert to the same key
         * (docs/protocol/files.md, 2.1).
         */
        if (crypto_sign_ed25519_pk_to_curve25519(url->key.b, ed.b) != 0)
            return ERR_MALFORMED;
        e = OK;
    }
    return e;
}

enum err file_url_read(struct span text, struct file_url *ret_url)
{
    struct file_url url = {0};
    struct span middle = SPAN("/file/");
    size_t hash = span_find(text, '#');
    struct span front = span_first(text, hash);
    size_t at = front.len;
    while (at > 0 && front.p[at - 1] != '/')
        at--;
    struct span id = span_skip(front, at);
    if (at < middle.len ||
        !span_eq(span_first(span_skip(front, at - middle.len), middle.len), middle) || !id_ok(id))
        return ERR_MALFORMED;
    if (server_url_read(span_first(front, at - middle.len), &url.server) != OK ||
        read_fragment(span_skip(text, hash + 1), &url) != OK)
        return ERR_MALFORMED;
    memcpy(url.id, id.p, id.len);
    *ret_url = url;
    return OK;
}
