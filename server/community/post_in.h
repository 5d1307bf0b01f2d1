/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON of a post and of an edit (docs/protocol/community.md, 2.5 and 2.6). For the files of
 * this folder only.
 */
#ifndef CONCLAVE_COMMUNITY_POST_IN_H
#define CONCLAVE_COMMUNITY_POST_IN_H

#include "router/call.h"
#include "writer/writer.h"

/*
 * Everything lands in the call's arena. with_whisper: read whisper_to and whisper_mods too (an edit
 * does not have them). ERR_MALFORMED, ERR_NO_MEMORY.
 */
MUST_USE enum err post_read(struct call *call, bool with_whisper, struct post_in *ret_post);

#endif
