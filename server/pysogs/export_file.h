/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file of a room goes into the folder of a PySOGS. Inside pysogs/ only.
 */
#ifndef CONCLAVE_PYSOGS_EXPORT_FILE_H
#define CONCLAVE_PYSOGS_EXPORT_FILE_H

#include "pysogs/export.h"

/*
 * The rest of a row of files, after its id and room. ERR_MISSING: its time is over. Else as
 * export_run.
 */
MUST_USE enum err export_file(struct export *ex, const struct row *row);

#endif
