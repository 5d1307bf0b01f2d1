/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave mod add|remove|list
 */
#include <stdlib.h>
#include <string.h>

#include "cli/people.h"

enum { IDS_MAX = 256 };

struct mod_arguments {
    const char *verb;
    const char *ids[IDS_MAX];
    size_t count;
    const char *room;
    bool global, admin, visible, hidden;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): argp's signature */
static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct mod_arguments *a = state->input;
    switch (key) {
    case 'r':
        a->room = arg;
        return 0;
    case 'g':
        a->global = true;
        return 0;
    case 'a':
        a->admin = true;
        return 0;
    case 'v':
        a->visible = true;
        return 0;
    case 'h':
        a->hidden = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!a->verb)
            a->verb = arg;
        else if (a->count < IDS_MAX)
            a->ids[a->count++] = arg;
        else
            argp_error(state, "too many ids at once");
        return 0;
    case ARGP_KEY_END:
        if (!a->verb)
            argp_usage(state);
        if ((a->room != NULL) == a->global)
            argp_error(state, "say either --room TOKEN or --global");
        if (a->visible && a->hidden)
            argp_error(state, "--visible and --hidden exclude each other");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"room", 'r', "TOKEN", 0, "in this room", 0},
    {"global", 'g', NULL, 0, "in every room", 0},
    {"admin", 'a', NULL, 0, "admin instead of moderator", 0},
    {"visible", 'v', NULL, 0, "shown to everybody (the default in a room)", 0},
    {"hidden", 'h', NULL, 0, "shown to moderators only (the default of --global)", 0},
    {0},
};
static const struct argp mod_argp = {options,
                                     parse,
                                     "add ID...\nremove ID...\nlist",
                                     "Appoints and dismisses moderators and admins. `add` sets "
                                     "exactly what the options say, also for who has a role "
                                     "already. An ID is a Session id (05...) or a blinded one "
                                     "(15...). A 05 id that has never connected here is kept until "
                                     "it does. Takes effect at once in running servers.",
                                     NULL,
                                     NULL,
                                     NULL};

static int list(struct cli *cli, int64_t room)
{
    struct user_row *users = NULL;
    size_t count = 0;
    enum err e = roles_list(cli->db, cli->mem, room, &users, &count);
    if (e != OK)
        return cli_store_failed(e);
    for (size_t i = 0; i < count; i++) {
        cli_print_hex(stdout, SPAN_OF_KEY(&users[i].session));
        (void)printf(" %s %s\n", users[i].admin ? "admin" : "moderator",
                     users[i].visible ? "visible" : "hidden");
    }
    return CLI_OK;
}

static int appoint(struct cli *cli, const struct mod_arguments *a, int64_t room)
{
    bool add = strcmp(a->verb, "add") == 0;
    struct role role = {
        .moderator = true, .admin = a->admin, .visible = a->visible || (room != 0 && !a->hidden)};
    int code = a->count > 0 ? CLI_OK : cli_fail(CLI_USAGE, "name at least one id");
    for (size_t i = 0; code == CLI_OK && i < a->count; i++)
        code =
            add ? people_appoint(cli, room, a->ids[i], role) : people_dismiss(cli, room, a->ids[i]);
    cli_tell_servers(cli);
    return code;
}

int cli_mod(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct mod_arguments a = {0};
    cli_parse(&mod_argp, argc, argv, &cli, &a);
    if (strcmp(a.verb, "add") != 0 && strcmp(a.verb, "remove") != 0 && strcmp(a.verb, "list") != 0)
        return cli_fail(CLI_USAGE, "say add, remove or list");
    struct room_row room = {0};
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    if (code == CLI_OK && a.room)
        code = cli_find_room(&cli, a.room, &room);
    if (code != CLI_OK)
        return code;
    return strcmp(a.verb, "list") == 0 ? list(&cli, room.id) : appoint(&cli, &a, room.id);
}
