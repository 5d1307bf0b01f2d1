/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of conclave-client that touch local files: accounts and attachments.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "client/attachment.h"
#include "client/blinding.h"
#include "client/file_client.h"
#include "client/tool.h"

enum { LOCAL_FILE_MAX_BYTES = ONION_BUFFER_MAX_BYTES, READ_STEP_BYTES = 65536 };

static void print_line(const json_t *object)
{
    (void)json_dumpf(object, stdout, JSON_COMPACT);
    (void)putchar('\n');
}

static int show(const struct tool *t, const struct account *a)
{
    struct x25519_pub server;
    json_auto_t *line = json_pack("{s:s}", "session_id", account_id_text(&a->id).s);
    if (t->key != NULL) {
        struct blinded b;
        if (hex_read(span_of_text(t->key), server.b, sizeof(server.b)) != OK)
            return tool_usage("--key wants 64 hex digits");
        if (blinding_15(a, &server, &b) != OK)
            return tool_refused("this server key cannot be blinded for", 0);
        (void)json_object_set_new(line, "blinded_id", json_string(account_id_text(&b.id).s));
        blinding_done(&b);
    }
    print_line(line);
    return TOOL_DONE;
}

int tool_account_new(const struct tool *t)
{
    struct account a AUTO_ACCOUNT = {0};
    if (t->account == NULL)
        return tool_usage("--account FILE is needed");
    if (account_new(&a) != OK)
        return tool_refused("no account could be made", 0);
    enum err e = account_save(&a, t->account);
    if (e == ERR_CONFLICT)
        return tool_refused("the account file exists already", 0);
    if (e != OK)
        return tool_refused("the account file cannot be written", 0);
    return show(t, &a);
}

int tool_account_show(const struct tool *t)
{
    struct account a AUTO_ACCOUNT = {0};
    if (t->account == NULL)
        return tool_usage("--account FILE is needed");
    if (account_load(t->account, &a) != OK)
        return tool_refused("the account file cannot be read", 0);
    return show(t, &a);
}

enum err tool_read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_MISSING;
    ssize_t n = 1;
    while (n > 0) {
        uint8_t *to = buf_reserve(out, READ_STEP_BYTES);
        n = to != NULL ? read(fd, to, READ_STEP_BYTES) : -1;
        if (n > 0)
            buf_commit(out, (size_t)n);
    }
    (void)close(fd);
    if (buf_verdict(out) != OK)
        return ERR_TOO_LARGE;
    return n == 0 ? OK : ERR_MISSING;
}

bool tool_write_file(const char *path, struct span data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    while (data.len > 0) {
        ssize_t n = write(fd, data.p, data.len);
        if (n <= 0 && errno != EINTR)
            break;
        if (n > 0)
            data = span_skip(data, (size_t)n);
    }
    return close(fd) == 0 && data.len == 0;
}

static int tell_link(const struct server_link *l, enum err e, int code)
{
    if (code != 0)
        return tool_refused("the server refused", code);
    const struct link_trouble *trouble = server_link_trouble(l);
    return tool_refused(trouble->text[0] != '\0' ? trouble->text : err_name(e), trouble->status);
}

static int print_upload(const struct server_link_options *o, const struct file_ticket *ticket,
                        const struct attachment_keys *keys)
{
    char url[FILE_URL_MAX];
    char key[2 * ATTACHMENT_KEY_BYTES];
    char digest[2 * ATTACHMENT_DIGEST_BYTES];
    if (file_url_write(&o->url, &o->key, ticket->id, url) != OK)
        return tool_refused("the file's URL is too long", 0);
    hex_write(span_of(keys->key, sizeof(keys->key)), key);
    hex_write(span_of(keys->digest, sizeof(keys->digest)), digest);
    json_auto_t *line =
        json_pack("{s:s, s:s, s:s%, s:s%, s:I, s:f}", "url", url, "id", ticket->id,
                  "attachment_key", key, sizeof(key), "digest", digest, sizeof(digest), "size",
                  (json_int_t)keys->size_bytes, "expires", ticket->expires_s);
    print_line(line);
    return TOOL_DONE;
}

int tool_file_put(const struct tool *t)
{
    struct server_link_options options;
    struct server_link *link AUTO_LINK = NULL;
    struct buf plain AUTO_BUF = buf_make(LOCAL_FILE_MAX_BYTES);
    struct buf sealed AUTO_BUF = buf_make(LOCAL_FILE_MAX_BYTES);
    struct attachment_keys keys;
    struct file_ticket ticket;
    int code = 0;
    int status = tool_link_options(t, &options);
    if (status != TOOL_DONE)
        return status;
    if (tool_read_file(t->words[2], &plain) != OK)
        return tool_refused("the file cannot be read, or is too large", 0);
    if (attachment_seal(buf_span(&plain), true, NULL, &sealed, &keys) != OK ||
        server_link_open(&options, &link) != OK)
        return tool_refused("the file cannot be encrypted", 0);
    enum err e = file_client_put(link, buf_span(&sealed), &ticket, &code);
    if (e != OK)
        return tell_link(link, e, e == ERR_DENIED ? code : 0);
    return print_upload(&options, &ticket, &keys);
}

/* --attachment-key, --digest and --size, all of them or none (the bytes are then kept as they lie on the server). */
static int read_keys(const struct tool *t, struct attachment_keys *keys, bool *ret_given)
{
    int64_t size = 0;
    *ret_given = t->attachment_key != NULL;
    if ((t->digest != NULL) != *ret_given || (t->size != NULL && !*ret_given))
        return tool_usage("--attachment-key and --digest go together, and --size with them");
    if (!*ret_given)
        return TOOL_DONE;
    if (hex_read(span_of_text(t->attachment_key), keys->key, sizeof(keys->key)) != OK ||
        hex_read(span_of_text(t->digest), keys->digest, sizeof(keys->digest)) != OK)
        return tool_usage("--attachment-key wants 128 hex digits, --digest 64");
    if (t->size != NULL && span_to_i64(span_of_text(t->size), &size) != OK)
        return tool_usage("--size wants a number of bytes");
    keys->size_bytes = t->size != NULL ? (size_t)size : ATTACHMENT_SIZE_UNKNOWN;
    return TOOL_DONE;
}

int tool_file_get(const struct tool *t)
{
    struct server_link_options options = {0};
    struct file_url url;
    struct attachment_keys keys = {0};
    struct server_link *link AUTO_LINK = NULL;
    struct buf file AUTO_BUF = buf_make(LOCAL_FILE_MAX_BYTES);
    struct buf plain AUTO_BUF = buf_make(LOCAL_FILE_MAX_BYTES);
    bool sealed = false;
    int code = 0;
    if (file_url_read(span_of_text(t->words[2]), &url) != OK)
        return tool_usage("the URL is not <server>/file/<id>#p=<64 hex>");
    int status = read_keys(t, &keys, &sealed);
    if (status == TOOL_DONE)
        status = tool_link_options(t, &options);
    if (status != TOOL_DONE)
        return status;
    /* The link says where its file is, whatever --server says. */
    options.url = url.server;
    options.key = url.key;
    if (server_link_open(&options, &link) != OK)
        return tool_refused("https needs a --path: this client has no TLS", 0);
    enum err e = file_client_get(link, url.id, &file, &code);
    if (e != OK)
        return tell_link(link, e, code >= 300 ? code : 0);
    if (sealed && attachment_open(buf_span(&file), &keys, &plain) != OK)
        return tool_refused("the file does not open with this key and digest", 0);
    struct span content = sealed ? buf_span(&plain) : buf_span(&file);
    if (!tool_write_file(t->words[3], content))
        return tool_refused("the output file cannot be written", 0);
    json_auto_t *line = json_pack("{s:s, s:I, s:b}", "file", t->words[3], "size",
                                  (json_int_t)content.len, "decrypted", (int)sealed);
    print_line(line);
    return TOOL_DONE;
}
