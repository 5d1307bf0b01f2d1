/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The environment that tells a `conclave` process of a world what to do.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_WORLD_SETTINGS_H
#define CONCLAVE_TESTS_INTEGRATION_WORLD_SETTINGS_H

#include "integration/world.h"

enum { SETTINGS_MAX = 40, OWN_SETTINGS_MAX = 8, SETTING_TEXT_MAX = 400 };

struct world_settings {
    char text[OWN_SETTINGS_MAX][SETTING_TEXT_MAX];
    const char *env[SETTINGS_MAX + 1]; /* into text, options.env and more; NULL-ended */
};

/*
 * A later line of the same name wins: more over options.env over our own. ERR_TOO_LARGE: too many.
 */
MUST_USE enum err world_settings(const struct world *w, size_t server, const char *const *more,
                                 struct world_settings *ret_settings);

/* The path of the world's server program. */
enum { WORLD_PROGRAM_MAX = 512 };
void world_program(const struct world *w, char out[static WORLD_PROGRAM_MAX]);

/*
 * Does no log of the world's servers or its database name one of its accounts? What does is told on
 * stderr.
 */
bool world_is_silent(const struct world *w);

#endif
