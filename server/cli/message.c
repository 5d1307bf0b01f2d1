/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave message delete
 */
#include <assert.h>

#include "base/clock.h"
#include "cli/people.h"
#include "store/removing.h"

static_assert(REMOVING_MAX == 500, "the help below says so");
enum { NUMBERS_MAX = REMOVING_MAX, SLICE_ARENA_BYTES = 16 * 1024 * 1024 };

struct message_options {
    const char *room, *by;
};

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

/* CLI_OK, or the exit code after a sentence. */
static int read_numbers(const struct cli *cli, int64_t numbers[static NUMBERS_MAX])
{
    for (size_t i = 0; i < cli->argument_count; i++)
        if (span_to_i64(span_of_text(cli->arguments[i]), &numbers[i]) != OK)
            return cli_fail(CLI_USAGE, "a message is named by its number, as clients know it");
    return CLI_OK;
}

static int delete_messages(struct cli *cli, const struct message_options *o, const int64_t *numbers)
{
    struct room_row room;
    struct person person = {.user = 0};
    int code = cli_find_room(cli, o->room, &room);
    if (code == CLI_OK && o->by)
        code = people_read(cli, o->by, &person);
    if (code != CLI_OK)
        return code;
    enum err e = o->by ? person_find(cli->db, &person) : OK;
    if (e == ERR_MISSING)
        return cli_fail(CLI_FAILED, "nobody with this id has been here");
    if (e != OK)
        return cli_store_failed(e);
    struct removing what = {
        .room = room.id, .ids = numbers, .count = cli->argument_count, .user = person.user};
    return delete_all(cli, &what);
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct message_options o = {0};
    int64_t numbers[NUMBERS_MAX] = {0};
    (void)command_read(&cli_message, argc, argv, &cli, &o);
    int code = read_numbers(&cli, numbers);
    if (code == CLI_OK)
        code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    return code == CLI_OK ? delete_messages(&cli, &o, numbers) : code;
}

static const char *check(const void *options, size_t argument_count)
{
    const struct message_options *o = options;
    return !o->room || (o->by != NULL) == (argument_count > 0)
               ? "say --room TOKEN, and either numbers or --by ID"
               : NULL;
}

static const struct command_verb verbs[] = {
    {"delete", "--room TOKEN (NUMBER... | --by ID)", 0, NUMBERS_MAX,
     "deletes messages, with their reactions, pins and files",
     "It is as when a moderator does it in a client: members' clients remove them at their next "
     "poll. What is not there is passed over. An ID is a Session id (05...) or a blinded one "
     "(15...). At most 500 numbers at once.",
     check},
};
static const struct command_option options[] = {
    {"room", EVERY_VERB, "TOKEN", "in this room", MEMBER(struct message_options, room)},
    {"by", EVERY_VERB, "ID", "everything that this person posted and uploaded there",
     MEMBER(struct message_options, by)},
};
const struct command cli_message = {
    .name = "message",
    .summary = "delete messages",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
