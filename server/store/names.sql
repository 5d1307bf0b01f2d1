-- SPDX-License-Identifier: GPL-3.0-or-later
-- What the statements of this folder use as :name. In psql: SET search_path = conclave, then
-- \i server/store/names.sql, then \i one of the others.

-- store/messages.h
\set MESSAGE_VISIBLE 0

-- How rows of one owner are asked for in the order of another column: WHERE room :is_owner ORDER BY
-- room, id. Only the index of both columns has this order. With room = $1 ORDER BY id PostgreSQL
-- may as well walk the index of ids past the rows of all other rooms, and does so when it has
-- counted few rooms.
\set is_owner '= ANY(ARRAY[$1::bigint])'
-- At the end of a subquery of such rows, as many as anybody asks for: a LIMIT that is a parameter
-- is taken for a tenth of all rows.
\set own_limit 'LIMIT 256'

-- What message_mac_check_row reads of a message m, its author a and the reader w of a whisper.
\set mac_people 'a.session_id, w.session_id, m.whisper_mods, m.mac'
\set mac_columns 'm.seqno_data, m.state, m.posted, m.edited, ' :mac_people

-- What files_read_blob and files_read_file read (store/files_internal.h).
\set blob_columns 'b.id, b.size, b.key_id, b.chunk_day, b.room, b.blocked, b.by_stranger'
\set file_columns 'f.id, f.uploaded, f.expiry, ' :blob_columns ', f.room'
