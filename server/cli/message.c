/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave message delete
 */
#include <string.h>

#include "base/clock.h"
#include "cli/people.h"
#include "store/removing.h"

enum { NUMBERS_MAX = REMOVING_MAX, SLICE_ARENA_BYTES = 16 * 1024 * 1024 };

struct message_arguments {
    const char *verb, *room, *by;
    int64_t numbers[NUMBERS_MAX];
    size_t count;
};

static void add_number(struct message_arguments *a, const char *text, struct argp_state *state)
{
    int64_t number = 0;
    if (span_to_i64(span_of_text(text), &number) != OK)
        argp_error(state, "a message is named by its number, as clients know it");
    if (a->count == NUMBERS_MAX)
        argp_error(state, "at most %d messages at once", NUMBERS_MAX);
    else
        a->numbers[a->count++] = number;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct message_arguments *a = state->input;
    switch (key) {
    case 'R':
        a->room = arg;
        return 0;
    case 'b':
        a->by = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (!a->verb)
            a->verb = arg;
        else
            add_number(a, arg, state);
        return 0;
    case ARGP_KEY_END:
        if (!a->verb) {
            argp_usage(state);
            return EINVAL; /* it has exited */
        }
        if (strcmp(a->verb, "delete") != 0)
            argp_error(state, "say delete");
        if (!a->room || (a->by != NULL) == (a->count > 0))
            argp_error(state, "say --room TOKEN, and either numbers or --by ID");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"room", 'R', "TOKEN", 0, "in this room", 0},
    {"by", 'b', "ID", 0, "everything that this person posted and uploaded there", 0},
    {0},
};
static const struct argp message_argp = {
    options,
    parse,
    "delete --room TOKEN NUMBER...\ndelete --room TOKEN --by ID",
    "Deletes messages, with their reactions, pins and files, as a moderator does in a client: "
    "members' clients remove them at "
    "their next poll. What is not there is passed over. An ID is a Session id (05...) or a blinded "
    "one (15...).",
    NULL,
    NULL,
    NULL};

static int delete_all(struct cli *cli, struct removing *what)
{
    AUTO_ARENA struct arena *mem = arena_new(SLICE_ARENA_BYTES);
    int64_t removed = REMOVING_MAX, total = 0;
    enum err e = mem ? OK : ERR_NO_MEMORY;
    while (e == OK && removed == REMOVING_MAX) {
        arena_reset(mem);
        e = removing_run(cli->db, mem, what, clock_wall_ms(), &removed);
        total += e == OK ? removed : 0;
        if (what->count > 0)
            break; /* those that were named are one slice */
    }
    cli_tell_servers(cli);
    if (e != OK)
        return cli_store_failed(e);
    (void)printf("deleted %lld\n", (long long)total);
    return CLI_OK;
}

static int run(struct cli *cli, const struct message_arguments *a)
{
    struct room_row room;
    struct person person = {.user = 0};
    int code = cli_find_room(cli, a->room, &room);
    if (code == CLI_OK && a->by)
        code = people_read(cli, a->by, &person);
    if (code != CLI_OK)
        return code;
    enum err e = a->by ? person_find(cli->db, &person) : OK;
    if (e == ERR_MISSING)
        return cli_fail(CLI_FAILED, "nobody with this id has been here");
    if (e != OK)
        return cli_store_failed(e);
    struct removing what = {
        .room = room.id, .ids = a->numbers, .count = a->count, .user = person.user};
    return delete_all(cli, &what);
}

int cli_message(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct message_arguments a = {0};
    cli_parse(&message_argp, argc, argv, &cli, &a);
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    return code == CLI_OK ? run(&cli, &a) : code;
}
