/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the text of one setting to its checked, typed value. Inside conf/ only.
 */
#ifndef CONCLAVE_CONF_CONF_VALUE_H
#define CONCLAVE_CONF_CONF_VALUE_H

#include "base/arena.h"
#include "base/span.h"
#include "conf/conf.h"

/*
 * Writes the value into its field of conf; what it points to is allocated from conf->mem. The field
 * is untouched unless OK. ERR_MALFORMED: the text is no such value or outside its limits.
 * ERR_NO_MEMORY.
 */
MUST_USE enum err conf_value_set(struct conf *conf, const struct setting *s, struct span text);
/* The span as NUL-terminated text in mem; NULL without memory. The span holds no NUL. */
const char *conf_value_text(struct arena *mem, struct span text);

#endif
