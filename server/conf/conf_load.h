/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two sources of settings, file and environment, share while they are read. Inside conf/
 * only.
 */
#ifndef CONCLAVE_CONF_CONF_LOAD_H
#define CONCLAVE_CONF_CONF_LOAD_H

#include "conf/conf.h"
#include "conf/conf_value.h"

struct loading {
    struct conf *conf;
    struct buf *problems;
    bool refused;   /* at least one problem stops the start */
    bool no_memory; /* so does this, without a sentence */
};

/* The row of section and key, or NULL. */
const struct setting *conf_load_find(struct span section, struct span key);
/* One value from either source: sets it, or says "<where>: ... is needed". */
void conf_load_value(struct loading *load, const char *where, const struct setting *s,
                     struct span text);

/*
 * conf_file.c. ERR_MISSING: cannot be read; ERR_TOO_LARGE: no settings file is that large;
 * ERR_NO_MEMORY.
 */
MUST_USE enum err conf_file_read(struct loading *load, const char *path);
/* conf_env.c */
void conf_env_read(struct loading *load, char *const *environment);

#endif
