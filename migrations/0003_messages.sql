-- Messages and pins.
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
