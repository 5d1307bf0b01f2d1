/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `make demo`: what conclave exists for, from end to end. A private database, a server, three
 * relays and two accounts; a message and a file cross three onion hops, rest in PostgreSQL, and
 * another member reads and verifies them; what must be refused is refused. Every step is checked
 * and timed; the exit status is 0 only if every one held.
 *
 * Read it from the table of steps near the end. Starting and stopping processes stands in
 * integration/world.c.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/attachment.h"
#include "client/file_client.h"
#include "integration/world.h"

enum { ANA, BEN, PEOPLE };
enum { HOPS = 3, PICTURE_BYTES = 1 << 20, FILE_MAX_BYTES = 1 << 22, NOTE_MAX = 240 };
#define ROOM "lobby"

struct demo {
    struct world world;
    struct member people[PEOPLE];
    struct room_view ben_sees;
    int64_t first_seqno;
    struct buf picture;
    struct attachment_keys keys;
    char file_id[FILE_ID_MAX + 1];
    char note[NOTE_MAX]; /* what the step just done has to say */
};

/*
 * --- The house
 * -----------------------------------------------------------------------------------------------------
 */

static bool start_database(struct demo *d)
{
    static const struct world_options options = {
        .servers = 1, .relays = HOPS, .accounts = PEOPLE, .room = ROOM};
    return world_prepare(&d->world, &options) == OK && world_start_database(&d->world) == OK;
}

static bool start_server(struct demo *d)
{
    static const char *const status[] = {"status", "--ready", NULL};
    struct buf out AUTO_BUF = buf_make(KIB(4));
    int code = -1;
    if (world_start_server(&d->world, NULL, NULL) != OK)
        return false;
    if (world_conclave(&d->world, 0, status, &out, &code) != OK || code != 0) {
        (void)snprintf(d->note, sizeof(d->note), "`conclave status --ready` ended with %d", code);
        return false;
    }
    (void)snprintf(d->note, sizeof(d->note), "127.0.0.1:%u", (unsigned)d->world.servers[0].at.port);
    return true;
}

static bool start_relays(struct demo *d)
{
    for (size_t i = 0; i < HOPS; i++) {
        if (world_start_relay(&d->world) != OK)
            return false;
    }
    const struct node *n = d->world.nodes;
    (void)snprintf(d->note, sizeof(d->note), "you -> :%u -> :%u -> :%u -> server",
                   (unsigned)n[0].at.port, (unsigned)n[1].at.port, (unsigned)n[2].at.port);
    return true;
}

static bool make_accounts(struct demo *d)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        if (member_open(&d->world, i, 0, true, &d->people[i]) != OK)
            return false;
    }
    (void)snprintf(d->note, sizeof(d->note), "Ana is %.12s... here, Ben %.12s...",
                   account_id_text(&d->people[ANA].community.blinded.id).s,
                   account_id_text(&d->people[BEN].community.blinded.id).s);
    return true;
}

/*
 * --- The message
 * -----------------------------------------------------------------------------------------------------
 */

/* Notes why a call of a member failed. Always false. */
static bool refused(struct demo *d, const struct member *m, enum err e)
{
    const struct link_trouble *trouble = server_link_trouble(m->link);
    if (m->community.refusal.code != 0)
        (void)snprintf(d->note, sizeof(d->note), "the server says %d: %s",
                       m->community.refusal.code, m->community.refusal.text);
    else
        (void)snprintf(d->note, sizeof(d->note), "%s; HTTP %d %.150s", err_name(e), trouble->status,
                       trouble->text);
    return false;
}

static bool ask_capabilities(struct demo *d)
{
    struct member *ana = &d->people[ANA];
    json_auto_t *list = NULL;
    enum err e = community_capabilities(&ana->community, &list);
    if (e != OK)
        return refused(d, ana, e);
    json_auto_t *expected = json_pack("[s, s, s]", "blind", "reactions", "sogs");
    char *text = json_dumps(list, JSON_COMPACT);
    (void)snprintf(d->note, sizeof(d->note), "%.100s", text != NULL ? text : "");
    free(text);
    return json_equal(list, expected) == 1;
}

static bool join(struct demo *d)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        json_auto_t *room = NULL;
        enum err e = community_join(&d->people[i].community, ROOM, &room);
        if (e != OK)
            return refused(d, &d->people[i], e);
        const char *token = json_string_value(json_object_get(room, "token"));
        if (token == NULL || strcmp(token, ROOM) != 0 ||
            !json_is_true(json_object_get(room, "write")))
            return false;
    }
    (void)snprintf(d->ben_sees.token, sizeof(d->ben_sees.token), ROOM);
    return true;
}

static bool ana_posts(struct demo *d, const char *text)
{
    json_auto_t *row = NULL;
    enum err e = community_post(&d->people[ANA].community, ROOM, text, &row);
    if (e != OK)
        return refused(d, &d->people[ANA], e);
    (void)snprintf(d->note, sizeof(d->note), "message %lld, signed with her blinded key, padded",
                   (long long)json_integer_value(json_object_get(row, "id")));
    return true;
}

static bool ana_posts_first(struct demo *d)
{
    return ana_posts(d, "Hello through three hops");
}

static bool ana_posts_second(struct demo *d)
{
    return ana_posts(d, "And once more");
}

/* The only post among rows: by Ana, verified with her blinded key, saying text. */
static bool is_anas(struct demo *d, const json_t *rows, const char *text)
{
    struct message m AUTO_MESSAGE = {0};
    if (json_array_size(rows) != 1 || message_read(json_array_get(rows, 0), &m) != OK) {
        (void)snprintf(d->note, sizeof(d->note), "%zu rows instead of one", json_array_size(rows));
        return false;
    }
    /* The author is who Ana's account blinds to on this server, not merely who the server says. */
    bool by_ana = blinding_matches(&d->world.accounts[ANA].id, &m.author, &d->world.key);
    (void)snprintf(d->note, sizeof(d->note), "\"%.*s\"%s", (int)m.content.text.len,
                   (const char *)m.content.text.p,
                   m.verified && by_ana ? ", signature verified, by Ana" : ", NOT verified");
    return m.kind == MESSAGE_POST && m.verified && by_ana && m.readable &&
           span_eq_text(m.content.text, text);
}

static bool ben_polls(struct demo *d, const char *expected)
{
    struct member *ben = &d->people[BEN];
    json_auto_t *batch = NULL;
    enum err e = community_poll(&ben->community, POLL_DESKTOP, &d->ben_sees, 1, &batch);
    if (e != OK)
        return refused(d, ben, e);
    for (size_t i = 0; i < json_array_size(batch); i++) {
        json_int_t code = json_integer_value(json_object_get(json_array_get(batch, i), "code"));
        if (code != 200) {
            (void)snprintf(d->note, sizeof(d->note), "element %zu of the batch has code %lld", i,
                           (long long)code);
            return false;
        }
    }
    return is_anas(d, json_object_get(json_array_get(batch, 2), "body"), expected);
}

static bool ben_polls_recent(struct demo *d)
{
    bool seen = ben_polls(d, "Hello through three hops");
    d->first_seqno = d->ben_sees.seqno;
    return seen && d->first_seqno > 0;
}

static bool ben_polls_since(struct demo *d)
{
    return ben_polls(d, "And once more") && d->ben_sees.seqno > d->first_seqno;
}

/*
 * --- The file
 * ---------------------------------------------------------------------------------------------------------
 */

static bool ana_sends_a_file(struct demo *d)
{
    struct buf sealed AUTO_BUF = buf_make(FILE_MAX_BYTES);
    struct file_ticket ticket;
    int code = 0;
    uint8_t *to = buf_reserve(&d->picture, PICTURE_BYTES);
    if (to == NULL)
        return false;
    randombytes_buf(to, PICTURE_BYTES);
    buf_commit(&d->picture, PICTURE_BYTES);
    if (attachment_seal(buf_span(&d->picture), true, NULL, &sealed, &d->keys) != OK)
        return false;
    enum err e = file_client_put(d->people[ANA].link, buf_span(&sealed), &ticket, &code);
    if (e != OK) {
        (void)refused(d, &d->people[ANA], e);
        return false;
    }
    memcpy(d->file_id, ticket.id, sizeof(d->file_id));
    (void)snprintf(d->note, sizeof(d->note), "1 MiB, %zu bytes encrypted, id %.12s...", sealed.len,
                   ticket.id);
    return true;
}

static bool ben_gets_the_file(struct demo *d)
{
    struct buf file AUTO_BUF = buf_make(FILE_MAX_BYTES);
    struct buf plain AUTO_BUF = buf_make(FILE_MAX_BYTES);
    int code = 0;
    enum err e = file_client_get(d->people[BEN].link, d->file_id, &file, &code);
    if (e != OK)
        return refused(d, &d->people[BEN], e);
    if (attachment_open(buf_span(&file), &d->keys, &plain) != OK) {
        (void)snprintf(d->note, sizeof(d->note), "digest, MAC or padding do not agree");
        return false;
    }
    (void)snprintf(d->note, sizeof(d->note), "digest and MAC right, decrypted, %zu bytes equal",
                   plain.len);
    return span_eq(buf_span(&plain), buf_span(&d->picture));
}

/*
 * --- What must be refused
 * ------------------------------------------------------------------------------------------------
 */

/* True if a link's last call was answered by this HTTP status outside the encryption. */
static bool outer_status(struct demo *d, const struct server_link *l, enum err e, int status)
{
    const struct link_trouble *trouble = server_link_trouble(l);
    (void)snprintf(d->note, sizeof(d->note), "HTTP %d %.150s", trouble->status, trouble->text);
    return e == ERR_DENIED && trouble->status == status;
}

static bool wrong_server_key(struct demo *d)
{
    struct server_link_options route = world_route(&d->world, 0, true);
    struct onion_request request = {.method = "GET", .endpoint = "/capabilities"};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct server_link *l AUTO_LINK = NULL;
    route.key = layer_pair_random().pub;
    if (server_link_open(&route, &l) != OK)
        return false;
    return outer_status(d, l, server_link_call(l, &request, &reply), 400);
}

/* One bit changed in the guard's layer on the way to it. */
static bool tampered_layer(struct demo *d)
{
    struct server_link *l = d->people[ANA].link;
    struct onion_request request = {.method = "GET", .endpoint = "/capabilities"};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct onion_secret secret;
    struct buf wrapped AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    if (server_link_wrap(l, &request, &wrapped, &secret) != OK)
        return false;
    wrapped.p[100] ^= 0x01;
    return outer_status(d, l, server_link_post(l, buf_span(&wrapped), &secret, &reply), 400);
}

/* The same bit, but in the layer that only the server opens. */
static bool tampered_innermost(struct demo *d)
{
    struct server_link_options route = world_route(&d->world, 0, false);
    struct onion_request request = {.method = "GET", .endpoint = "/capabilities"};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct onion_secret secret;
    struct buf wrapped AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    struct server_link *l AUTO_LINK = NULL;
    if (server_link_open(&route, &l) != OK ||
        server_link_wrap(l, &request, &wrapped, &secret) != OK)
        return false;
    wrapped.p[40] ^= 0x01;
    return outer_status(d, l, server_link_post(l, buf_span(&wrapped), &secret, &reply), 400);
}

/*
 * The same bytes twice, as someone on the way could send them: the second must not become a
 * message.
 */
static bool replayed_post(struct demo *d)
{
    struct member *ana = &d->people[ANA];
    struct onion_reply first AUTO_ONION_REPLY = {0};
    struct onion_reply second AUTO_ONION_REPLY = {0};
    struct onion_secret secret;
    struct buf wrapped AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    json_auto_t *body = community_post_body(&ana->community, "Only once");
    json_auto_t *rows = NULL;
    struct community_request request = {.method = "POST",
                                        .target = "/room/" ROOM "/message",
                                        .json = body,
                                        .signing = SIGNED_BLINDED};
    if (community_wrap(&ana->community, &request, &wrapped, &secret) != OK)
        return false;
    enum err e = server_link_post(ana->link, buf_span(&wrapped), &secret, &first);
    if (e == OK)
        e = server_link_post(ana->link, buf_span(&wrapped), &secret, &second);
    if (e != OK)
        return refused(d, ana, e);
    e = community_since(&d->people[BEN].community, ROOM, d->ben_sees.seqno, 0, &rows);
    if (e != OK)
        return refused(d, &d->people[BEN], e);
    (void)snprintf(d->note, sizeof(d->note), "first %d, then %d; %zu message in the room",
                   first.code, second.code, json_array_size(rows));
    return first.code == 201 && second.code == 425 && json_array_size(rows) == 1;
}

/*
 * --- The story
 * ---------------------------------------------------------------------------------------------------------------
 */

static const struct step {
    const char *words;
    bool (*run)(struct demo *);
} steps[] = {
    {"A private PostgreSQL cluster starts", start_database},
    {"The server makes its tables, keys and room", start_server},
    {"Three relays start: the path", start_relays},
    {"Ana and Ben get accounts", make_accounts},
    {"Ana asks what the server can do", ask_capabilities},
    {"Both join the room", join},
    {"Ana posts", ana_posts_first},
    {"Ben polls: recent messages", ben_polls_recent},
    {"Ana posts again", ana_posts_second},
    {"Ben polls: only what is new", ben_polls_since},
    {"Ana encrypts and uploads a file", ana_sends_a_file},
    {"Ben downloads, checks and decrypts it", ben_gets_the_file},
    {"Refused: a request for another server's key", wrong_server_key},
    {"Refused: a layer changed on the way", tampered_layer},
    {"Refused: the innermost layer changed", tampered_innermost},
    {"Refused: a post sent twice", replayed_post},
};

/*
 * SIGINT and SIGTERM become readable here, so that they end the story between two steps and never
 * in the middle.
 */
static int watch_signals(void)
{
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGINT);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
    return signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
}

enum ending { HELD, FAILED, STOPPED };

static enum ending tell(struct demo *d, int signals)
{
    int64_t began_us = clock_mono_us();
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct signalfd_siginfo caught;
        if (read(signals, &caught, sizeof(caught)) > 0) {
            (void)printf("Stopped.\n");
            return STOPPED;
        }
        int64_t step_us = clock_mono_us();
        d->note[0] = '\0';
        bool held = steps[i].run(d);
        double ms = (double)(clock_mono_us() - step_us) / 1000.0;
        (void)printf("%s %-46s %9.1f ms  %s\n", held ? " ok " : "FAIL", steps[i].words, ms,
                     !held && d->note[0] == '\0' ? d->world.trouble : d->note);
        (void)fflush(stdout);
        if (!held)
            return FAILED;
    }
    (void)printf("All %zu steps held, %.1f s.\n", COUNT_OF(steps),
                 (double)(clock_mono_us() - began_us) / 1e6);
    return HELD;
}

static void print_server_log(const struct demo *d)
{
    struct buf log AUTO_BUF = buf_make(PROCESS_OUTPUT_MAX_BYTES);
    if (d->world.server_count > 0 && world_log(&d->world, 0, &log) == OK && log.len > 0)
        (void)fprintf(stderr, "--- what the server said:\n%.*s", (int)log.len, (const char *)log.p);
}

int main(void)
{
    struct demo d = {.picture = buf_make(PICTURE_BYTES)};
    int signals = watch_signals();
    enum ending ending = tell(&d, signals);
    if (ending == FAILED)
        print_server_log(&d);
    for (size_t i = 0; i < PEOPLE; i++)
        member_close(&d.people[i]);
    if (!world_close(&d.world) && ending == HELD) {
        (void)printf("FAIL the processes did not end in order\n");
        ending = FAILED;
    }
    buf_done(&d.picture);
    (void)close(signals);
    return ending == HELD ? 0 : 1;
}
