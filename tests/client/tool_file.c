/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of conclave-client about files of the file-server half, and reading and writing
 * local files.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "client/account.h"
#include "client/attachment.h"
#include "client/attachment_stream.h"
#include "client/file_client.h"
#include "client/tool.h"

enum { LOCAL_FILE_MAX_BYTES = ONION_BUFFER_MAX_BYTES, READ_STEP_BYTES = 65536 };

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

/* What the message would tell its readers. A stream needs only its key. */
static int print_upload(const struct tool *t, const struct server_link_options *o,
                        const struct file_ticket *ticket, const struct attachment_keys *keys)
{
    char url[FILE_URL_MAX];
    char key[2 * ATTACHMENT_KEY_BYTES];
    char digest[2 * ATTACHMENT_DIGEST_BYTES];
    size_t key_bytes = t->stream ? (size_t)STREAM_KEY_BYTES : sizeof(keys->key);
    if (file_url_write(&o->url, &o->key, ticket->id, t->stream, url) != OK)
        return tool_refused("the file's URL is too long", 0);
    hex_write(span_of(keys->key, key_bytes), key);
    hex_write(span_of(keys->digest, sizeof(keys->digest)), digest);
    json_auto_t *line = json_pack("{s:s, s:s, s:s%, s:I, s:f}", "url", url, "id", ticket->id,
                                  "attachment_key", key, 2 * key_bytes, "size",
                                  (json_int_t)keys->size_bytes, "expires", ticket->expires_s);
    if (!t->stream)
        (void)json_object_set_new(line, "digest", json_stringn(digest, sizeof(digest)));
    tool_print(line);
    return TOOL_DONE;
}

/* Both ways of encryption; the key of a stream lies in the first half of keys->key. */
static enum err encrypt_file(const struct tool *t, struct span plain, struct buf *out,
                             struct attachment_keys *keys)
{
    struct account a AUTO_ACCOUNT = {0};
    if (!t->stream)
        return attachment_seal(plain, true, NULL, out, keys);
    enum err e = account_load(t->account, &a);
    *keys = (struct attachment_keys){.size_bytes = plain.len};
    if (e == OK)
        e = attachment_stream_seal(STREAM_PERSONAL, STREAM_ATTACHMENT, a.seed, plain, out,
                                   keys->key);
    return e;
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
    if (t->stream && t->account == NULL)
        return tool_usage("--stream needs --account FILE: its seed makes the key");
    if (tool_read_file(t->words[2], &plain) != OK)
        return tool_refused("the file cannot be read, or is too large", 0);
    if (encrypt_file(t, buf_span(&plain), &sealed, &keys) != OK ||
        server_link_open(&options, &link) != OK)
        return tool_refused("the file cannot be encrypted", 0);
    enum err e = file_client_put(link, buf_span(&sealed), &ticket, &code);
    if (e != OK)
        return tell_link(link, e, e == ERR_DENIED ? code : 0);
    return print_upload(t, &options, &ticket, &keys);
}

/* How a downloaded file is opened. */
enum opening { KEEP_SEALED, OPEN_CLASSIC, OPEN_STREAM };

/*
 * --attachment-key, --digest and --size, all of them or none (the bytes are then kept as they lie
 * on the server).
 */
static int read_keys(const struct tool *t, bool is_stream, struct attachment_keys *keys,
                     enum opening *ret_opening)
{
    int64_t size = 0;
    bool given = t->attachment_key != NULL;
    *ret_opening = !given ? KEEP_SEALED : is_stream ? OPEN_STREAM : OPEN_CLASSIC;
    if ((t->digest != NULL) != (given && !is_stream) || (t->size != NULL && !given))
        return tool_usage("--attachment-key and --digest go together (a link with d has no digest),"
                          " and --size with them");
    if (!given)
        return TOOL_DONE;
    size_t key_bytes = is_stream ? (size_t)STREAM_KEY_BYTES : sizeof(keys->key);
    if (hex_read(span_of_text(t->attachment_key), keys->key, key_bytes) != OK ||
        (!is_stream && hex_read(span_of_text(t->digest), keys->digest, sizeof(keys->digest)) != OK))
        return tool_usage("--attachment-key wants 128 hex digits (64 for a link with d), --digest "
                          "64");
    if (t->size != NULL && span_to_i64(span_of_text(t->size), &size) != OK)
        return tool_usage("--size wants a number of bytes");
    keys->size_bytes = t->size != NULL ? (size_t)size : ATTACHMENT_SIZE_UNKNOWN;
    return TOOL_DONE;
}

/* The link says where its file is, whatever --server says. */
static int link_of_url(const struct tool *t, const struct file_url *url, struct server_link **ret)
{
    struct server_link_options options = {0};
    int status = tool_link_options(t, &options);
    if (status != TOOL_DONE)
        return status;
    options.url = url->server;
    options.key = url->key;
    if (server_link_open(&options, ret) != OK)
        return tool_refused("https needs a --path: this client has no TLS", 0);
    return TOOL_DONE;
}

static enum err open_file(enum opening opening, struct span file,
                          const struct attachment_keys *keys, struct buf *out)
{
    if (opening == OPEN_CLASSIC)
        return attachment_open(file, keys, out);
    if (opening == OPEN_STREAM)
        return attachment_stream_open(file, keys->key, out);
    buf_put(out, file);
    return buf_verdict(out);
}

int tool_file_get(const struct tool *t)
{
    struct file_url url;
    struct attachment_keys keys = {0};
    struct server_link *link AUTO_LINK = NULL;
    struct buf file AUTO_BUF = buf_make(LOCAL_FILE_MAX_BYTES);
    struct buf plain AUTO_BUF = buf_make(LOCAL_FILE_MAX_BYTES);
    enum opening opening = KEEP_SEALED;
    int code = 0;
    if (file_url_read(span_of_text(t->words[2]), &url) != OK)
        return tool_usage("the URL is not <server>/file/<id>#p=<64 hex>");
    int status = read_keys(t, url.is_stream, &keys, &opening);
    if (status == TOOL_DONE)
        status = link_of_url(t, &url, &link);
    if (status != TOOL_DONE)
        return status;
    enum err e = file_client_get(link, url.id, &file, &code);
    if (e != OK)
        return tell_link(link, e, code >= 300 ? code : 0);
    if (open_file(opening, buf_span(&file), &keys, &plain) != OK)
        return tool_refused("the file does not open with this key and digest", 0);
    if (!tool_write_file(t->words[3], buf_span(&plain)))
        return tool_refused("the output file cannot be written", 0);
    json_auto_t *line =
        json_pack("{s:s, s:I, s:b}", "file", t->words[3], "size", (json_int_t)plain.len,
                  "decrypted", (int)(opening != KEEP_SEALED));
    tool_print(line);
    return TOOL_DONE;
}

int tool_file_extend(const struct tool *t)
{
    struct file_url url;
    struct server_link *link AUTO_LINK = NULL;
    double expires_s = 0;
    int code = 0;
    if (file_url_read(span_of_text(t->words[2]), &url) != OK)
        return tool_usage("the URL is not <server>/file/<id>#p=<64 hex>");
    int status = link_of_url(t, &url, &link);
    if (status != TOOL_DONE)
        return status;
    enum err e = file_client_extend(link, url.id, &expires_s, &code);
    if (e != OK)
        return tell_link(link, e, code >= 300 ? code : 0);
    json_auto_t *line = json_pack("{s:s, s:f}", "id", url.id, "expires", expires_s);
    tool_print(line);
    return TOOL_DONE;
}
