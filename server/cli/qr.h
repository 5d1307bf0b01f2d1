/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A room's join link as a QR code for the terminal.
 */
#ifndef CONCLAVE_CLI_QR_H
#define CONCLAVE_CLI_QR_H

#include "cli/cli.h"

/* Prints the link and its code on stdout. Returns an exit code. */
MUST_USE int qr_print(const struct conf *conf, const struct x25519_pub *key, struct span token);

#endif
