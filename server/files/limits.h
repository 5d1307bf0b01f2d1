/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What keeps uploads in bounds, beside the quotas that are counted in the database: the switch, the
 * rates, the free space, and the look at the type. Made by app.c, used by the handlers of files/ on
 * any thread.
 */
#ifndef CONCLAVE_FILES_LIMITS_H
#define CONCLAVE_FILES_LIMITS_H

#include "router/call.h"

struct conf;
struct sniffer;
struct files;

/* ERR_MISSING: libmagic's database does not load. conf outlives it. */
MUST_USE enum err files_new(const struct conf *conf, struct files **ret_files);
void files_free(struct files *f); /* NULL is harmless */
struct sniffer *files_sniffer(struct files *f);

/*
 * Everything an upload can be refused for, whatever half it is of. Each has one status and one
 * counter (limits.c).
 */
enum upload_refusal {
    UPLOAD_TOO_LARGE, /* or, on the file server, empty */
    UPLOAD_BAD_TTL,
    UPLOAD_OFF,
    UPLOAD_TOO_OFTEN,
    UPLOAD_DISK_FULL,
    UPLOAD_QUOTA,
    UPLOAD_ROOM_QUOTA,
    UPLOAD_TYPE,
    UPLOAD_BLOCKED,
    UPLOAD_BUSY,
};
/*
 * Writes the refusal: {"status_code":N} on the file server, a sentence in rooms; counts it. Returns
 * OK.
 */
MUST_USE enum err files_refuse(struct call *call, enum upload_refusal why);

/*
 * The switch, the rates and the free space, in that order, before anything costs much; counts the
 * upload. False: refused, and written.
 */
MUST_USE bool files_admit(struct call *call);
/* More time for a file of that size, which counts as another upload of it does. */
MUST_USE bool files_admit_extension(struct call *call, int64_t bytes);
/*
 * Why the database did not take it: ERR_BUSY or ERR_CONFLICT of a put, as a refusal. Others are
 * returned as they are.
 */
MUST_USE enum err files_refuse_error(struct call *call, enum err e);

#endif
