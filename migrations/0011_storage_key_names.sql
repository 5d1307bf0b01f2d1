-- oldest program: any
--
-- Ring rows name the storage key that wraps them, so that it can be exchanged while servers run. A
-- name is a hash and tells nothing about its key.

ALTER TABLE conclave.ring_keys ADD COLUMN wrapped_by bytea CHECK (octet_length(wrapped_by) = 8);
COMMENT ON COLUMN conclave.ring_keys.wrapped_by IS 'Name of the storage key that wraps it; NULL: written by a program that knew only one.';

ALTER TABLE conclave.server ADD COLUMN storage_key bytea CHECK (octet_length(storage_key) = 8);
COMMENT ON COLUMN conclave.server.storage_key IS 'Name of the storage key in use, which opens storage_check; NULL before a program that names it has started.';
