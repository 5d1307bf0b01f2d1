/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings from the environment: CONCLAVE_<SECTION>_<KEY>. A misspelt key of a section of ours
 * stops the start; other CONCLAVE_* variables belong to the scripts around us and get one warning
 * together.
 */
#include "conf/conf_load.h"

static const char prefix[] = "CONCLAVE_";

static uint8_t upper(char c)
{
    return (uint8_t)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* If name starts with the upper-case form of word, what follows it, else NULL. */
static const char *after_word(const char *name, const char *word)
{
    for (; *word != '\0'; word++, name++) {
        if ((uint8_t)*name != upper(*word))
            return NULL;
    }
    return name;
}

/* "SERVER_LISTEN=..." against one section: what follows "SERVER_", or NULL. */
static const char *after_section(const char *name, const char *section)
{
    const char *rest = after_word(name, section);
    return rest != NULL && *rest == '_' ? rest + 1 : NULL;
}

/* The row whose variable this is, or NULL; *ret_section_known even if the key is not. */
static const struct setting *find(const char *name, const char **ret_value, bool *ret_section_known)
{
    size_t count = 0;
    const struct setting *table = conf_table(&count);
    *ret_section_known = false;
    for (size_t i = 0; i < count; i++) {
        const char *key = after_section(name, table[i].section);
        if (key == NULL)
            continue;
        *ret_section_known = true;
        const char *end = after_word(key, table[i].key);
        if (end != NULL && *end == '=') {
            *ret_value = end + 1;
            return &table[i];
        }
    }
    return NULL;
}

static void put_name(struct buf *out, const char *entry)
{
    struct span s = span_of_text(entry);
    buf_put(out, span_first(s, span_find(s, '=')));
}

static void read_entry(struct loading *load, const char *entry, struct buf *strangers)
{
    const char *name = entry + strlen(prefix);
    const char *value = NULL;
    bool section_known = false;
    const struct setting *s = find(name, &value, &section_known);
    if (s == NULL && section_known) {
        put_name(load->problems, entry);
        buf_put_text(load->problems, ": there is no such setting.\n");
        load->refused = true;
    } else if (s == NULL) {
        buf_put_text(strangers, strangers->len == 0 ? "" : ", ");
        put_name(strangers, entry);
    } else if (*value != '\0') {
        /* An empty variable counts as unset: compose files write KEY=${KEY:-}. */
        const char *where =
            conf_value_text(load->conf->mem, span_of(entry, (size_t)(value - entry) - 1));
        if (where == NULL)
            load->no_memory = true;
        else
            conf_load_value(load, where, s, span_of_text(value));
    }
}

void conf_env_read(struct loading *load, char *const *environment)
{
    AUTO_BUF struct buf strangers = buf_make(KIB(4));
    for (; environment != NULL && *environment != NULL; environment++) {
        struct span entry = span_of_text(*environment);
        if (span_starts_with(entry, SPAN("CONCLAVE_")) &&
            !span_starts_with(entry, SPAN("CONCLAVE_CONFIG=")))
            read_entry(load, *environment, &strangers);
    }
    if (strangers.len > 0) {
        buf_put_text(load->problems, "warning: not settings of the server, ignored: ");
        buf_put(load->problems, buf_span(&strangers));
        buf_put_text(load->problems, ".\n");
    }
}
