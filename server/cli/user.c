/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave user ban|unban|set|show
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "cli/people.h"
#include "store/bans.h"
#include "store/futures.h"
#include "store/permissions.h"

struct user_arguments {
    const char *verb, *id, *room;
    bool global;
    int64_t for_ms; /* 0: for good */
    struct permission_value read, accessible, write, upload;
};

/* "2h": digits and one of s m h d. */
static int64_t parse_duration(const char *text, struct argp_state *state)
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
                count <= LONGEST_DAYS * DAY_MS / units[i].ms)
                return count * units[i].ms;
    argp_error(state, "a time is a number and s, m, h or d, as in 2h; a hundred years at most");
    return 0;
}

static struct permission_value parse_value(const char *text, struct argp_state *state)
{
    struct permission_value v = {true, TRI_NULL};
    if (strcasecmp(text, "yes") == 0)
        v.value = TRI_YES;
    else if (strcasecmp(text, "no") == 0)
        v.value = TRI_NO;
    else if (strcasecmp(text, "default") != 0)
        argp_error(state, "say yes, no or default");
    return v;
}

static error_t parse_end(const struct user_arguments *a, struct argp_state *state)
{
    if (!a->verb || !a->id) {
        argp_usage(state);
        return EINVAL; /* it has exited */
    }
    bool set = a->read.touched || a->accessible.touched || a->write.touched || a->upload.touched;
    bool is_ban = strcmp(a->verb, "ban") == 0;
    if (is_ban || strcmp(a->verb, "unban") == 0) {
        if ((a->room != NULL) == a->global)
            argp_error(state, "say either --room TOKEN or --global");
    } else if (strcmp(a->verb, "set") == 0) {
        if (a->room == NULL || a->global || !set)
            argp_error(state, "say --room TOKEN and what to set");
    } else if (strcmp(a->verb, "show") != 0) {
        argp_error(state, "say ban, unban, set or show");
    }
    if (a->for_ms != 0 && !is_ban)
        argp_error(state, "--for belongs to ban");
    if (set && strcmp(a->verb, "set") != 0)
        argp_error(state, "permissions belong to set");
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct user_arguments *a = state->input;
    switch (key) {
    case 'R':
        a->room = arg;
        return 0;
    case 'g':
        a->global = true;
        return 0;
    case 'f':
        a->for_ms = parse_duration(arg, state);
        return 0;
    case 'r':
        a->read = parse_value(arg, state);
        return 0;
    case 'a':
        a->accessible = parse_value(arg, state);
        return 0;
    case 'w':
        a->write = parse_value(arg, state);
        return 0;
    case 'u':
        a->upload = parse_value(arg, state);
        return 0;
    case ARGP_KEY_ARG:
        if (!a->verb)
            a->verb = arg;
        else if (!a->id)
            a->id = arg;
        else
            argp_error(state, "unexpected argument: %s", arg);
        return 0;
    case ARGP_KEY_END:
        return parse_end(a, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"room", 'R', "TOKEN", 0, "from, in or for this room", 0},
    {"global", 'g', NULL, 0, "from the whole server", 0},
    {"for", 'f', "TIME", 0, "lift the ban by itself after this time: 30m, 2h, 7d (ban)", 0},
    {"read", 'r', "yes|no|default", 0, "may read the room (set)", 0},
    {"accessible", 'a', "yes|no|default", 0, "may see that the room exists (set)", 0},
    {"write", 'w', "yes|no|default", 0, "may post (set)", 0},
    {"upload", 'u', "yes|no|default", 0, "may attach files (set)", 0},
    {0},
};
static const struct argp user_argp = {
    options,
    parse,
    "ban ID (--room TOKEN | --global)\nunban ID (--room TOKEN | --global)\n"
    "set ID --room TOKEN\nshow ID",
    "People. An ID is a Session id (05...) or a blinded one (15...). Whoever has never connected "
    "here is banned, or let in, "
    "at the first contact. A ban from a room takes a role in it away; global moderators must be "
    "dismissed first (mod "
    "remove). Takes effect at once in running servers.",
    NULL,
    NULL,
    NULL};

struct ban_order {
    struct person *person;
    const struct user_arguments *arguments;
    int64_t room; /* 0: global */
};

static enum err ban(struct db *db, void *arg)
{
    const struct ban_order *o = arg;
    int64_t now_ms = clock_wall_ms();
    enum err e = person_resolve(db, o->person, now_ms);
    const struct ban b = {.user = o->person->user,
                          .reach = {o->room == 0, &o->room, o->room != 0},
                          .ends = o->arguments->for_ms != 0,
                          .until = (double)(now_ms + o->arguments->for_ms) / SECOND_MS};
    return e == OK ? bans_add(db, &b) : e;
}

static int run_ban(struct cli *cli, const struct user_arguments *a, struct person *person,
                   int64_t room)
{
    struct ban_order order = {person, a, room};
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

static int run_set(struct cli *cli, const struct user_arguments *a, struct person *person,
                   int64_t room)
{
    struct set_order order = {person,
                              {.room = room,
                               .read = a->read,
                               .accessible = a->accessible,
                               .write = a->write,
                               .upload = a->upload}};
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
    (void)printf("room %.*s:%s", (int)token.len, (const char *)token.p, p->banned ? " banned" : "");
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

static int run(struct cli *cli, const struct user_arguments *a, struct person *person, int64_t room)
{
    if (strcmp(a->verb, "show") == 0)
        return run_show(cli, person);
    int code = strcmp(a->verb, "ban") == 0     ? run_ban(cli, a, person, room)
               : strcmp(a->verb, "unban") == 0 ? run_unban(cli, person, room)
                                               : run_set(cli, a, person, room);
    cli_tell_servers(cli);
    return code;
}

int cli_user(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct user_arguments a = {0};
    struct room_row room = {0};
    struct person person;
    cli_parse(&user_argp, argc, argv, &cli, &a);
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    if (code == CLI_OK)
        code = people_read(&cli, a.id, &person);
    if (code == CLI_OK && a.room)
        code = cli_find_room(&cli, a.room, &room);
    return code == CLI_OK ? run(&cli, &a, &person, room.id) : code;
}
