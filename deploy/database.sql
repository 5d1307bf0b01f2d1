-- SPDX-License-Identifier: GPL-3.0-or-later
-- A role and a database for a conclave of its own, in a PostgreSQL that exists: docs/install.md, "From source, for good".
-- To be run once by a superuser: su - postgres -c psql <deploy/database.sql
--
-- The role comes through the unix socket, as the system user of the same name, without a password. What PostgreSQL logs of
-- it names nobody: no statements, no parameters, no values of the rows that an error is about.
\set ON_ERROR_STOP on
CREATE ROLE conclave LOGIN;
ALTER ROLE conclave SET log_error_verbosity = terse;
ALTER ROLE conclave SET log_min_error_statement = panic;
ALTER ROLE conclave SET log_parameter_max_length_on_error = 0;
ALTER ROLE conclave SET log_statement = none;
ALTER ROLE conclave SET log_min_duration_statement = -1;
CREATE DATABASE conclave OWNER conclave ENCODING 'UTF8' TEMPLATE template0;
