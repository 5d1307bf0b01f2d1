/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of conclave-client that speak to a community, and the table of all commands.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/hex.h"
#include "client/community_client.h"
#include "client/tool.h"

enum { PAGE_ROWS = 256 };

void tool_print(const json_t *object)
{
    (void)json_dumpf(object, stdout, JSON_COMPACT);
    (void)putchar('\n');
}

int tool_refused(const char *words, int code)
{
    json_auto_t *line = json_pack("{s:s}", "error", words);
    if (line == NULL) /* the server's words were not UTF-8 */
        line = json_pack("{s:s}", "error", "refused");
    if (code != 0)
        (void)json_object_set_new(line, "code", json_integer(code));
    tool_print(line);
    return TOOL_REFUSED;
}

int tool_usage(const char *words)
{
    (void)fprintf(stderr, "conclave-client: %s\nTry 'conclave-client --help'.\n", words);
    return TOOL_USAGE;
}

/* NODE,NODE,NODE */
static bool read_path(struct span text, struct server_link_options *o)
{
    o->hop_count = 0;
    while (text.len > 0) {
        size_t n = span_find(text, ',');
        if (o->hop_count == NODES_MAX ||
            node_read(span_first(text, n), &o->hops[o->hop_count]) != OK)
            return false;
        o->hop_count++;
        text = span_skip(text, n + 1);
    }
    return o->hop_count > 0;
}

int tool_link_options(const struct tool *t, struct server_link_options *ret_options)
{
    struct server_link_options o = {.style = {LAYER_XCHACHA20, "xchacha20"}, .version = ONION_V4};
    bool by_url =
        t->word_count > 1 && strcmp(t->words[0], "file") == 0 && strcmp(t->words[1], "put") != 0;
    if ((t->server == NULL || t->key == NULL) && !by_url)
        return tool_usage("--server URL and --key HEX are needed");
    if (t->server != NULL && server_url_read(span_of_text(t->server), &o.url) != OK)
        return tool_usage("--server wants http://host[:port]");
    if (t->key != NULL && hex_read(span_of_text(t->key), o.key.b, sizeof(o.key.b)) != OK)
        return tool_usage("--key wants 64 hex digits");
    if (t->path != NULL && !read_path(span_of_text(t->path), &o))
        return tool_usage(
            "--path wants <ed25519 hex>@host:port, up to 16 of them, separated by commas");
    if (t->path == NULL && o.url.https)
        return tool_usage("https needs a --path: this client has no TLS");
    *ret_options = o;
    return TOOL_DONE;
}

/* What a failed call left behind, as one line. */
int tool_tell(const struct community *c, enum err e)
{
    const struct link_trouble *trouble = server_link_trouble(c->link);
    if (e == ERR_DENIED && c->refusal.code != 0)
        return tool_refused(c->refusal.text, c->refusal.code);
    if (trouble->text[0] != '\0')
        return tool_refused(trouble->text, trouble->status);
    return tool_refused(e == ERR_MALFORMED ? "the server's answer has a wrong form" : err_name(e),
                        0);
}

static int capabilities(const struct tool *t, struct community *c)
{
    json_auto_t *list = NULL;
    (void)t;
    enum err e = community_capabilities(c, &list);
    if (e != OK)
        return tool_tell(c, e);
    json_auto_t *line = json_pack("{s:O}", "capabilities", list);
    tool_print(line);
    return TOOL_DONE;
}

static int rooms(const struct tool *t, struct community *c)
{
    json_auto_t *list = NULL;
    size_t i;
    const json_t *room;
    (void)t;
    enum err e = community_rooms(c, &list);
    if (e != OK)
        return tool_tell(c, e);
    json_array_foreach(list, i, room)
    {
        tool_print(room);
    }
    return TOOL_DONE;
}

static int join(const struct tool *t, struct community *c)
{
    json_auto_t *room = NULL;
    enum err e = community_join(c, t->words[1], &room);
    if (e != OK)
        return tool_tell(c, e);
    tool_print(room);
    return TOOL_DONE;
}

static int post(const struct tool *t, struct community *c)
{
    json_auto_t *row = NULL;
    enum err e = community_post(c, t->words[1], t->words[2], &row);
    if (e != OK)
        return tool_tell(c, e);
    json_auto_t *line =
        json_pack("{s:O, s:O, s:O, s:O}", "id", json_object_get(row, "id"), "seqno",
                  json_object_get(row, "seqno"), "posted", json_object_get(row, "posted"),
                  "session_id", json_object_get(row, "session_id"));
    tool_print(line);
    return TOOL_DONE;
}

/* The id of a message among the words. */
static bool read_id(const char *word, int64_t *ret_id)
{
    return span_to_i64(span_of_text(word), ret_id) == OK;
}

static int edit(const struct tool *t, struct community *c)
{
    int64_t id = 0;
    if (!read_id(t->words[2], &id))
        return tool_usage("ID is a number");
    enum err e = community_edit(c, t->words[1], id, t->words[3]);
    if (e != OK)
        return tool_tell(c, e);
    json_auto_t *line = json_pack("{s:I, s:b}", "id", (json_int_t)id, "edited", 1);
    tool_print(line);
    return TOOL_DONE;
}

static int delete_one(const struct tool *t, struct community *c)
{
    int64_t id = 0;
    if (!read_id(t->words[2], &id))
        return tool_usage("ID is a number");
    enum err e = community_delete(c, t->words[1], id);
    if (e != OK)
        return tool_tell(c, e);
    json_auto_t *line = json_pack("{s:I, s:b}", "id", (json_int_t)id, "deleted", 1);
    tool_print(line);
    return TOOL_DONE;
}

static int react(const struct tool *t, struct community *c)
{
    json_auto_t *line = NULL;
    int64_t id = 0;
    if (!read_id(t->words[2], &id))
        return tool_usage("ID is a number");
    enum err e = community_react(c, t->words[1], id, t->words[3], &line);
    if (e != OK)
        return tool_tell(c, e);
    (void)json_object_set_new(line, "id", json_integer(id));
    tool_print(line);
    return TOOL_DONE;
}

/* Prints one row; false if it is not one. *seqno moves on. */
static bool print_row(const json_t *row, int64_t *seqno)
{
    struct message m AUTO_MESSAGE = {0};
    if (message_read(row, &m) != OK)
        return false;
    json_auto_t *line =
        json_pack("{s:I, s:I}", "id", (json_int_t)m.id, "seqno", (json_int_t)m.seqno);
    if (m.kind != MESSAGE_REACTIONS)
        (void)json_object_update_new(line,
                                     json_pack("{s:s, s:f}", "session_id",
                                               account_id_text(&m.author).s, "posted", m.posted));
    if (m.kind == MESSAGE_DELETED)
        (void)json_object_set_new(line, "deleted", json_true());
    if (m.kind == MESSAGE_POST) {
        json_t *text = json_stringn((const char *)m.content.text.p, m.content.text.len);
        (void)json_object_set_new(line, "text", text != NULL ? text : json_null());
        (void)json_object_set_new(line, "verified", json_boolean(m.verified));
    }
    if (m.kind != MESSAGE_DELETED)
        (void)json_object_set(line, "reactions", json_object_get(row, "reactions"));
    tool_print(line);
    if (m.seqno > *seqno)
        *seqno = m.seqno;
    return true;
}

/* The newest page, oldest first, as people read. */
static int read_recent(const struct tool *t, struct community *c)
{
    json_auto_t *rows = NULL;
    int64_t seqno = 0;
    enum err e = community_recent(c, t->words[1], 0, &rows);
    if (e != OK)
        return tool_tell(c, e);
    for (size_t i = json_array_size(rows); i > 0; i--) {
        if (!print_row(json_array_get(rows, i - 1), &seqno))
            return tool_refused("the server sent a row that is no message", 0);
    }
    return TOOL_DONE;
}

static int read_room(const struct tool *t, struct community *c)
{
    int64_t seqno = 0;
    if (t->since == NULL)
        return read_recent(t, c);
    if (span_to_i64(span_of_text(t->since), &seqno) != OK)
        return tool_usage("--since wants a sequence number");
    for (;;) {
        json_auto_t *rows = NULL;
        int64_t before = seqno;
        enum err e = community_since(c, t->words[1], seqno, PAGE_ROWS, &rows);
        if (e != OK)
            return tool_tell(c, e);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            if (!print_row(json_array_get(rows, i), &seqno))
                return tool_refused("the server sent a row that is no message", 0);
        }
        /* A full page that does not move on would be asked for again for ever. */
        if (json_array_size(rows) == 0 || seqno == before)
            return TOOL_DONE;
    }
}

static int probe(const struct tool *t, struct community *c)
{
    json_auto_t *list = NULL;
    int64_t began_us = clock_mono_us();
    (void)t;
    enum err e = community_capabilities(c, &list);
    double time_ms = (double)(clock_mono_us() - began_us) / 1000.0;
    const struct link_trouble *trouble = server_link_trouble(c->link);
    json_auto_t *line = json_pack("{s:b, s:f}", "reachable", (int)(e == OK), "time_ms", time_ms);
    if (e == OK)
        (void)json_object_set(line, "capabilities", list);
    else
        (void)json_object_set_new(
            line, "error", json_string(trouble->text[0] != '\0' ? trouble->text : err_name(e)));
    tool_print(line);
    return e == OK ? TOOL_DONE : TOOL_REFUSED;
}

/*
 * Opens link and account for a command that needs them. Without --account an own, passing one is
 * used where that does.
 */
static int with_community(const struct tool *t, bool needs_account,
                          int (*run)(const struct tool *, struct community *))
{
    struct server_link_options options;
    struct server_link *link AUTO_LINK = NULL;
    struct account account AUTO_ACCOUNT = {0};
    struct community c;
    int status = tool_link_options(t, &options);
    if (status != TOOL_DONE)
        return status;
    if (t->account == NULL && needs_account)
        return tool_usage("--account FILE is needed");
    enum err e = t->account != NULL ? account_load(t->account, &account) : account_new(&account);
    if (e != OK)
        return tool_refused("the account file cannot be read", 0);
    if (server_link_open(&options, &link) != OK || community_open(link, &account, &c) != OK)
        return tool_refused("this server key cannot be used", 0);
    status = run(t, &c);
    community_close(&c);
    return status;
}

/* Every command that has a server behind it; the others arrive with their issues. */
static const struct command {
    const char *word;
    const char *second; /* "account new": a second fixed word */
    size_t words;       /* with its arguments */
    int (*local)(const struct tool *);
    int (*community)(const struct tool *, struct community *);
    bool needs_account;
    bool has_room; /* words[1] is a room token */
} commands[] = {
    {"account", "new", 2, tool_account_new, NULL, false, false},
    {"account", "show", 2, tool_account_show, NULL, false, false},
    {"capabilities", NULL, 1, NULL, capabilities, false, false},
    {"rooms", NULL, 1, NULL, rooms, false, false},
    {"join", NULL, 2, NULL, join, true, true},
    {"post", NULL, 3, NULL, post, true, true},
    {"read", NULL, 2, NULL, read_room, true, true},
    {"edit", NULL, 4, NULL, edit, true, true},
    {"react", NULL, 4, NULL, react, true, true},
    {"delete", NULL, 3, NULL, delete_one, true, true},
    {"upload", NULL, 3, NULL, tool_upload, true, true},
    {"download", NULL, 4, NULL, tool_download, true, true},
    {"dm", NULL, 3, NULL, tool_dm, true, false},
    {"inbox", NULL, 1, NULL, tool_inbox, true, false},
    {"file", "put", 3, tool_file_put, NULL, false, false},
    {"file", "get", 4, tool_file_get, NULL, false, false},
    {"file", "extend", 3, tool_file_extend, NULL, false, false},
    {"probe", NULL, 1, NULL, probe, false, false},
};

int tool_run(const struct tool *t)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        const struct command *c = &commands[i];
        if (t->word_count == 0 || strcmp(t->words[0], c->word) != 0)
            continue;
        if (c->second != NULL && (t->word_count < 2 || strcmp(t->words[1], c->second) != 0))
            continue;
        if (t->word_count != c->words)
            return tool_usage("this command has another number of arguments");
        if (c->has_room && !community_token_ok(t->words[1]))
            return tool_usage("a room token is 1 to 64 of A-Z a-z 0-9 _ -");
        return c->local != NULL ? c->local(t) : with_community(t, c->needs_account, c->community);
    }
    return tool_usage("no such command");
}
