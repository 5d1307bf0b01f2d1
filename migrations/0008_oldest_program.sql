-- oldest program: any
--
-- Which programs may serve a schema that is newer than they are. A migration that only adds says "oldest program: any" in
-- a line like the first of this file; one that takes away or changes what an older program uses names the first program
-- that can do without, by the number of migrations it knows.

ALTER TABLE conclave.schema_migrations ADD COLUMN oldest_program integer;
COMMENT ON COLUMN conclave.schema_migrations.oldest_program IS 'The fewest migrations that a program must know to serve the schema after this one; 0 when any may, NULL for those before 0008.';
COMMENT ON TABLE conclave.schema_migrations IS 'Migrations that were applied. A server starts on its own set, or on a newer one whose additional migrations admit it.';
