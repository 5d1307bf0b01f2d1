/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One page, without scripts, styles or pictures: its own policy would not load them.
 */
#include "http/invite.h"

#include <microhttpd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { TOKEN_MAX_LEN = 64, KEY_HEX_LEN = 64, PAGE_MAX_BYTES = 16 * 1024 };
#define QUERY "?public_key="

struct invite {
    const char *public_url;
    char key[KEY_HEX_LEN + 1];
};

static const struct {
    const char *name, *value;
} headers[] = {
    {MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8"},
    {"Content-Security-Policy", "default-src 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {MHD_HTTP_HEADER_CONNECTION, "close"},
};

enum err invite_new(const char *public_url, struct span key_hex, struct invite **ret_invite)
{
    if (key_hex.len != KEY_HEX_LEN)
        return ERR_DEFECT;
    struct invite *invite = MEM_NEW(struct invite);
    if (invite == NULL)
        return ERR_NO_MEMORY;
    invite->public_url = public_url;
    memcpy(invite->key, key_hex.p, KEY_HEX_LEN);
    *ret_invite = invite;
    return OK;
}

void invite_free(struct invite *invite)
{
    mem_free(invite);
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool invite_is_asked(const struct invite *invite, const char *target)
{
    size_t len = 0;
    if (*target++ != '/')
        return false;
    while (is_token_char(target[len]))
        len++;
    if (len == 0 || len > TOKEN_MAX_LEN || strncmp(target + len, QUERY, strlen(QUERY)) != 0)
        return false;
    struct span key = span_of_text(target + len + strlen(QUERY));
    return span_eq_nocase(key, span_of(invite->key, KEY_HEX_LEN));
}

/* public_url is the operator's text. */
static void put_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buf_put_text(out, "&amp;");
            break;
        case '<':
            buf_put_text(out, "&lt;");
            break;
        case '>':
            buf_put_text(out, "&gt;");
            break;
        default:
            buf_put_byte(out, (uint8_t)*text);
        }
    }
}

static void put_page(const struct invite *invite, const char *token, struct buf *out)
{
    buf_put_text(out,
                 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width\">\n"
                 "<title>Join this community in Session</title>\n</head>\n<body>\n"
                 "<h1>Join this community in Session</h1>\n"
                 "<p>This address is an invitation to a community of Session, a private messenger. "
                 "It is not opened in a browser but in the app:</p>\n<ol>\n"
                 "<li>Install Session on your phone or computer, if you do not have it.</li>\n"
                 "<li>In Session, start a new conversation and choose <b>Join Community</b>.</li>\n"
                 "<li>Paste this link there:</li>\n</ol>\n<p><code>");
    put_escaped(out, invite->public_url);
    buf_put_byte(out, '/');
    buf_put_text(out, token);
    buf_put_text(out, QUERY);
    buf_put_text(out, invite->key);
    buf_put_text(out, "</code></p>\n</body>\n</html>\n");
}

int invite_queue(const struct invite *invite, struct MHD_Connection *connection, const char *token)
{
    AUTO_BUF struct buf page = buf_make(PAGE_MAX_BYTES);
    put_page(invite, token, &page);
    if (buf_verdict(&page) != OK)
        return MHD_NO;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page.len, page.p, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result queued = MHD_YES;
    for (size_t i = 0; queued == MHD_YES && i < COUNT_OF(headers); i++)
        queued = MHD_add_response_header(response, headers[i].name, headers[i].value);
    if (queued == MHD_YES)
        queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return (int)queued;
}
