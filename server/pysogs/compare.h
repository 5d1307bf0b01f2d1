/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last look of an import, before anything is final: is everything here that was there, and has
 * the old server written nothing meanwhile? Inside pysogs/ only.
 */
#ifndef CONCLAVE_PYSOGS_COMPARE_H
#define CONCLAVE_PYSOGS_COMPARE_H

#include "pysogs/import.h"

/* Reads all of ours, as an export would write it, and compares. ERR_DENIED: said. */
MUST_USE enum err compare_rows(struct import *im);
/* ERR_DENIED: said; the old server is in use. */
MUST_USE enum err compare_source(struct import *im);

#endif
