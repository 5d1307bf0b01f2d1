/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fills a struct conf: defaults, then the file, then the environment, then what must hold between
 * settings. Afterwards nobody changes it.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "conf/conf_load.h"
#include "conf/words.h"

enum { CONF_MAX_BYTES = 1024 * 1024 };
#define QUOTA_DEFAULT_BYTES MIB((size_t)20 * 1024)

const struct setting *conf_load_find(struct span section, struct span key)
{
    size_t count = 0;
    const struct setting *table = conf_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (span_eq_text(section, table[i].section) && span_eq_text(key, table[i].key))
            return &table[i];
    }
    return NULL;
}

void conf_load_value(struct loading *load, const char *where, const struct setting *s,
                     struct span text)
{
    enum err e = conf_value_set(load->conf, s, text);
    if (e == ERR_NO_MEMORY)
        load->no_memory = true;
    if (e == OK || e == ERR_NO_MEMORY)
        return;
    buf_put_text(load->problems, where);
    buf_put_text(load->problems, ": ");
    conf_put_expected(load->problems, s);
    buf_put_text(load->problems, " is needed.\n");
    load->refused = true;
}

/* A default that does not pass its own limits is our defect. */
static enum err set_defaults(struct conf *conf)
{
    size_t count = 0;
    const struct setting *table = conf_table(&count);
    for (size_t i = 0; i < count; i++) {
        enum err e = conf_value_set(conf, &table[i], span_of_text(table[i].fallback));
        if (e != OK)
            return e == ERR_NO_MEMORY ? e : ERR_DEFECT;
    }
    return OK;
}

static void refuse(struct loading *load, const char *sentence)
{
    buf_put_text(load->problems, sentence);
    load->refused = true;
}

static bool is_below(size_t limit, size_t needed)
{
    return limit > 0 && limit < needed;
}

/* Does the rate allow more than `times` the other? */
static bool is_more(struct conf_rate rate, struct conf_rate other, int64_t times)
{
    if (rate.count == 0 || other.count == 0) /* off: said on purpose */
        return false;
    return (double)rate.count * (double)other.per_ms >
           (double)other.count * (double)times * (double)rate.per_ms;
}

/* Strangers are bound by both; members are not, so this is no reason not to start. */
static void warn_of_own_rates(struct loading *load)
{
    enum { WHOLE_SERVER = 10 };
    const struct conf *c = load->conf;
    const struct {
        const char *name;
        struct conf_rate rate;
    } own[] = {{"uploads", c->limits.uploads},
               {"direct_messages", c->limits.dms},
               {"reactions", c->limits.reactions},
               {"edits", c->limits.edits},
               {"deletions", c->limits.deletions}};
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        if (!is_more(own[i].rate, c->limits.strangers_together, WHOLE_SERVER))
            continue;
        buf_put_text(load->problems, "[limits] ");
        buf_put_text(load->problems, own[i].name);
        buf_put_text(load->problems,
                     ": one stranger may do more than [limits] strangers_together allows all of "
                     "them on the whole server.\n");
    }
}

static void check_limits(struct loading *load)
{
    const struct conf *c = load->conf;
    if (c->files.anonymous_share + c->files.strangers_share > 100)
        refuse(load, "[files] anonymous_share and strangers_share must not exceed 100 together: "
                     "they are shares of one quota.\n");
    if (is_below(c->files.anonymous_bytes, c->files.max_bytes) ||
        is_below(c->files.strangers_bytes, c->files.max_bytes) ||
        is_below(c->files.members_bytes, c->files.max_bytes))
        refuse(load, "[files] anonymous_bytes, strangers_bytes and members_bytes must be 0 or at "
                     "least [files] max_bytes: the largest file could never be uploaded.\n");
    if (is_below(c->limits.upload_bytes, c->files.max_bytes))
        refuse(load, "[limits] upload_bytes must be 0 or at least [files] max_bytes: the largest "
                     "file could never be uploaded.\n");
    if (is_below(c->limits.strangers_bytes, c->rooms.message_bytes))
        refuse(load, "[limits] strangers_bytes must be 0 or at least [rooms] message_bytes: the "
                     "longest message could never be sent.\n");
    warn_of_own_rates(load);
}

/* What one row cannot know of another. */
static void check_together(struct loading *load)
{
    const struct conf *c = load->conf;
    if (c->memory.bodies_bytes < c->server.max_body_bytes)
        refuse(load, "[memory] bodies must be at least [server] max_body: the largest request "
                     "could never be read.\n");
    if (c->files.max_bytes > c->server.max_body_bytes)
        refuse(load, "[files] max_bytes must not exceed [server] max_body: the largest file could "
                     "never arrive.\n");
    check_limits(load);
    if (c->files.default_ttl_ms > c->files.max_ttl_ms)
        refuse(load, "[files] default_ttl must not exceed [files] max_ttl.\n");
}

static void read_words(struct loading *load)
{
    struct conf *c = load->conf;
    size_t line = 0;
    if (c->filters.words[0] == '\0')
        return;
    enum err e = words_load(c->filters.words, &c->filters.list, &line);
    if (e == ERR_NO_MEMORY)
        load->no_memory = true;
    if (e == OK || e == ERR_NO_MEMORY)
        return;
    buf_put_text(load->problems, "[filters] words: ");
    if (e == ERR_MALFORMED) {
        buf_put_text(load->problems, "line ");
        buf_put_u64(load->problems, line);
        refuse(load, " is not one word of at most 64 characters.\n");
        return;
    }
    refuse(load, e == ERR_TOO_LARGE ? "a file of at most 1M is needed.\n"
                                    : "this file cannot be read.\n");
}

static enum err derive_public_url(struct conf *conf)
{
    if (conf->server.public_url[0] != '\0')
        return OK;
    AUTO_BUF struct buf url = buf_make(KIB(1));
    buf_put_text(&url, "http://");
    buf_put_text(&url, conf->server.listen.text);
    enum err e = buf_verdict(&url);
    if (e != OK)
        return e;
    const char *text = conf_value_text(conf->mem, buf_span(&url));
    if (text == NULL)
        return ERR_NO_MEMORY;
    conf->server.public_url = text;
    return OK;
}

static struct conf *conf_new(void)
{
    struct arena *mem = arena_new(CONF_MAX_BYTES);
    if (mem == NULL)
        return NULL;
    struct conf *conf = ARENA_NEW(mem, struct conf);
    if (conf == NULL) {
        arena_free(mem);
        return NULL;
    }
    conf->mem = mem;
    return conf;
}

static enum err read_file(struct loading *load, const char *path)
{
    enum err e = conf_file_read(load, path);
    if (e == ERR_MISSING || e == ERR_TOO_LARGE) {
        buf_put_text(load->problems, path);
        buf_put_text(load->problems, e == ERR_MISSING ? ": this settings file cannot be read.\n"
                                                      : ": too large for a settings file.\n");
    }
    return e == ERR_TOO_LARGE ? ERR_MALFORMED : e;
}

static enum err fill(struct conf *conf, const char *path, struct buf *problems)
{
    struct loading load = {.conf = conf, .problems = problems};
    enum err e = set_defaults(conf);
    if (e == OK && path != NULL && path[0] != '\0')
        e = read_file(&load, path);
    if (e != OK)
        return e;
    conf_env_read(&load, environ);
    if (!load.refused && !load.no_memory)
        check_together(&load);
    if (!load.refused && !load.no_memory)
        read_words(&load);
    if (load.no_memory)
        return ERR_NO_MEMORY;
    return load.refused ? ERR_MALFORMED : derive_public_url(conf);
}

enum err conf_load(const char *path_or_null, struct conf **ret_conf, struct buf *problems)
{
    struct conf *conf = conf_new();
    if (conf == NULL)
        return ERR_NO_MEMORY;
    if (path_or_null == NULL)
        path_or_null =
            getenv("CONCLAVE_CONFIG"); /* NOLINT(concurrency-mt-unsafe): before threads start */
    enum err e = fill(conf, path_or_null, problems);
    if (e != OK) {
        conf_free(conf);
        return e;
    }
    *ret_conf = conf;
    return OK;
}

size_t conf_quota_bytes(const struct conf *conf)
{
    return conf->files.quota_bytes != 0 ? conf->files.quota_bytes : QUOTA_DEFAULT_BYTES;
}

void conf_free(const struct conf *conf)
{
    if (conf == NULL)
        return;
    words_free(conf->filters.list);
    arena_free(conf->mem);
}
