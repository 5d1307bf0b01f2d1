-- Messages, reactions to them, and pins.
--
-- A message has up to two events: its data (post, edit, deletion) at seqno_data, its reactions at seqno_reactions
-- (design D17). Reading by events must never walk tombstones, of which a large room has a million; why the indexes are
-- these and no others, and what they measure, stands in docs/decisions/0001-indexes-of-events.md.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.messages (
    id              bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room            bigint           NOT NULL REFERENCES conclave.rooms ON DELETE CASCADE,
    author          bigint           NOT NULL REFERENCES conclave.users,
    posted          double precision NOT NULL,
    edited          double precision,
    seqno_creation  bigint           NOT NULL CHECK (seqno_creation >= 0),
    seqno_data      bigint           NOT NULL CHECK (seqno_data >= seqno_creation),
    seqno_reactions bigint           NOT NULL DEFAULT 0 CHECK (seqno_reactions >= 0),
    seqno           bigint           NOT NULL GENERATED ALWAYS AS (greatest(seqno_data, seqno_reactions)) STORED,
    state           smallint         NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)),
    whisper_to      bigint           REFERENCES conclave.users,
    whisper_mods    boolean          NOT NULL DEFAULT false,
    key_id          bigint           NOT NULL,
    body            bytea            CHECK (octet_length(body) >= 104)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02,
        autovacuum_vacuum_insert_scale_factor = 0.02);
-- Sealed bytes do not compress: do not try.
ALTER TABLE conclave.messages ALTER COLUMN body SET STORAGE EXTERNAL;
-- Live and visible: windows and `since`, by either event; `recent` and `before`, by id.
CREATE INDEX messages_data ON conclave.messages (room, seqno_data)
    WHERE state = 0 AND body IS NOT NULL;
CREATE INDEX messages_reactions ON conclave.messages (room, seqno_reactions)
    WHERE state = 0 AND body IS NOT NULL AND seqno_reactions > seqno_data;
CREATE INDEX messages_live ON conclave.messages (room, id)
    WHERE state = 0 AND body IS NOT NULL;
-- Tombstones: all of them by deletion, and those that a reader at N knows, which are the ones whose life (from creation
-- to deletion) contains N.
CREATE INDEX messages_tombs ON conclave.messages (room, seqno_data)
    WHERE state = 0 AND body IS NULL;
CREATE INDEX messages_lives ON conclave.messages
    USING gist (int8range((room << 40) + seqno_creation, (room << 40) + seqno_data))
    WHERE state = 0 AND body IS NULL;
-- The rate window and everything of one author; the foreign keys to users.
CREATE INDEX messages_author ON conclave.messages (author, room, posted);
CREATE INDEX messages_whisper_to ON conclave.messages (whisper_to)
    WHERE whisper_to IS NOT NULL;
COMMENT ON TABLE conclave.messages IS 'Posts, sealed. A deleted one stays as a tombstone without body, so that readers learn of it.';
COMMENT ON COLUMN conclave.messages.id IS 'Server-wide, as clients know it.';
COMMENT ON COLUMN conclave.messages.room IS 'The room.';
COMMENT ON COLUMN conclave.messages.author IS 'person: who signed it; as long as the message or its tombstone';
COMMENT ON COLUMN conclave.messages.posted IS 'person: when it was posted, seconds since 1970 in whole milliseconds; as long as the message or its tombstone';
COMMENT ON COLUMN conclave.messages.edited IS 'person: when it was last edited, or deleted; as long as the message or its tombstone';
COMMENT ON COLUMN conclave.messages.seqno_creation IS 'The room''s number of the post; 0 while it is held.';
COMMENT ON COLUMN conclave.messages.seqno_data IS 'The number of the last post, edit or deletion.';
COMMENT ON COLUMN conclave.messages.seqno_reactions IS 'The number of the last change of its reactions; 0: never.';
COMMENT ON COLUMN conclave.messages.seqno IS 'The later of both events.';
COMMENT ON COLUMN conclave.messages.state IS '0 visible, 1 filtered (never shown to anybody), 2 held (waits for a moderator).';
COMMENT ON COLUMN conclave.messages.whisper_to IS 'person: the only reader of a whisper; as long as the message or its tombstone';
COMMENT ON COLUMN conclave.messages.whisper_mods IS 'A whisper that all moderators see.';
COMMENT ON COLUMN conclave.messages.key_id IS 'The key of ring_keys that the body is sealed with. No foreign key: its index would cost every post, and keys go only together with all messages of their room.';
COMMENT ON COLUMN conclave.messages.body IS 'person: signature and text, sealed (nonce, ciphertext, tag; bound to room and seqno_creation); until deletion, which makes it NULL';

-- What people say with one sign. The text is sealed like a body, padded to one size, so a copy of the database tells who
-- reacted and when, but not with what. Equal texts of a message are found by opening its few rows, under the room's lock.
CREATE TABLE conclave.reactions (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message bigint NOT NULL REFERENCES conclave.messages ON DELETE CASCADE,
    key_id  bigint NOT NULL,
    text    bytea  NOT NULL CHECK (octet_length(text) = 89),
    users   bigint NOT NULL CHECK (users > 0)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX reactions_message ON conclave.reactions (message, id);
COMMENT ON TABLE conclave.reactions IS 'Reactions that somebody has on a message now. One that nobody has any more goes, and comes last when it is used again.';
COMMENT ON COLUMN conclave.reactions.id IS 'Ascending in the order of first use.';
COMMENT ON COLUMN conclave.reactions.message IS 'The message.';
COMMENT ON COLUMN conclave.reactions.key_id IS 'The key of ring_keys that the text is sealed with. No foreign key, as for messages.';
COMMENT ON COLUMN conclave.reactions.text IS 'The sign, sealed (nonce, padded ciphertext, tag; bound to room and message).';
COMMENT ON COLUMN conclave.reactions.users IS 'How many have it: rows of user_reactions, counted by whoever adds and removes them.';

CREATE TABLE conclave.user_reactions (
    reaction bigint           NOT NULL REFERENCES conclave.reactions ON DELETE CASCADE,
    user_id  bigint           NOT NULL REFERENCES conclave.users,
    seqno    bigint           NOT NULL,
    at       double precision NOT NULL,
    PRIMARY KEY (reaction, user_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
-- The earliest of a reaction, which is all that readers are shown; and the foreign key to users.
CREATE INDEX user_reactions_earliest ON conclave.user_reactions (reaction, seqno);
CREATE INDEX user_reactions_user ON conclave.user_reactions (user_id);
COMMENT ON TABLE conclave.user_reactions IS 'Who has which reaction.';
COMMENT ON COLUMN conclave.user_reactions.reaction IS 'The reaction, which names the message.';
COMMENT ON COLUMN conclave.user_reactions.user_id IS 'person: who reacted, shown to readers; until it is taken back or the message is deleted';
COMMENT ON COLUMN conclave.user_reactions.seqno IS 'The room''s number of it: tells the earliest, whatever the clock did.';
COMMENT ON COLUMN conclave.user_reactions.at IS 'person: when, in seconds since 1970, as readers may ask; until it is taken back or the message is deleted';

CREATE TABLE conclave.pins (
    room      bigint           NOT NULL REFERENCES conclave.rooms ON DELETE CASCADE,
    message   bigint           NOT NULL REFERENCES conclave.messages ON DELETE CASCADE,
    pinned_by bigint           NOT NULL REFERENCES conclave.users,
    pinned_at double precision NOT NULL,
    PRIMARY KEY (room, message)
);
CREATE INDEX pins_message ON conclave.pins (message);
CREATE INDEX pins_pinned_by ON conclave.pins (pinned_by);
COMMENT ON TABLE conclave.pins IS 'Messages that stand at the top of their room.';
COMMENT ON COLUMN conclave.pins.room IS 'The room.';
COMMENT ON COLUMN conclave.pins.message IS 'The message.';
COMMENT ON COLUMN conclave.pins.pinned_by IS 'person: which admin pinned it, shown to readers; until it is unpinned';
COMMENT ON COLUMN conclave.pins.pinned_at IS 'When, in seconds since 1970; readers see pins in this order.';
