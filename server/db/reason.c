/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a connection could not be opened, or ended. libpq tells it in words only, and PostgreSQL in
 * the language of its host: what is looked for here is what is never translated, the SQLSTATE and
 * the name of the routine that refused (both are part of verbose messages), and the texts of libpq
 * and the C library, which this program has in English because it never calls setlocale.
 */
#include "db/internal.h"

#include <string.h>

struct reason_rule {
    const char *sqlstate; /* NULL: libpq's own words */
    const char *words;    /* NULL: whatever the message says */
    enum db_reason reason;
};

/*
 * The first rule that fits counts. A server that answered knows more than the network, so SQLSTATEs
 * come first.
 */
static const struct reason_rule rules[] = {
    {"28P01", NULL, DB_PASSWORD_WRONG},
    {"28000", "InitializeSessionUserId", DB_ROLE_MISSING},
    {"28000", NULL, DB_NOT_ALLOWED},
    {"42501", NULL, DB_NOT_ALLOWED},
    {"3D000", NULL, DB_DATABASE_MISSING},
    {"53300", NULL, DB_CONNECTIONS_FULL},
    {"53100", NULL, DB_DISK_FULL},
    {"XX000", "could not write init file", DB_DISK_FULL}, /* the first connection after a start */
    {"57P01", NULL, DB_STARTING},
    {"57P02", NULL, DB_STARTING},
    {"57P03", NULL, DB_STARTING},
    {"57014", NULL, DB_NO_ANSWER},
    {"25006", NULL, DB_READ_ONLY},
    {NULL, "session is read-only", DB_READ_ONLY},
    {NULL, "server is in hot standby mode", DB_READ_ONLY},
    {NULL, "no password supplied", DB_PASSWORD_WRONG},
    {NULL, "could not translate host name", DB_HOST_UNKNOWN},
    {NULL, "Connection refused", DB_REFUSED},
    {NULL, "No such file or directory", DB_SOCKET_MISSING},
    {NULL, "Permission denied", DB_SOCKET_DENIED},
    {NULL, "No route to host", DB_UNREACHABLE},
    {NULL, "Network is unreachable", DB_UNREACHABLE},
    {NULL, "Connection timed out", DB_NO_ANSWER},
    {NULL, "timeout expired", DB_NO_ANSWER},
    {NULL, "Resource temporarily unavailable", DB_NO_ANSWER},
    {NULL, "SSL", DB_TLS},
    {NULL, "certificate", DB_TLS},
    {NULL, "invalid port number", DB_URL_BAD},
    {NULL, "could not match", DB_URL_BAD},
    {NULL, "invalid sslmode value", DB_URL_BAD},
    {NULL, "server closed the connection", DB_LOST},
    {NULL, "Connection reset", DB_LOST},
    {NULL, "Broken pipe", DB_LOST},
};

static const char *const names[] = {
    [DB_WORKS] = "none",
    [DB_URL_BAD] = "url_bad",
    [DB_HOST_UNKNOWN] = "host_unknown",
    [DB_UNREACHABLE] = "unreachable",
    [DB_REFUSED] = "refused",
    [DB_SOCKET_MISSING] = "socket_missing",
    [DB_SOCKET_DENIED] = "socket_denied",
    [DB_NO_ANSWER] = "no_answer",
    [DB_ROLE_MISSING] = "role_missing",
    [DB_PASSWORD_WRONG] = "password_wrong",
    [DB_NOT_ALLOWED] = "not_allowed",
    [DB_DATABASE_MISSING] = "database_missing",
    [DB_CONNECTIONS_FULL] = "connections_full",
    [DB_STARTING] = "starting",
    [DB_READ_ONLY] = "read_only",
    [DB_TLS] = "tls",
    [DB_DISK_FULL] = "disk_full",
    [DB_LOST] = "lost",
    [DB_OTHER] = "other",
};

const char *db_reason_name(enum db_reason reason)
{
    return names[reason];
}

/* As verbose messages have it: "FATAL:  28P01: ..." (a port may have the same digits). */
static bool has_state(const char *message, const char *sqlstate)
{
    const char *at = strstr(message, sqlstate);
    for (; at != NULL; at = strstr(at + 1, sqlstate))
        if (at >= message + 2 && at[-1] == ' ' && at[-2] == ' ' && at[strlen(sqlstate)] == ':')
            return true;
    return false;
}

enum db_reason db_reason_of_message(const char *message)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        const struct reason_rule *rule = &rules[i];
        if ((rule->sqlstate == NULL || has_state(message, rule->sqlstate)) &&
            (rule->words == NULL || strstr(message, rule->words) != NULL))
            return rule->reason;
    }
    return DB_OTHER;
}

enum db_reason db_reason_of_state(const char *sqlstate)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (rules[i].sqlstate != NULL && strcmp(rules[i].sqlstate, sqlstate) == 0 &&
            rules[i].words == NULL)
            return rules[i].reason;
    return DB_LOST;
}
