-- oldest program: any
--
-- Whether a file is the picture of a room is asked for every file that goes: by us, and by the foreign
-- key of the picture. Without an index each time all rooms are read.

SET LOCAL search_path = pg_catalog, conclave, pg_temp;

CREATE INDEX rooms_image ON conclave.rooms (image) WHERE image IS NOT NULL;
