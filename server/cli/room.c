/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave room add|list|show|remove|set|qr
 */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/qr.h"
#include "cli/retention.h"
#include "cli/room_icon.h"
#include "cli/room_rules.h"
#include "cli/statistics.h"

struct room_arguments {
    const char *verb, *token;
    const char *name, *description, *icon;
    bool no_icon;
    const struct preset *preset; /* NULL: none */
    enum tristate read, accessible, write, upload;
    struct room_rules_arguments files;
    struct retention_arguments retention;
    bool stats;
    bool yes;
};

/* What a room grants to everybody, for people who do not want to think in four switches. */
static const struct preset {
    const char *name;
    enum tristate read, accessible, write, upload;
} presets[] = {
    /* Everybody reads, posts and attaches files. */
    {"open", TRI_YES, TRI_YES, TRI_YES, TRI_YES},
    /* Everybody reads; moderators post. */
    {"announce", TRI_YES, TRI_YES, TRI_NO, TRI_NO},
    /* For who is let in (`user set ID --room TOKEN --read yes`): for others it does not exist. */
    {"private", TRI_NO, TRI_NO, TRI_YES, TRI_YES},
    /* Everybody reads and posts; moderators attach files. */
    {"media-off", TRI_YES, TRI_YES, TRI_YES, TRI_NO},
};

static const struct preset *parse_preset(const char *text, struct argp_state *state)
{
    for (size_t i = 0; i < COUNT_OF(presets); i++)
        if (strcmp(text, presets[i].name) == 0)
            return &presets[i];
    argp_error(state, "presets are open, announce, private and media-off");
    return NULL;
}

static enum tristate parse_yes(const char *text, struct argp_state *state)
{
    if (strcasecmp(text, "yes") == 0)
        return TRI_YES;
    if (strcasecmp(text, "no") != 0)
        argp_error(state, "say yes or no");
    return TRI_NO;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct room_arguments *a = state->input;
    switch (key) {
    case 'n':
        a->name = arg;
        return 0;
    case 'd':
        a->description = arg;
        return 0;
    case 'r':
        a->read = parse_yes(arg, state);
        return 0;
    case 'a':
        a->accessible = parse_yes(arg, state);
        return 0;
    case 'w':
        a->write = parse_yes(arg, state);
        return 0;
    case 'u':
        a->upload = parse_yes(arg, state);
        return 0;
    case 'i':
        a->icon = arg;
        return 0;
    case 'I':
        a->no_icon = true;
        return 0;
    case 'q':
        a->files.quota = arg;
        return 0;
    case 't':
        a->files.types = arg;
        return 0;
    case 'p':
        a->preset = parse_preset(arg, state);
        return 0;
    case 'y':
        a->yes = true;
        return 0;
    case 'k':
        retention_parse_keep(&a->retention, arg, state);
        return 0;
    case 'b':
        retention_parse_bytes(&a->retention, arg, state);
        return 0;
    case 's':
        a->stats = true;
        return 0;
    case 'D':
        a->retention.dry_run = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!a->verb)
            a->verb = arg;
        else if (!a->token)
            a->token = arg;
        else
            argp_error(state, "unexpected argument: %s", arg);
        return 0;
    case ARGP_KEY_END:
        if (!a->verb)
            argp_usage(state);
        if (a->icon && a->no_icon)
            argp_error(state, "--icon and --no-icon exclude each other");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"name", 'n', "NAME", 0, "what people see (add, set)", 0},
    {"description", 'd', "TEXT", 0, "shown below the name; empty removes it (add, set)", 0},
    {"read", 'r', "yes|no", 0, "everybody may read (set)", 0},
    {"accessible", 'a', "yes|no", 0, "everybody may see that it exists (set)", 0},
    {"write", 'w', "yes|no", 0, "everybody may post (set)", 0},
    {"upload", 'u', "yes|no", 0, "everybody may attach files (set)", 0},
    {"icon", 'i', "FILE", 0, "its picture: PNG, JPEG, GIF or WebP (set)", 0},
    {"no-icon", 'I', NULL, 0, "no picture any more (set)", 0},
    {"quota", 'q', "SIZE|off", 0, "what its files may take together, such as 2G (set)", 0},
    {"file-types", 't', "TYPES|any", 0,
     "files that may be uploaded, such as image/,application/pdf (set)", 0},
    {"preset", 'p', "open|announce|private|media-off", 0,
     "these four at once; single ones win (set)", 0},
    {"keep", 'k', "TIME|forever", 0,
     "older messages go without a trace; pinned ones stay: 30d, 12h (set)", 0},
    {"keep-bytes", 'b', "SIZE|unlimited", 0,
     "the oldest go while messages and their files take more: 5G, 500M (set)", 0},
    {"dry-run", 'D', NULL, 0, "only say what --keep and --keep-bytes would remove now", 0},
    {"stats", 's', NULL, 0, "how much there is and how many came, as counts (show)", 0},
    {"yes", 'y', NULL, 0, "remove without asking", 0},
    {0},
};
static const struct argp room_argp = {
    options,
    parse,
    "add TOKEN --name NAME\nlist\nshow TOKEN\nset TOKEN\nremove TOKEN\nqr TOKEN",
    "Rooms. Takes effect at once in running servers. A TOKEN is 1 to 64 letters, "
    "digits, '-' and '_'; it is part of the join link.\v"
    "Presets: open (everybody reads, posts, attaches), announce (everybody reads, moderators "
    "post), private (only who was "
    "let in by `user set` sees that it exists), media-off (everybody reads and posts, moderators "
    "attach).",
    NULL,
    NULL,
    NULL};

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

static int add(struct cli *cli, const struct room_arguments *a)
{
    if (!token_ok(a->token))
        return cli_fail(CLI_USAGE, "a token is 1 to 64 letters, digits, '-' and '_'");
    if (!a->name || a->name[0] == '\0' || strlen(a->name) > ROOM_NAME_MAX)
        return cli_fail(CLI_USAGE, "say --name NAME (at most 512 bytes)");
    if (a->description && strlen(a->description) > ROOM_DESCRIPTION_MAX)
        return cli_fail(CLI_USAGE, "a description is at most 4096 bytes");
    int64_t id;
    enum err e = rooms_create(cli->db, span_of_text(a->token), span_of_text(a->name),
                              a->description ? span_of_text(a->description) : (struct span){0},
                              clock_wall_ms(), &id);
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "there is a room with that token already");
    if (e != OK)
        return cli_store_failed(e);
    print_link(cli, span_of_text(a->token));
    return CLI_OK;
}

static void print_room(const struct room_row *room)
{
    (void)printf("%.*s\t%.*s\t%s%s%s%s\tmessages to %lld\tactive %lld\n", (int)room->token.len,
                 (const char *)room->token.p, (int)room->name.len, (const char *)room->name.p,
                 room->read ? "r" : "-", room->accessible ? "a" : "-", room->write ? "w" : "-",
                 room->upload ? "u" : "-", (long long)room->message_sequence,
                 (long long)room->active_users);
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

static int show(struct cli *cli, const struct room_arguments *a, const struct room_row *room)
{
    print_room(room);
    if (room->description.len > 0)
        (void)printf("%.*s\n", (int)room->description.len, (const char *)room->description.p);
    print_link(cli, room->token);
    int code = room_rules_show(cli, room->id);
    if (code == CLI_OK)
        code = retention_print(cli, room->id);
    return code == CLI_OK && a->stats ? statistics_print(cli, room->id) : code;
}

static enum tristate chosen(enum tristate own, enum tristate preset)
{
    return own != TRI_NULL ? own : preset;
}

static int set(struct cli *cli, const struct room_arguments *a, const struct room_row *room)
{
    if (a->retention.dry_run)
        return retention_preview_print(cli, &a->retention, room->id);
    static const struct preset no_preset = {"", TRI_NULL, TRI_NULL, TRI_NULL, TRI_NULL};
    const struct preset *preset = a->preset ? a->preset : &no_preset;
    struct span name = span_of_text(a->name ? a->name : ""),
                description = span_of_text(a->description ? a->description : "");
    if ((a->name && name.len == 0) || name.len > ROOM_NAME_MAX ||
        description.len > ROOM_DESCRIPTION_MAX)
        return cli_fail(CLI_USAGE, "a name is 1 to 512 bytes, a description at most 4096");
    struct room_change change = {.name = a->name ? &name : NULL,
                                 .description = a->description ? &description : NULL,
                                 .read = chosen(a->read, preset->read),
                                 .accessible = chosen(a->accessible, preset->accessible),
                                 .write = chosen(a->write, preset->write),
                                 .upload = chosen(a->upload, preset->upload),
                                 .now = (double)clock_wall_ms() / SECOND_MS,
                                 .file_lifetime_s =
                                     (double)cli->conf->files.room_ttl_ms / SECOND_MS};
    int64_t info_updates, image = 0;
    int code = CLI_OK;
    if (a->icon)
        code = room_icon_store(cli, room->id, a->icon, &image);
    if (code == CLI_OK)
        code = room_rules_set(cli, room->id, &a->files);
    if (code != CLI_OK)
        return code;
    if (a->icon || a->no_icon)
        change.image = &image;
    enum err e = rooms_change(cli->db, room->id, &change, &info_updates);
    return e == OK ? retention_apply(cli, &a->retention, room->id) : cli_store_failed(e);
}

static int remove_room(struct cli *cli, const struct room_arguments *a, const struct room_row *room)
{
    char answer[ROOM_TOKEN_MAX + 2] = "";
    if (!a->yes) {
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

static int run(struct cli *cli, const struct room_arguments *a)
{
    struct room_row room;
    if (strcmp(a->verb, "list") == 0)
        return list(cli);
    if (!a->token)
        return cli_fail(CLI_USAGE, "name the room's token");
    if (strcmp(a->verb, "add") == 0)
        return add(cli, a);
    int code = cli_find_room(cli, a->token, &room);
    if (code != CLI_OK)
        return code;
    if (strcmp(a->verb, "show") == 0)
        return show(cli, a, &room);
    if (strcmp(a->verb, "qr") == 0)
        return qr_print(cli->conf, &cli->keys.pub, room.token);
    if (strcmp(a->verb, "set") == 0)
        return set(cli, a, &room);
    if (strcmp(a->verb, "remove") == 0)
        return remove_room(cli, a, &room);
    return cli_fail(CLI_USAGE, "say add, list, show, set, remove or qr");
}

int cli_room(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct room_arguments a = {
        .read = TRI_NULL, .accessible = TRI_NULL, .write = TRI_NULL, .upload = TRI_NULL};
    cli_parse(&room_argp, argc, argv, &cli, &a);
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    if (code != CLI_OK)
        return code;
    code = run(&cli, &a);
    cli_tell_servers(&cli);
    return code;
}
