/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an id as a caller gives it to a user that we know.
 */
#include "community/people.h"

#include "crypto/blind.h"
#include "crypto/secret.h"
#include "store/users.h"

enum err person_find(struct call *call, const struct session_id *given, int64_t *ret_user,
                     struct session_id *ret_session)
{
    struct session_id candidates[2];
    if (given->b[0] != ID_UNBLINDED)
        return users_find(call->db, given, NULL, 0, ret_user, ret_session);
    /* A key that is no point belongs to nobody. */
    if (blind15_absolute(&call->services->keys->blind15_factor, given, &candidates[0]) != OK)
        return ERR_MISSING;
    candidates[1] = blind15_negate(&candidates[0]);
    return users_find(call->db, given, candidates, COUNT_OF(candidates), ret_user, ret_session);
}
