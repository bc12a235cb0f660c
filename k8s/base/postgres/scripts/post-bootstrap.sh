#!/bin/sh
# Run once, by Patroni, on the primary of a new cluster: the bot's role and its database.
set -eu
. /scripts/pod.sh

# CREATEDB, so that the bot's own role can drop its database and make it anew for a restore; no other right.
superuser --set user="$(cat "$SECRETS/DATABASE_USER")" --set database="$DATABASE_NAME" <<'END'
CREATE ROLE :"user" LOGIN CREATEDB;
CREATE DATABASE :"database" OWNER :"user";
END
exec /bin/sh /scripts/set-passwords.sh
