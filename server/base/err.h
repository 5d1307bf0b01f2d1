/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one error enum of conclave: small and closed, for our own control flow.
 *
 * Every fallible function returns it and is MUST_USE; outputs (ret_...) are untouched unless OK.
 * Where the protocol names an exact status and text, the handler sets those in its reply instead.
 */
#ifndef CONCLAVE_BASE_ERR_H
#define CONCLAVE_BASE_ERR_H

enum err {
    OK = 0,
    ERR_MALFORMED,      /* input that breaks its own format: theirs */
    ERR_SEALED,         /* a ciphertext that does not open under our key */
    ERR_UNKNOWN_CALLER, /* no identity, or one that did not prove itself */
    ERR_DENIED,         /* known, but not allowed */
    ERR_MISSING,        /* no such thing */
    ERR_CONFLICT,       /* the thing exists already, or changed meanwhile */
    ERR_TOO_LARGE,      /* over a ceiling given beforehand */
    ERR_TOO_EARLY,      /* replayed, or stamped too far from now (status 425) */
    ERR_RETRY,     /* try again: a serialization failure, or "run again where SQL is allowed" */
    ERR_BUSY,      /* no capacity now, or the database is away */
    ERR_NO_MEMORY, /* an allocation failed or the request's own ceiling was reached */
    ERR_DEFECT,    /* our own bug, or a schema that is not what we were built for */
};

/* A static name such as "malformed", for logs. Never NULL. Any thread. */
const char *err_name(enum err e);

#endif
