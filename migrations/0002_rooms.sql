-- Rooms, the people in them, and what they may do.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE TABLE conclave.rooms (
    id               bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token            text             COLLATE "C" NOT NULL CHECK (token ~ '^[A-Za-z0-9_-]{1,64}$'),
    name             text             NOT NULL CHECK (octet_length(name) <= 512),
    description      text             CHECK (octet_length(description) BETWEEN 1 AND 4096),
    image            bigint,
    created          double precision NOT NULL,
    message_sequence bigint           NOT NULL DEFAULT 0 CHECK (message_sequence >= 0),
    info_updates     bigint           NOT NULL DEFAULT 1 CHECK (info_updates >= 0),
    active_users     bigint           NOT NULL DEFAULT 0 CHECK (active_users >= 0),
    read             boolean          NOT NULL DEFAULT true,
    accessible       boolean          NOT NULL DEFAULT true,
    write            boolean          NOT NULL DEFAULT true,
    upload           boolean          NOT NULL DEFAULT true,
    -- The index of tombstones (0003) packs room and sequence number into one bigint.
    CONSTRAINT rooms_id_fits CHECK (id BETWEEN 1 AND 4194303),
    CONSTRAINT rooms_sequence_fits CHECK (message_sequence < 1099511627776)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE UNIQUE INDEX rooms_token ON conclave.rooms (lower(token));
COMMENT ON TABLE conclave.rooms IS 'One row per room. Whoever draws message numbers locks it until commit, so that numbers become visible in order.';
COMMENT ON COLUMN conclave.rooms.id IS 'Ours; clients know the token.';
COMMENT ON COLUMN conclave.rooms.token IS 'Name in links and paths, in the spelling it was made with; unique in any case.';
COMMENT ON COLUMN conclave.rooms.name IS 'Shown to people.';
COMMENT ON COLUMN conclave.rooms.description IS 'Shown to people; NULL: none.';
COMMENT ON COLUMN conclave.rooms.image IS 'The file that is its picture; NULL: none.';
COMMENT ON COLUMN conclave.rooms.created IS 'Seconds since 1970.';
COMMENT ON COLUMN conclave.rooms.message_sequence IS 'The last number drawn for an event of a message.';
COMMENT ON COLUMN conclave.rooms.info_updates IS 'Counts changes of the room itself. Begins at 1, so that polling with 0 always means all of it.';
COMMENT ON COLUMN conclave.rooms.active_users IS 'How many were seen lately: a cached count.';
COMMENT ON COLUMN conclave.rooms.read IS 'Default: may read.';
COMMENT ON COLUMN conclave.rooms.accessible IS 'Default: may see that the room exists.';
COMMENT ON COLUMN conclave.rooms.write IS 'Default: may post.';
COMMENT ON COLUMN conclave.rooms.upload IS 'Default: may attach files.';

-- Every room has its two versions from its first moment to its last, whoever makes it.
CREATE FUNCTION conclave.rooms_versions() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, conclave, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO conclave.versions (scope, id) VALUES (2, NEW.id), (3, NEW.id);
    ELSE
        DELETE FROM conclave.versions WHERE scope IN (2, 3, 5) AND id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION conclave.rooms_versions() IS 'Makes and removes the versions of a room.';
CREATE TRIGGER rooms_versions AFTER INSERT OR DELETE ON conclave.rooms
    FOR EACH ROW EXECUTE FUNCTION conclave.rooms_versions();

CREATE TABLE conclave.users (
    id               bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id       bytea   NOT NULL UNIQUE CHECK (octet_length(session_id) = 33),
    created_hour     bigint  NOT NULL,
    last_active_hour bigint  NOT NULL,
    banned           boolean NOT NULL DEFAULT false,
    moderator        boolean NOT NULL DEFAULT false,
    admin            boolean NOT NULL DEFAULT false,
    visible_mod      boolean NOT NULL DEFAULT false,
    CONSTRAINT users_admin_moderates CHECK (moderator OR NOT admin),
    CONSTRAINT users_banned_has_no_role CHECK (NOT (banned AND moderator))
) WITH (fillfactor = 80);
CREATE INDEX users_special ON conclave.users (id) WHERE banned OR moderator;
COMMENT ON TABLE conclave.users IS 'Accounts that proved a signature, or that an operator or moderator named.';
COMMENT ON COLUMN conclave.users.id IS 'person: stands for the account in other tables; until nothing refers to the row';
COMMENT ON COLUMN conclave.users.session_id IS 'person: the (blinded) id that messages, roles and bans belong to: prefix byte and key; until nothing refers to the row';
COMMENT ON COLUMN conclave.users.created_hour IS 'person: newcomers wait behind known members under load, hours since 1970; until the row goes';
COMMENT ON COLUMN conclave.users.last_active_hour IS 'person: tells rows that may be purged, hours since 1970; overwritten at the next sight, until the row goes';
COMMENT ON COLUMN conclave.users.banned IS 'person: keeps the account out of the whole server; until it is lifted';
COMMENT ON COLUMN conclave.users.moderator IS 'person: moderates every room; until it is taken back';
COMMENT ON COLUMN conclave.users.admin IS 'person: administers every room; until it is taken back';
COMMENT ON COLUMN conclave.users.visible_mod IS 'person: the global role is shown to everybody; until it is taken back';

CREATE TABLE conclave.permissions (
    room        bigint  NOT NULL REFERENCES conclave.rooms ON DELETE CASCADE,
    user_id     bigint  NOT NULL REFERENCES conclave.users ON DELETE CASCADE,
    banned      boolean NOT NULL DEFAULT false,
    read        boolean,
    accessible  boolean,
    write       boolean,
    upload      boolean,
    moderator   boolean NOT NULL DEFAULT false,
    admin       boolean NOT NULL DEFAULT false,
    visible_mod boolean NOT NULL DEFAULT true,
    PRIMARY KEY (room, user_id),
    CONSTRAINT permissions_admin_moderates CHECK (moderator OR NOT admin),
    CONSTRAINT permissions_banned_has_no_role CHECK (NOT (banned AND moderator))
);
CREATE INDEX permissions_user ON conclave.permissions (user_id);
COMMENT ON TABLE conclave.permissions IS 'What differs from the defaults of a room for one account. Rows that say nothing are deleted.';
COMMENT ON COLUMN conclave.permissions.room IS 'The room.';
COMMENT ON COLUMN conclave.permissions.user_id IS 'person: whom the exception is for; until it is lifted or the room goes';
COMMENT ON COLUMN conclave.permissions.banned IS 'person: keeps the account out of the room; until it is lifted';
COMMENT ON COLUMN conclave.permissions.read IS 'person: may or may not read, NULL: as the room says; until it is lifted';
COMMENT ON COLUMN conclave.permissions.accessible IS 'person: may or may not see the room, NULL: as the room says; until it is lifted';
COMMENT ON COLUMN conclave.permissions.write IS 'person: may or may not post, NULL: as the room says; until it is lifted';
COMMENT ON COLUMN conclave.permissions.upload IS 'person: may or may not attach files, NULL: as the room says; until it is lifted';
COMMENT ON COLUMN conclave.permissions.moderator IS 'person: moderates the room; until it is taken back';
COMMENT ON COLUMN conclave.permissions.admin IS 'person: administers the room; until it is taken back';
COMMENT ON COLUMN conclave.permissions.visible_mod IS 'person: the role is shown to everybody; until it is taken back';

-- An account is known by its 05 id until it first connects, which it does under an id that only it can compute a
-- signature for (protocol 02, 3.9). What was decided about it before waits under the 05 id.
CREATE TABLE conclave.needs_blinding (
    blinded_abs bytea  PRIMARY KEY CHECK (octet_length(blinded_abs) = 33),
    user_id     bigint NOT NULL UNIQUE REFERENCES conclave.users ON DELETE CASCADE
);
COMMENT ON TABLE conclave.needs_blinding IS 'Accounts for which something is stored under their 05 id until they first connect.';
COMMENT ON COLUMN conclave.needs_blinding.blinded_abs IS 'person: the 15 id that the account will connect with, sign bit clear; until it connects';
COMMENT ON COLUMN conclave.needs_blinding.user_id IS 'person: the row of its 05 id, which holds what waits; until it connects';

CREATE TABLE conclave.permission_futures (
    id      bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room    bigint           NOT NULL REFERENCES conclave.rooms ON DELETE CASCADE,
    user_id bigint           NOT NULL REFERENCES conclave.users ON DELETE CASCADE,
    at      double precision NOT NULL,
    read    boolean,
    write   boolean,
    upload  boolean,
    CONSTRAINT permission_futures_say_something CHECK (coalesce(read, write, upload) IS NOT NULL)
);
CREATE INDEX permission_futures_at ON conclave.permission_futures (at, id);
CREATE INDEX permission_futures_whose ON conclave.permission_futures (room, user_id);
CREATE INDEX permission_futures_user ON conclave.permission_futures (user_id);
COMMENT ON TABLE conclave.permission_futures IS 'Changes of permissions that a moderator asked for at a later time; applied rows are deleted.';
COMMENT ON COLUMN conclave.permission_futures.id IS 'Ours: rows of the same time are applied in this order.';
COMMENT ON COLUMN conclave.permission_futures.room IS 'The room.';
COMMENT ON COLUMN conclave.permission_futures.user_id IS 'person: whom the change is for; until it is applied or taken back';
COMMENT ON COLUMN conclave.permission_futures.at IS 'person: when, in seconds since 1970; until it is applied or taken back';
COMMENT ON COLUMN conclave.permission_futures.read IS 'person: may or may not read from then on, NULL: no change; until it is applied or taken back';
COMMENT ON COLUMN conclave.permission_futures.write IS 'person: may or may not post from then on, NULL: no change; until it is applied or taken back';
COMMENT ON COLUMN conclave.permission_futures.upload IS 'person: may or may not attach files from then on, NULL: no change; until it is applied or taken back';

CREATE TABLE conclave.ban_futures (
    id      bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room    bigint           REFERENCES conclave.rooms ON DELETE CASCADE,
    user_id bigint           NOT NULL REFERENCES conclave.users ON DELETE CASCADE,
    at      double precision NOT NULL,
    banned  boolean          NOT NULL
);
CREATE INDEX ban_futures_at ON conclave.ban_futures (at, id);
CREATE INDEX ban_futures_whose ON conclave.ban_futures (room, user_id);
CREATE INDEX ban_futures_user ON conclave.ban_futures (user_id);
COMMENT ON TABLE conclave.ban_futures IS 'Bans that begin, or end, at a later time; applied rows are deleted.';
COMMENT ON COLUMN conclave.ban_futures.id IS 'Ours: rows of the same time are applied in this order.';
COMMENT ON COLUMN conclave.ban_futures.room IS 'The room; NULL: the whole server.';
COMMENT ON COLUMN conclave.ban_futures.user_id IS 'person: who is banned or let in again; until it is applied or taken back';
COMMENT ON COLUMN conclave.ban_futures.at IS 'person: when, in seconds since 1970; until it is applied or taken back';
COMMENT ON COLUMN conclave.ban_futures.banned IS 'person: a ban begins (true) or ends; until it is applied or taken back';

CREATE TABLE conclave.room_users (
    room             bigint NOT NULL REFERENCES conclave.rooms ON DELETE CASCADE,
    user_id          bigint NOT NULL REFERENCES conclave.users ON DELETE CASCADE,
    last_active_hour bigint NOT NULL,
    PRIMARY KEY (room, user_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX room_users_user ON conclave.room_users (user_id);
COMMENT ON TABLE conclave.room_users IS 'Who read a room lately, to count its active users.';
COMMENT ON COLUMN conclave.room_users.room IS 'The room.';
COMMENT ON COLUMN conclave.room_users.user_id IS 'person: who was counted; 30 days after the last sight';
COMMENT ON COLUMN conclave.room_users.last_active_hour IS 'person: the hour of the last sight, hours since 1970; overwritten at the next sight, 30 days';

-- The sealed store (design D13): keys of rows, each wrapped by the storage key, which is not in the database.
CREATE TABLE conclave.ring_keys (
    id      bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    smallint NOT NULL CHECK (kind IN (1, 2, 3)),
    room    bigint   REFERENCES conclave.rooms ON DELETE CASCADE,
    month   integer  NOT NULL,
    wrapped bytea    NOT NULL CHECK (octet_length(wrapped) = 72)
);
-- Not a UNIQUE constraint: the room may be NULL, which would equal nothing.
CREATE UNIQUE INDEX ring_keys_place ON conclave.ring_keys (kind, coalesce(room, 0), month);
CREATE INDEX ring_keys_room ON conclave.ring_keys (room);
COMMENT ON TABLE conclave.ring_keys IS 'Keys of sealed rows, one per kind, room and month. Deleting a room deletes its keys.';
COMMENT ON COLUMN conclave.ring_keys.id IS 'Named by every sealed row.';
COMMENT ON COLUMN conclave.ring_keys.kind IS '1 messages, 2 files, 3 direct messages.';
COMMENT ON COLUMN conclave.ring_keys.room IS 'The room; NULL: files of the file-server half, and direct messages.';
COMMENT ON COLUMN conclave.ring_keys.month IS 'Months since January 1970.';
COMMENT ON COLUMN conclave.ring_keys.wrapped IS 'Nonce, key and tag: XChaCha20-Poly1305 under the storage key, bound to kind, room and month.';
