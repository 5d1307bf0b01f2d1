/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PySOGS's sogs.ini says of where its database, its key and its files are. Paths in it are
 * relative to the folder that PySOGS is started in. Everything else in the file is passed over.
 */
#ifndef CONCLAVE_PYSOGS_SOGS_INI_H
#define CONCLAVE_PYSOGS_SOGS_INI_H

#include <limits.h>

#include "base/buf.h"

enum { SOGS_INI_URL_MAX = 1024 };

struct sogs_ini {
    char database[SOGS_INI_URL_MAX + PATH_MAX]; /* as source_open takes it */
    char folder[PATH_MAX];
    char uploads[PATH_MAX]; /* empty: not said, so uploads/ in the folder */
    char key[PATH_MAX];
};

/*
 * folder: where PySOGS is started; NULL: where the file is. ERR_DENIED, with a static sentence in
 * *ret_why.
 */
MUST_USE enum err sogs_ini_read(const char *path, const char *folder, struct sogs_ini *ret_ini,
                                const char **ret_why);

#endif
