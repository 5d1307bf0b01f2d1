/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of our errors, for logs. Nothing else: texts for people belong to whoever answers them.
 */
#include "base/err.h"

const char *err_name(enum err e)
{
    switch (e) {
    case OK:
        return "ok";
    case ERR_MALFORMED:
        return "malformed";
    case ERR_SEALED:
        return "sealed";
    case ERR_UNKNOWN_CALLER:
        return "unknown_caller";
    case ERR_DENIED:
        return "denied";
    case ERR_MISSING:
        return "missing";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_TOO_LARGE:
        return "too_large";
    case ERR_TOO_EARLY:
        return "too_early";
    case ERR_RETRY:
        return "retry";
    case ERR_BUSY:
        return "busy";
    case ERR_NO_MEMORY:
        return "no_memory";
    case ERR_DEFECT:
        return "defect";
    }
    return "unknown"; /* a number that is none of ours: still a name, never NULL */
}
