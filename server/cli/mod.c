/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave mod add|remove|list
 */
#include "cli/people.h"

enum { IDS_MAX = 256 };

enum mod_verb { ADD, REMOVE, LIST };

struct mod_options {
    const char *room;
    bool global, admin, visible, hidden;
};

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

static int add(struct cli *cli, const struct mod_options *o, int64_t room)
{
    struct role role = {
        .moderator = true, .admin = o->admin, .visible = o->visible || (room != 0 && !o->hidden)};
    int code = CLI_OK;
    for (size_t i = 0; code == CLI_OK && i < cli->argument_count; i++)
        code = people_appoint(cli, room, cli->arguments[i], role);
    return code;
}

static int remove_roles(struct cli *cli, int64_t room)
{
    int code = CLI_OK;
    for (size_t i = 0; code == CLI_OK && i < cli->argument_count; i++)
        code = people_dismiss(cli, room, cli->arguments[i]);
    return code;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct mod_options o = {0};
    struct room_row room = {0};
    enum mod_verb verb = command_read(&cli_mod, argc, argv, &cli, &o);
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    if (code == CLI_OK && o.room)
        code = cli_find_room(&cli, o.room, &room);
    if (code != CLI_OK)
        return code;
    if (verb == LIST)
        return list(&cli, room.id);
    code = verb == ADD ? add(&cli, &o, room.id) : remove_roles(&cli, room.id);
    cli_tell_servers(&cli);
    return code;
}

static const char *check(const void *options, size_t argument_count)
{
    const struct mod_options *o = options;
    (void)argument_count;
    if ((o->room != NULL) == o->global)
        return "say either --room TOKEN or --global";
    return o->visible && o->hidden ? "--visible and --hidden exclude each other" : NULL;
}

static const struct command_verb verbs[] = {
    [ADD] = {"add", "ID... (--room TOKEN | --global)", 1, IDS_MAX, "appoints moderators, or admins",
             "It sets exactly what the options say, also for who has a role already. A 05 id that "
             "has never connected here is kept until it does.",
             check},
    [REMOVE] = {"remove", "ID... (--room TOKEN | --global)", 1, IDS_MAX, "takes their role away",
                NULL, check},
    [LIST] = {"list", "(--room TOKEN | --global)", 0, 0, "who has a role", NULL, check},
};
static const struct command_option options[] = {
    {"room", EVERY_VERB, "TOKEN", "in this room", MEMBER(struct mod_options, room)},
    {"global", EVERY_VERB, NULL, "in every room", MEMBER(struct mod_options, global)},
    {"admin", VERB(ADD), NULL, "admin instead of moderator", MEMBER(struct mod_options, admin)},
    {"visible", VERB(ADD), NULL, "shown to everybody (the default in a room)",
     MEMBER(struct mod_options, visible)},
    {"hidden", VERB(ADD), NULL, "shown to moderators only (the default of --global)",
     MEMBER(struct mod_options, hidden)},
};
const struct command cli_mod = {
    .name = "mod",
    .summary = "add, remove or list moderators and admins",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
    .help = "An ID is a Session id (05...) or a blinded one (15...). Takes effect at once in "
            "running servers.",
};
