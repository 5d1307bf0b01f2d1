-- Direct messages between members, sealed; kept until they expire or their recipient deletes them.
--
-- Ids are drawn from the version of scope 4: whoever sends holds its row until commit, so ids become visible in order and
-- are never drawn twice, and every process learns the newest id when it compares versions
-- (docs/decisions/0003-direct-messages-in-memory.md).

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.direct_messages (
    id         bigint           PRIMARY KEY CHECK (id > 0),
    sender     bigint           NOT NULL REFERENCES conclave.users ON DELETE CASCADE,
    recipient  bigint           NOT NULL REFERENCES conclave.users ON DELETE CASCADE,
    posted_at  double precision NOT NULL,
    expires_at double precision NOT NULL,
    key_id     bigint           NOT NULL,
    body       bytea            NOT NULL CHECK (octet_length(body) >= 40)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
-- Sealed bytes do not compress: do not try.
ALTER TABLE conclave.direct_messages ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX direct_messages_inbox ON conclave.direct_messages (recipient, id);
CREATE INDEX direct_messages_outbox ON conclave.direct_messages (sender, id);
CREATE INDEX direct_messages_expiry ON conclave.direct_messages (expires_at);
COMMENT ON TABLE conclave.direct_messages IS 'Messages from one member to another. Clients encrypt them for the recipient; we seal them once more.';
COMMENT ON COLUMN conclave.direct_messages.id IS 'As clients know it: grows with every message of the server, never reused.';
COMMENT ON COLUMN conclave.direct_messages.sender IS 'person: who sent it, for the outbox; until it expires or the recipient deletes it';
COMMENT ON COLUMN conclave.direct_messages.recipient IS 'person: whom it is for; until it expires or the recipient deletes it';
COMMENT ON COLUMN conclave.direct_messages.posted_at IS 'person: when it was sent, seconds since 1970; until it expires or the recipient deletes it';
COMMENT ON COLUMN conclave.direct_messages.expires_at IS 'When it is no longer handed out and the next job removes it, seconds since 1970.';
COMMENT ON COLUMN conclave.direct_messages.key_id IS 'The key of ring_keys that the body is sealed with. No foreign key: a key goes only when no row names it.';
COMMENT ON COLUMN conclave.direct_messages.body IS 'person: what was sent, encrypted by its sender, sealed (nonce, ciphertext, tag; bound to sender and recipient); until it expires or the recipient deletes it';

INSERT INTO conclave.versions (scope, id, value) VALUES (4, 0, 0);
