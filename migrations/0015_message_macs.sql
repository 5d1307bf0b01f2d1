-- oldest program: any
--
-- What a database says about a message, beside its sealed body, is authenticated: whoever can write
-- into the database could else make a whisper public or give a post to another author. SQL has no
-- key, so rows that are here get their MACs from the jobs; an older program goes on without them
-- until the jobs are through (docs/decisions/0059-macs-of-messages.md).

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

ALTER TABLE conclave.messages ADD COLUMN mac bytea CHECK (octet_length(mac) = 16);
COMMENT ON COLUMN conclave.messages.mac IS 'A keyed hash of room, author, whisper, state, times, numbers and seal of the body; NULL: a tombstone, or not made yet.';
-- What the jobs still have to do. A post is never in it.
CREATE INDEX messages_without_mac ON conclave.messages (id) WHERE mac IS NULL AND body IS NOT NULL;

-- An older program edits and deletes without knowing of the column.
CREATE FUNCTION conclave.message_mac_ends() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    NEW.mac := NULL;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION conclave.message_mac_ends() IS 'The message is not what its MAC says any more.';
CREATE TRIGGER message_mac_ends BEFORE UPDATE OF seqno_data ON conclave.messages
    FOR EACH ROW WHEN (OLD.mac IS NOT NULL AND NEW.mac IS NOT DISTINCT FROM OLD.mac
                       AND NEW.seqno_data IS DISTINCT FROM OLD.seqno_data)
    EXECUTE FUNCTION conclave.message_mac_ends();
