/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sentence per reason. PostgreSQL's own words are not shown: they are in its log, and name
 * hosts and users.
 */
#include "cli/database.h"

#include "base/log.h"
#include "base/stop.h"
#include "cli/cli.h"

enum { RETRY_MS = 500 };

static const char *const sentences[] = {
    [DB_WORKS] = "the database cannot be reached: check [database] url and that PostgreSQL runs",
    [DB_URL_BAD] = "[database] url is not a URL that PostgreSQL understands: it begins with "
                   "postgresql://, as docs/configuration.md shows",
    [DB_HOST_UNKNOWN] = "the database's host name is not known here: check the host in [database] "
                        "url, and name resolution (in containers: that both are in one network)",
    [DB_UNREACHABLE] = "the network does not lead to the database's host: check the host in "
                       "[database] url, routes and firewalls",
    [DB_REFUSED] = "nothing listens at the database's host and port: start PostgreSQL, or check "
                   "the port in [database] url and listen_addresses in postgresql.conf",
    [DB_SOCKET_MISSING] = "there is no socket of PostgreSQL where [database] url looks for it: "
                          "start PostgreSQL, or check the folder after host=",
    [DB_SOCKET_DENIED] =
        "this user may not use PostgreSQL's socket: run as the user of the server, "
        "or check the rights of the folder after host= in [database] url",
    [DB_NO_ANSWER] = "the database does not answer in time: see whether PostgreSQL hangs, its disk "
                     "or host is stuck, or a firewall drops what is sent to it",
    [DB_ROLE_MISSING] = "PostgreSQL does not know the user in [database] url, or does not let it "
                        "log in: create it (CREATE ROLE ... LOGIN), or mend the URL",
    [DB_PASSWORD_WRONG] = "PostgreSQL refuses the password: check user and password in [database] "
                          "url (a user that does not exist is refused with the same words)",
    [DB_NOT_ALLOWED] = "PostgreSQL does not let this user in from here: add a line to its "
                       "pg_hba.conf, or GRANT CONNECT on the database",
    [DB_DATABASE_MISSING] = "PostgreSQL has no database of the name in [database] url: create it "
                            "(CREATE DATABASE), or mend the URL",
    [DB_CONNECTIONS_FULL] = "PostgreSQL has no connection left: raise max_connections (or the "
                            "user's CONNECTION LIMIT), or lower [server] workers",
    [DB_STARTING] = "PostgreSQL is starting up or shutting down: wait, or see its log",
    [DB_READ_ONLY] = "PostgreSQL accepts no writes (a standby, or set to read only): point "
                     "[database] url to the primary, for example with several hosts and "
                     "target_session_attrs=read-write",
    [DB_TLS] = "no encrypted connection to PostgreSQL could be made: check sslmode and the "
               "certificates named in [database] url",
    [DB_DISK_FULL] = "PostgreSQL's disk is full: make space on it",
    [DB_LOST] = "PostgreSQL ended the connection: see its log; it may have crashed and be about to "
                "come back",
    [DB_OTHER] = "the database cannot be reached, for a reason that only PostgreSQL's log tells: "
                 "check [database] url too",
};

const char *database_sentence(enum db_reason reason)
{
    return sentences[reason];
}

int database_unreachable(const struct db *db)
{
    enum db_reason reason = db_reason(db);
    return cli_fail(reason == DB_URL_BAD ? CLI_CONFIGURATION : CLI_DATABASE,
                    database_sentence(reason));
}

static void tell(enum db_reason reason)
{
    const struct log_field fields[] = {{"reason", db_reason_name(reason), 0},
                                       LOG_U64("retry_in_ms", RETRY_MS)};
    log_write(LOG_WARN, "db.waiting", fields, COUNT_OF(fields));
    (void)fprintf(stderr, "conclave: waiting: %s\n", database_sentence(reason));
}

enum err database_wait(struct db *db, int stop_fd)
{
    enum db_reason told = DB_WORKS;
    for (;;) {
        enum err e = db_ensure(db);
        if (e == ERR_MALFORMED)
            (void)database_unreachable(db);
        else if (e == ERR_DENIED)
            (void)cli_fail(CLI_DATABASE, db_refusal(db));
        else if (e == ERR_DEFECT)
            (void)cli_fail(CLI_DATABASE, "the database does not take this program's statements");
        if (e != ERR_BUSY || stop_asked(stop_fd))
            return e;
        if (db_reason(db) != told)
            tell(db_reason(db));
        told = db_reason(db);
        if (stop_wait(stop_fd, RETRY_MS))
            return ERR_BUSY;
    }
}
