/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which kind of database it is, and what can be asked of either.
 */
#include "pysogs/source.h"

#include "base/mem.h"

enum { SQL_MAX_BYTES = 1024, URL_MAX_BYTES = 8192 };

/*
 * Far beyond any clock, in seconds and in milliseconds, and still a number that can be reckoned
 * with.
 */
static const double TIME_MAX = 1e13;

struct source {
    const struct source_kind *kind;
    void *handle;
    bool no_time; /* a time that is none was read */
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/*
 * In an address as PySOGS's settings have it three slashes come first, and the path may begin with
 * a fourth.
 */
const char *source_path(const char *where)
{
    static const char scheme[] = "sqlite:///";
    const char *path = begins(where, scheme) ? where + sizeof(scheme) - 1 : where;
    return strstr(path, "://") == NULL ? path : NULL;
}

/*
 * Puts the address as libpq takes it: SQLAlchemy's may name a driver, postgresql+psycopg2://.
 * False: it is none.
 */
static bool put_url(const char *where, struct buf *out)
{
    static const char scheme[] = "postgresql";
    const char *rest = strstr(where, "://");
    bool named = begins(where, "postgresql://") || begins(where, "postgres://") ||
                 (begins(where, "postgresql+") && rest != NULL);
    if (!named)
        return false;
    buf_put_text(out, scheme);
    buf_put_text(out, rest);
    buf_put_byte(out, '\0');
    return buf_verdict(out) == OK;
}

enum err source_open(const char *where, struct source **ret_source, const char **ret_why)
{
    AUTO_BUF struct buf url = buf_make(URL_MAX_BYTES);
    const struct source_kind *kind = &source_sqlite;
    const char *at = source_path(where);
    if (at == NULL && !put_url(where, &url)) {
        *ret_why = "it is neither a file nor a postgresql:// address";
        return ERR_DENIED;
    }
    if (at == NULL) {
        kind = &source_postgres;
        at = (const char *)url.p;
    }
    struct source *s = MEM_NEW(struct source);
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->kind = kind;
    enum err e = kind->open(at, &s->handle, ret_why);
    if (e == OK)
        *ret_source = s;
    else
        mem_free(s);
    return e;
}

void source_close(struct source *s)
{
    if (s == NULL)
        return;
    s->kind->close(s->handle);
    mem_free(s);
}

enum err source_ask(struct source *s, const char *sql)
{
    return s->kind->ask(s->handle, sql);
}

enum err source_next(struct source *s)
{
    return s->kind->next(s->handle);
}

int64_t source_i64(struct source *s, int column)
{
    return s->kind->i64(s->handle, column);
}

double source_f64(struct source *s, int column)
{
    double seconds = s->kind->f64(s->handle, column);
    s->no_time |= !(seconds > -TIME_MAX && seconds < TIME_MAX); /* or NaN */
    return seconds;
}

struct span source_bytes(struct source *s, int column)
{
    return s->kind->bytes(s->handle, column);
}

bool source_ok(const struct source *s)
{
    return !s->no_time && s->kind->ok(s->handle);
}

enum err source_number(struct source *s, const char *sql, int64_t *ret_number)
{
    enum err e = source_ask(s, sql);
    if (e == OK)
        e = source_next(s);
    if (e != OK)
        return e;
    int64_t number = source_i64(s, 0);
    if (!source_ok(s))
        return ERR_DEFECT;
    *ret_number = number;
    return OK;
}

/* Table and column are names of ours. */
static enum err ask_about(struct source *s, const char *const pieces[static 3], const char *first,
                          const char *second, int64_t *ret_number)
{
    AUTO_BUF struct buf sql = buf_make(SQL_MAX_BYTES);
    buf_put_text(&sql, pieces[0]);
    buf_put_text(&sql, first);
    buf_put_text(&sql, pieces[1]);
    buf_put_text(&sql, second);
    buf_put_text(&sql, pieces[2]);
    buf_put_byte(&sql, '\0');
    enum err e = buf_verdict(&sql);
    return e == OK ? source_number(s, (const char *)sql.p, ret_number) : e;
}

enum err source_has(struct source *s, const char *table, const char *column, bool *ret_has)
{
    int64_t count = 0;
    enum err e = ask_about(s, s->kind->has_sql, table, column, &count);
    if (e == OK)
        *ret_has = count > 0;
    return e;
}

enum err source_last_id(struct source *s, const char *table, int64_t *ret_id)
{
    return ask_about(s, s->kind->last_sql, table, table, ret_id);
}

enum err source_state(struct source *s, int64_t *ret_state)
{
    return source_number(s, s->kind->state_sql, ret_state);
}

enum err source_again(struct source *s)
{
    return s->kind->again(s->handle);
}
