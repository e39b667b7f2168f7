#!/bin/sh
# Create the two roles and the database, when PostgreSQL starts with an empty volume.
#
# The owner migrates. The application's role gets its privileges from grants.sql, after a migration.
# Row-level security restricts both roles: neither is a superuser.
set -eu

password_of() {
    url=$(cat "/run/secrets/$1")
    url=${url#*://*:}
    printf '%s' "${url%%@*}"
}

psql --username postgres --no-psqlrc --set ON_ERROR_STOP=1 \
    --set owner_password="$(password_of owner_url)" --set app_password="$(password_of app_url)" <<'SQL'
CREATE ROLE todos_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE todos_app LOGIN PASSWORD :'app_password';
CREATE DATABASE todos OWNER todos_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE todos FROM PUBLIC;
GRANT CONNECT ON DATABASE todos TO todos_app;
SQL
