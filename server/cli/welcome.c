/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One screen for the operator of a new server. It goes to stdout, apart from the log: it holds a
 * room's token, which no log line may.
 */
#include "cli/welcome.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "store/server.h"

/* public_url as conf.c derives it when it is not set. */
static bool url_is_derived(const struct conf *conf)
{
    struct span url = span_of_text(conf->server.public_url);
    return span_starts_with(url, SPAN("http://")) &&
           span_eq_text(span_skip(url, strlen("http://")), conf->server.listen.text);
}

static void print_identity(const struct conf *conf, const struct server_keys *keys,
                           const struct server_holdings *has)
{
    (void)fputs("\nThis server is new, and ready. Read this once: it is not printed again.\n\n"
                "Public key   ",
                stdout);
    cli_print_hex(stdout, SPAN_OF_KEY(&keys->pub));
    (void)fputs("\nJoin link    ", stdout);
    if (has->rooms == 0) {
        (void)fputs("none yet: there is no room\n", stdout);
        return;
    }
    cli_print_link(stdout, conf, &keys->pub, span_of_text(has->room_token));
    (void)putchar('\n');
    if (has->rooms > 1)
        (void)printf("             It is one of %lld rooms: conclave room list\n",
                     (long long)has->rooms);
    if (url_is_derived(conf))
        (void)puts("             It works on this machine only: [server] public_url is not set.");
}

static void print_keys(const struct conf *conf)
{
    (void)printf(
        "Copy away    %s  its identity: without it every join link is void\n"
        "             %s  opens what is stored: without it nobody reads it again\n"
        "             Keep both apart from the backups of the database. From a container:\n"
        "               docker compose cp server:/var/lib/conclave ./conclave-keys\n",
        conf->server.key_file, conf->server.storage_key_file);
}

static void print_admins(int64_t count)
{
    if (count > 0)
        (void)printf("Admins       %lld, of all rooms: conclave mod list --global\n",
                     (long long)count);
    else
        (void)puts(
            "Admins       none yet. Your id (05 and 64 digits) stands in Session's settings:\n"
            "               conclave mod add 05... --global --admin");
}

static void print_words(const struct conf *conf, const struct server_keys *keys,
                        const struct server_holdings *has)
{
    print_identity(conf, keys, has);
    print_keys(conf);
    (void)puts(
        "Privacy      The running server can read its rooms, and so can whoever controls it.\n"
        "             Messages there are not end-to-end encrypted. Tell your members.");
    print_admins(has->admins);
    (void)puts("Next         conclave room add TOKEN --name \"What people see\"\n"
               "             conclave room qr TOKEN        the join link, and a QR code of it\n"
               "             In a container: docker compose exec server conclave ...\n"
               "             docs/operate.md goes on from here.\n");
    (void)fflush(stdout);
}

void welcome_once(const struct conf *conf, const struct server_keys *keys)
{
    struct db_options options = {.url = conf->database.url,
                                 .origin = DB_COMMAND,
                                 .statement_timeout_ms = 10 * SECOND_MS,
                                 .lock_timeout_ms = 10 * SECOND_MS};
    struct db *db = NULL;
    struct server_holdings has;
    bool welcomed = true;
    enum err e = db_new(&options, &db);
    if (e == OK)
        e = db_ensure(db);
    if (e == OK)
        e = server_welcomed(db, &welcomed);
    if (e == OK && !welcomed)
        e = server_holdings(db, span_of_text(conf->server.first_room), &has);
    if (e == OK && !welcomed) {
        print_words(conf, keys, &has);
        e = server_set_welcomed(db);
    }
    (void)e; /* then the next start says it again */
    db_free(db);
}
