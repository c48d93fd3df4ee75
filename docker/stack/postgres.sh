#!/bin/sh
# Two databases, each with an owner of its own; runs once, when the server's directory is made.
set -eu
for name in airflow galley; do
    eval "password=\$POSTGRES_$(echo $name | tr a-z A-Z)_PASSWORD"
    psql --quiet --set ON_ERROR_STOP=1 --set name="$name" --set password="$password" \
        --username "${POSTGRES_USER:-postgres}" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
