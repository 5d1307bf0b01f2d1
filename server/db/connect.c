/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening a connection within a time limit, and saying why it did not open. libpq's own PQconnectdb
 * has a limit too, but cannot be told to stop, and hides the SQLSTATE with which PostgreSQL
 * refused.
 */
#include "db/internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/stop.h"

enum {
    PATIENCE_MS = 5 * SECOND_MS, /* for each address; connect_timeout in the URL says otherwise */
    ADDRESSES_MAX = 4,           /* of one name, waited for one after the other */
    HOSTS_MAX = 16,
    LIST_MAX_BYTES = 1024, /* of the URL's host names */
};

/*
 * Read before the operator's URL, which may say otherwise. A database host that vanished without a
 * word must not hold a worker for the two hours of TCP's defaults.
 */
#define KEEPALIVE                                                                                  \
    {"keepalives_idle", "10"}, {"keepalives_interval", "5"}, {"keepalives_count", "3"},            \
    {                                                                                              \
        "tcp_user_timeout", "20000"                                                                \
    }

struct setting_pair {
    const char *keyword, *value;
};

/* What the URL says of its hosts: lists, separated by commas. An empty text: not said. */
struct hosts {
    char host[LIST_MAX_BYTES], hostaddr[LIST_MAX_BYTES], port[LIST_MAX_BYTES];
    size_t count; /* one, unless there are commas */
    int64_t patience_ms;
};

static size_t commas(const char *list)
{
    size_t count = 0;
    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

static bool copy_list(const char *list, char copy[static LIST_MAX_BYTES])
{
    size_t len = strlen(list);
    if (len >= LIST_MAX_BYTES)
        return false;
    memcpy(copy, list, len + 1);
    return true;
}

/* False: it is no URL (or names more hosts than anybody has). */
static bool read_hosts(const char *url, struct hosts *ret_hosts)
{
    struct hosts h = {.count = 1, .patience_ms = PATIENCE_MS};
    bool ok = true;
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (options == NULL)
        return false;
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, "host") == 0)
            ok = copy_list(o->val, h.host) && ok;
        else if (strcmp(o->keyword, "hostaddr") == 0)
            ok = copy_list(o->val, h.hostaddr) && ok;
        else if (strcmp(o->keyword, "port") == 0)
            ok = copy_list(o->val, h.port) && ok;
        else if (strcmp(o->keyword, "connect_timeout") == 0 && strtol(o->val, NULL, 10) > 0)
            h.patience_ms = strtol(o->val, NULL, 10) * SECOND_MS;
    }
    PQconninfoFree(options);
    size_t names = commas(h.host), addresses = commas(h.hostaddr);
    h.count = 1 + (names > addresses ? names : addresses);
    ok = ok && h.count <= HOSTS_MAX;
    if (ok)
        *ret_hosts = h;
    return ok;
}

/*
 * The n-th element of a list, cut out in place; of a list of one, that one. NULL: nothing is said.
 */
static const char *element(char list[static LIST_MAX_BYTES], size_t n)
{
    if (list[0] == '\0')
        return NULL;
    char *from = list;
    if (commas(list) > 0)
        for (; n > 0; n--) {
            char *comma = strchr(from, ',');
            if (comma == NULL)
                return NULL;
            from = comma + 1;
        }
    from[strcspn(from, ",")] = '\0';
    return from;
}

/* Until it is open or cannot be. False: no address answered in time, or we are to stop. */
static bool wait_open(const struct db *db, PGconn *conn, int64_t patience_ms)
{
    int64_t deadline_ms = clock_mono_ms() + patience_ms;
    bool silent = false;
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    for (int addresses = 1; want == PGRES_POLLING_READING || want == PGRES_POLLING_WRITING;) {
        struct pollfd p[] = {
            {.fd = PQsocket(conn), .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT},
            {.fd = db->options.stop_fd > 0 ? db->options.stop_fd : -1, .events = POLLIN}};
        int64_t left_ms = deadline_ms - clock_mono_ms();
        int n = left_ms > 0 ? poll(p, COUNT_OF(p), (int)left_ms) : 0;
        if (n < 0)
            continue; /* interrupted */
        if (p[1].revents != 0)
            return false;
        if (n == 0) {
            if (addresses++ == ADDRESSES_MAX)
                return false;
            /*
             * An attempt under way fails by this, and libpq goes on to the next address of the
             * name.
             */
            (void)shutdown(p[0].fd, SHUT_RDWR);
            silent = true;
            deadline_ms = clock_mono_ms() + patience_ms;
        }
        want = PQconnectPoll(conn);
    }
    return want == PGRES_POLLING_OK || !silent;
}

/* One host. The connection, or NULL and why not. */
static PGconn *open_host(const struct db *db, struct hosts hosts, size_t n,
                         enum db_reason *ret_reason)
{
    struct setting_pair pairs[] = {
        KEEPALIVE,
        {"dbname", db->options.url},
        {"application_name", "conclave"},
        {"client_encoding", "UTF8"},
        {NULL, NULL},
        {NULL, NULL},
        {NULL, NULL},
        {NULL, NULL},
    };
    const char *keywords[COUNT_OF(pairs)], *values[COUNT_OF(pairs)];
    if (hosts.count > 1) { /* these win over the URL, as they come after it */
        const size_t at = COUNT_OF(pairs) - 4;
        pairs[at] = (struct setting_pair){"host", element(hosts.host, n)};
        pairs[at + 1] = (struct setting_pair){"hostaddr", element(hosts.hostaddr, n)};
        pairs[at + 2] = (struct setting_pair){"port", element(hosts.port, n)};
    }
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        keywords[i] = pairs[i].keyword;
        values[i] = pairs[i].value;
    }
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    if (conn == NULL) {
        *ret_reason = DB_OTHER;
        return NULL;
    }
    (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    bool answered = PQstatus(conn) == CONNECTION_BAD || wait_open(db, conn, hosts.patience_ms);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    *ret_reason = answered ? db_reason_of_message(PQerrorMessage(conn)) : DB_NO_ANSWER;
    PQfinish(conn);
    return NULL;
}

PGconn *db_open(const struct db *db, enum db_reason *ret_reason)
{
    struct hosts hosts;
    *ret_reason = DB_URL_BAD;
    if (!read_hosts(db->options.url, &hosts))
        return NULL;
    PGconn *conn = NULL;
    for (size_t n = 0; n < hosts.count && conn == NULL && !stop_asked(db->options.stop_fd); n++)
        conn = open_host(db, hosts, n, ret_reason);
    return conn;
}
