/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of inner routes: what can be reached inside an onion request.
 */
#ifndef CONCLAVE_ROUTES_H
#define CONCLAVE_ROUTES_H

#include "router/dispatch.h"

extern const struct route inner_routes[];
extern const size_t inner_route_count;

#endif
