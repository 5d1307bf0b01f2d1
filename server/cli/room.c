/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave room add|list|show|remove|set|qr
 */
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"
#include "cli/qr.h"
#include "cli/room_change.h"
#include "cli/statistics.h"

enum room_verb { ADD, LIST, SHOW, SET, REMOVE, QR };

struct room_options {
    struct room_change_options change;
    bool dry_run;
    bool stats;
    bool yes;
};

static bool token_ok(const char *token)
{
    size_t len = strlen(token);
    return len >= 1 && len <= ROOM_TOKEN_MAX &&
           strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static void print_link(const struct cli *cli, struct span token)
{
    cli_print_link(stdout, cli->conf, &cli->keys.pub, token);
    (void)putchar('\n');
}

static int add(struct cli *cli, const struct room_options *o)
{
    struct span token = span_of_text(cli->arguments[0]);
    int code = room_change_add(cli, token, &o->change);
    if (code == CLI_OK)
        print_link(cli, token);
    return code;
}

static void print_room(const struct room_row *room)
{
    terminal_put(stdout, room->token);
    (void)putchar('\t');
    terminal_put(stdout, room->name);
    (void)printf("\t%s%s%s%s\tmessages to %lld\tactive %lld\n", room->read ? "r" : "-",
                 room->accessible ? "a" : "-", room->write ? "w" : "-", room->upload ? "u" : "-",
                 (long long)room->message_sequence, (long long)room->active_users);
}

static int list(struct cli *cli)
{
    struct room_row *rooms = NULL;
    size_t count = 0;
    enum err e = rooms_list(cli->db, cli->mem, &rooms, &count);
    if (e != OK)
        return cli_store_failed(e);
    for (size_t i = 0; i < count; i++)
        print_room(&rooms[i]);
    return CLI_OK;
}

static int show(struct cli *cli, const struct room_options *o, const struct room_row *room)
{
    print_room(room);
    if (room->description.len > 0) { /* named, since it could be the text of a link */
        (void)fputs("description: ", stdout);
        terminal_put(stdout, room->description);
        (void)putchar('\n');
    }
    print_link(cli, room->token);
    int code = room_rules_show(cli, room->id);
    if (code == CLI_OK)
        code = retention_print(cli, room->id);
    return code == CLI_OK && o->stats ? statistics_print(cli, room->id) : code;
}

static int set(struct cli *cli, const struct room_options *o, const struct room_row *room)
{
    return o->dry_run ? retention_preview_print(cli, &o->change.retention, room->id)
                      : room_change_set(cli, room->id, &o->change);
}

static int remove_room(struct cli *cli, const struct room_options *o, const struct room_row *room)
{
    char answer[ROOM_TOKEN_MAX + 2] = "";
    if (!o->yes) {
        if (!isatty(STDIN_FILENO))
            return cli_fail(CLI_USAGE,
                            "this removes all messages and files of the room for good: say --yes");
        (void)printf(
            "This removes all messages and files of the room for good. Type its token to go on: ");
        if (!fgets(answer, sizeof(answer), stdin) ||
            !span_eq(span_first(span_of_text(answer), strcspn(answer, "\n")), room->token))
            return cli_fail(CLI_FAILED, "nothing was removed");
    }
    enum err e = rooms_remove(cli->db, room->id);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int run_verb(struct cli *cli, enum room_verb verb, const struct room_options *o)
{
    struct room_row room;
    if (verb == LIST)
        return list(cli);
    if (verb == ADD)
        return add(cli, o);
    int code = cli_find_room(cli, cli->arguments[0], &room);
    if (code != CLI_OK)
        return code;
    switch (verb) {
    case SHOW:
        return show(cli, o, &room);
    case SET:
        return set(cli, o, &room);
    case REMOVE:
        return remove_room(cli, o, &room);
    case QR:
        return qr_print(cli->conf, &cli->keys.pub, room.token);
    case ADD:
    case LIST:
        break;
    }
    return CLI_FAILED;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct room_options o = {.change = ROOM_CHANGE_NOTHING};
    enum room_verb verb = command_read(&cli_room, argc, argv, &cli, &o);
    if (verb == ADD && !token_ok(cli.arguments[0]))
        return cli_fail(CLI_USAGE, "a token is 1 to 64 letters, digits, '-' and '_'");
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    if (code != CLI_OK)
        return code;
    code = run_verb(&cli, verb, &o);
    cli_tell_servers(&cli);
    return code;
}

/* ---- how it is typed ---- */

static const char *check_add(const void *options, size_t argument_count)
{
    const struct room_options *o = options;
    (void)argument_count;
    return o->change.name ? room_change_check(&o->change) : "say --name NAME";
}

static const char *check_set(const void *options, size_t argument_count)
{
    const struct room_options *o = options;
    const struct retention_options *retention = &o->change.retention;
    bool of_room = room_change_touches_room(&o->change);
    (void)argument_count;
    if (o->dry_run)
        return of_room ? "--dry-run goes with --keep and --keep-bytes only" : NULL;
    if (!of_room && !retention->keep_said && !retention->bytes_said)
        return "say what to set; `conclave room set --help` lists what there is";
    return room_change_check(&o->change);
}

static const struct command_verb verbs[] = {
    [ADD] = {"add", "TOKEN --name NAME", 1, 1, "makes a room and prints its join link",
             .help =
                 "A TOKEN is 1 to 64 letters, digits, '-' and '_'; it is part of the join link. "
                 "Nobody meets the room before everything that is said here holds.",
             .check = check_add},
    [LIST] = {"list", NULL, 0, 0, "all rooms"},
    [SHOW] = {"show", "TOKEN", 1, 1, "one room, with its join link and rules"},
    [SET] = {"set", "TOKEN", 1, 1, "changes a room", .check = check_set},
    [REMOVE] = {"remove", "TOKEN", 1, 1, "removes a room with its messages and files, for good"},
    [QR] = {"qr", "TOKEN", 1, 1, "the join link, and a QR code of it"},
};

#define CHANGES      (VERB(ADD) | VERB(SET))
#define CHANGE(name) MEMBER(struct room_options, change.name)
static const struct command_option options[] = {
    {"name", CHANGES, "NAME", "what people see", CHANGE(name), .read = room_change_read_name},
    {"description", CHANGES, "TEXT", "shown below the name; empty: none", CHANGE(description),
     .read = room_change_read_description},
    {"preset", CHANGES, "PRESET", "open, announce, private or media-off (below)", CHANGE(preset),
     .read = room_change_read_preset},
    {"read", CHANGES, "yes|no", "everybody may read", CHANGE(read), .read = command_read_yes_no},
    {"accessible", CHANGES, "yes|no", "everybody may see that it exists", CHANGE(accessible),
     .read = command_read_yes_no},
    {"write", CHANGES, "yes|no", "everybody may post", CHANGE(write), .read = command_read_yes_no},
    {"upload", CHANGES, "yes|no", "everybody may attach files", CHANGE(upload),
     .read = command_read_yes_no},
    {"icon", CHANGES, "FILE", "its picture: PNG, JPEG, GIF or WebP", CHANGE(icon)},
    {"no-icon", VERB(SET), NULL, "no picture any more", CHANGE(no_icon)},
    {"quota", CHANGES, "SIZE|off", "what its files may take together, such as 2G", CHANGE(files),
     .read = room_rules_read_quota},
    {"file-types", CHANGES, "TYPES|any",
     "files that may be uploaded, such as image/,application/pdf", CHANGE(files),
     .read = room_rules_read_types},
    {"keep", CHANGES, "TIME|forever",
     "older messages go without a trace; pinned ones stay: 30d, 12h", CHANGE(retention),
     .read = retention_read_keep},
    {"keep-bytes", CHANGES, "SIZE|unlimited",
     "the oldest go while messages and their files take more: 5G, 500M", CHANGE(retention),
     .read = retention_read_bytes},
    {"dry-run", VERB(SET), NULL, "only say what --keep and --keep-bytes would remove now",
     MEMBER(struct room_options, dry_run)},
    {"stats", VERB(SHOW), NULL, "how much there is and how many came, as counts",
     MEMBER(struct room_options, stats)},
    {"yes", VERB(REMOVE), NULL, "remove without asking", MEMBER(struct room_options, yes)},
};
const struct command cli_room = {
    .name = "room",
    .summary = "add, list, show, set or remove rooms; print a room's link and QR code",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
    .help = "Takes effect at once in running servers.\n"
            "Presets: open (everybody reads, posts, attaches), announce (everybody reads, "
            "moderators post), private (only who was let in by `user set` sees that it exists), "
            "media-off (everybody reads and posts, moderators attach). --read, --accessible, "
            "--write and --upload win over the preset.",
};
