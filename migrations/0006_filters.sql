-- Filters of posts and their automatic replies, for every room or for one. They are rows and not settings because all
-- servers on this database must judge alike, at once.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.filters (
    room             bigint  REFERENCES conclave.rooms ON DELETE CASCADE,
    alphabets        integer CHECK (alphabets BETWEEN 0 AND 7),
    alphabet_silent  boolean,
    profanity        boolean,
    profanity_silent boolean,
    moderators       boolean
);
-- Not a UNIQUE constraint: the room may be NULL, which would equal nothing.
CREATE UNIQUE INDEX filters_place ON conclave.filters (coalesce(room, 0));
COMMENT ON TABLE conclave.filters IS 'What is filtered out of posts and edits. NULL: as for every room; there NULL is the default.';
COMMENT ON COLUMN conclave.filters.room IS 'The room; NULL: every room.';
COMMENT ON COLUMN conclave.filters.alphabets IS 'Letters that are not wanted: 1 Persian, 2 Arabic, 4 Cyrillic, added up. Default 0.';
COMMENT ON COLUMN conclave.filters.alphabet_silent IS 'Their posts seem to succeed but are never shown, instead of being refused. Default true.';
COMMENT ON COLUMN conclave.filters.profanity IS 'Words of the list in [filters] words are not wanted. Default false.';
COMMENT ON COLUMN conclave.filters.profanity_silent IS 'As alphabet_silent, for words. Default true.';
COMMENT ON COLUMN conclave.filters.moderators IS 'Moderators are filtered too. Default false.';

CREATE TABLE conclave.filter_replies (
    room    bigint   REFERENCES conclave.rooms ON DELETE CASCADE,
    type    smallint NOT NULL CHECK (type BETWEEN 0 AND 5),
    texts   text,
    name    text     CHECK (octet_length(name) BETWEEN 1 AND 100),
    public  boolean
);
CREATE UNIQUE INDEX filter_replies_place ON conclave.filter_replies (coalesce(room, 0), type);
COMMENT ON TABLE conclave.filter_replies IS 'What the server answers to a post that was filtered silently. NULL: as the next less special row says.';
COMMENT ON COLUMN conclave.filter_replies.room IS 'The room; NULL: every room.';
COMMENT ON COLUMN conclave.filter_replies.type IS 'Which filter: 0 any, 1 any alphabet, 2 profanity, 3 Persian, 4 Arabic, 5 Cyrillic.';
COMMENT ON COLUMN conclave.filter_replies.texts IS 'Texts, one a line, of which one is chosen by chance; empty: no answer.';
COMMENT ON COLUMN conclave.filter_replies.name IS 'not a person: the name under which the server answers.';
COMMENT ON COLUMN conclave.filter_replies.public IS 'Everybody sees the answer, not only who posted. Default false.';
