/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of callers that have budgets and shares of their own, so that none can use up what is
 * another's.
 */
#ifndef CONCLAVE_BASE_CALLER_KIND_H
#define CONCLAVE_BASE_CALLER_KIND_H

enum caller_kind {
    CALLER_ANONYMOUS, /* does not sign */
    CALLER_STRANGER,  /* signs, and was first seen lately */
    CALLER_MEMBER,
    CALLER_KINDS
};

#endif
