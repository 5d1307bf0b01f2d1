/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave user ban|unban|set|show
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "cli/people.h"
#include "store/bans.h"
#include "store/futures.h"
#include "store/permissions.h"
#include "store/standing.h"

enum user_verb { BAN, UNBAN, SET, SHOW };

struct user_options {
    const char *room;
    bool global;
    int64_t for_ms; /* 0: for good */
    struct permission_value read, accessible, write, upload;
};

/* "2h": digits and one of s m h d. */
static const char *read_duration(const char *text, void *ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', SECOND_MS}, {'m', MINUTE_MS}, {'h', HOUR_MS}, {'d', DAY_MS}};
    enum { LONGEST_DAYS = 36500 };
    size_t len = strlen(text);
    int64_t count = 0;
    if (len > 0 && span_to_i64(span_of(text, len - 1), &count) == OK)
        for (size_t i = 0; i < COUNT_OF(units); i++)
            if (text[len - 1] == units[i].letter && count > 0 &&
                count <= LONGEST_DAYS * DAY_MS / units[i].ms) {
                *(int64_t *)ms = count * units[i].ms;
                return NULL;
            }
    return "a time: a number and s, m, h or d, as in 2h; a hundred years at most";
}

static const char *read_value(const char *text, void *value)
{
    struct permission_value v = {true, TRI_NULL};
    if (strcasecmp(text, "default") != 0 && command_read_yes_no(text, &v.value) != NULL)
        return "yes, no or default";
    *(struct permission_value *)value = v;
    return NULL;
}

struct ban_order {
    struct cli *cli;
    struct person *person;
    const struct user_options *options;
    int64_t room; /* 0: global */
};

/* A global role goes before bans of rooms, so such a ban would do nothing. ERR_CONFLICT. */
static enum err refuse_global_role(const struct ban_order *o)
{
    struct standing *now = NULL;
    enum err e = standing_read(o->cli->db, o->cli->mem, &o->person->session,
                               &(struct reach){.global = true}, &now);
    return e == OK && now->global_moderator ? ERR_CONFLICT : e;
}

static enum err ban(struct db *db, void *arg)
{
    const struct ban_order *o = arg;
    int64_t now_ms = clock_wall_ms();
    enum err e = person_resolve(db, o->person, now_ms);
    if (e == OK && o->room != 0)
        e = refuse_global_role(o);
    const struct ban b = {.user = o->person->user,
                          .reach = {o->room == 0, &o->room, o->room != 0},
                          .ends = o->options->for_ms != 0,
                          .until = (double)(now_ms + o->options->for_ms) / SECOND_MS};
    return e == OK ? bans_add(db, &b) : e;
}

static int run_ban(struct cli *cli, const struct user_options *o, struct person *person,
                   int64_t room)
{
    struct ban_order order = {cli, person, o, room};
    enum err e = db_tx(cli->db, ban, &order);
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "refused: a global moderator or admin; `mod remove` first");
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int run_unban(struct cli *cli, struct person *person, int64_t room)
{
    const struct reach reach = {room == 0, &room, room != 0};
    enum err e = person_find(cli->db, person);
    if (e == OK)
        e = bans_lift(cli->db, person->user, &reach);
    return e == OK || e == ERR_MISSING ? CLI_OK : cli_store_failed(e);
}

struct set_order {
    struct person *person;
    struct permission_change change;
};

static enum err set(struct db *db, void *arg)
{
    struct set_order *o = arg;
    enum err e = person_resolve(db, o->person, clock_wall_ms());
    o->change.user = o->person->user;
    return e == OK ? permissions_change(db, &o->change) : e;
}

static int run_set(struct cli *cli, const struct user_options *o, struct person *person,
                   int64_t room)
{
    struct set_order order = {person,
                              {.room = room,
                               .read = o->read,
                               .accessible = o->accessible,
                               .write = o->write,
                               .upload = o->upload}};
    enum err e = db_tx(cli->db, set, &order);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

/* ---- show ---- */

static void print_value(const char *name, enum tristate value)
{
    if (value != TRI_NULL)
        (void)printf(" %s=%s", name, value == TRI_YES ? "yes" : "no");
}

static void print_role(bool moderator, bool admin, bool visible)
{
    if (moderator)
        (void)printf(" %s %s", admin ? "admin" : "moderator", visible ? "visible" : "hidden");
}

static void print_time(double at)
{
    char text[32];
    struct tm tm;
    time_t t = at < 0 ? 0 : at > 253402300799.0 ? 253402300799 : (time_t)at; /* the year 9999 */
    if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        (void)printf("%s", text);
}

static enum err print_futures(struct cli *cli, int64_t room, int64_t user)
{
    struct future_row *rows = NULL;
    size_t count = 0;
    enum err e = futures_list(cli->db, cli->mem, room, user, &rows, &count);
    for (size_t i = 0; e == OK && i < count; i++) {
        (void)printf("  at ");
        print_time(rows[i].at);
        print_value("banned", rows[i].banned);
        print_value("read", rows[i].read);
        print_value("write", rows[i].write);
        print_value("upload", rows[i].upload);
        (void)putchar('\n');
    }
    return e;
}

static void print_permissions(struct span token, const struct permission_row *p)
{
    (void)fputs("room ", stdout);
    terminal_put(stdout, token);
    (void)printf(":%s", p->banned ? " banned" : "");
    print_role(p->moderator, p->admin, p->visible);
    print_value("read", p->read);
    print_value("accessible", p->accessible);
    print_value("write", p->write);
    print_value("upload", p->upload);
    (void)putchar('\n');
}

static enum err print_rooms(struct cli *cli, int64_t user)
{
    struct permission_row *rows = NULL;
    struct span *tokens = NULL;
    size_t count = 0;
    enum err e = permissions_of_user(cli->db, cli->mem, user, &rows, &tokens, &count);
    for (size_t i = 0; e == OK && i < count; i++) {
        print_permissions(tokens[i], &rows[i]);
        e = print_futures(cli, rows[i].room, user);
    }
    return e;
}

static int run_show(struct cli *cli, struct person *person)
{
    struct standing *s = NULL;
    enum err e = person_find(cli->db, person);
    if (e == ERR_MISSING)
        return cli_fail(CLI_FAILED,
                        "nobody with this id has been here, and nothing is stored for it");
    if (e == OK)
        e = standing_read(cli->db, cli->mem, &person->session, &(struct reach){.global = true}, &s);
    if (e != OK)
        return cli_store_failed(e);
    cli_print_hex(stdout, SPAN_OF_KEY(&person->session));
    (void)printf("\nserver:%s", s->global_banned ? " banned" : "");
    print_role(s->global_moderator, s->global_admin, s->global_visible);
    (void)putchar('\n');
    e = print_futures(cli, 0, person->user);
    if (e == OK)
        e = print_rooms(cli, person->user);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int change(struct cli *cli, enum user_verb verb, const struct user_options *o,
                  struct person *person)
{
    struct room_row room = {0};
    int code = o->room ? cli_find_room(cli, o->room, &room) : CLI_OK;
    if (code != CLI_OK)
        return code;
    code = verb == BAN     ? run_ban(cli, o, person, room.id)
           : verb == UNBAN ? run_unban(cli, person, room.id)
                           : run_set(cli, o, person, room.id);
    cli_tell_servers(cli);
    return code;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct user_options o = {0};
    struct person person;
    enum user_verb verb = command_read(&cli_user, argc, argv, &cli, &o);
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    if (code == CLI_OK)
        code = people_read(&cli, cli.arguments[0], &person);
    if (code != CLI_OK)
        return code;
    return verb == SHOW ? run_show(&cli, &person) : change(&cli, verb, &o, &person);
}

static const char *check_reach(const void *options, size_t argument_count)
{
    const struct user_options *o = options;
    (void)argument_count;
    return (o->room != NULL) == o->global ? "say either --room TOKEN or --global" : NULL;
}

static const char *check_set(const void *options, size_t argument_count)
{
    const struct user_options *o = options;
    (void)argument_count;
    bool said = o->read.touched || o->accessible.touched || o->write.touched || o->upload.touched;
    return o->room == NULL || !said ? "say --room TOKEN and what to set" : NULL;
}

static const struct command_verb verbs[] = {
    [BAN] = {"ban", "ID (--room TOKEN | --global)", 1, 1, "keeps somebody out",
             .help = "A ban from a room takes a role in it away; global moderators must be "
                     "dismissed first (mod remove).",
             .check = check_reach},
    [UNBAN] = {"unban", "ID (--room TOKEN | --global)", 1, 1, "lets somebody in again",
               .check = check_reach},
    [SET] = {"set", "ID --room TOKEN", 1, 1, "what somebody may do in a room", .check = check_set},
    [SHOW] = {"show", "ID", 1, 1, "bans, roles and rights of somebody"},
};
static const struct command_option options[] = {
    {"room", VERB(BAN) | VERB(UNBAN) | VERB(SET), "TOKEN", "from, in or for this room",
     MEMBER(struct user_options, room)},
    {"global", VERB(BAN) | VERB(UNBAN), NULL, "from the whole server",
     MEMBER(struct user_options, global)},
    {"for", VERB(BAN), "TIME", "lift the ban by itself after this time: 30m, 2h, 7d",
     MEMBER(struct user_options, for_ms), .read = read_duration},
    {"read", VERB(SET), "yes|no|default", "may read the room", MEMBER(struct user_options, read),
     .read = read_value},
    {"accessible", VERB(SET), "yes|no|default", "may see that the room exists",
     MEMBER(struct user_options, accessible), .read = read_value},
    {"write", VERB(SET), "yes|no|default", "may post", MEMBER(struct user_options, write),
     .read = read_value},
    {"upload", VERB(SET), "yes|no|default", "may attach files", MEMBER(struct user_options, upload),
     .read = read_value},
};
const struct command cli_user = {
    .name = "user",
    .summary = "ban people, let them in again, show or set what they may do",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
    .help = "An ID is a Session id (05...) or a blinded one (15...). Whoever has never connected "
            "here is banned, or let in, at the first contact. Takes effect at once in running "
            "servers.",
};
