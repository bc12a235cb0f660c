#!/bin/sh
# Gives the roles the passwords of the mounted Secrets: the bot's role, and Patroni's own three. Run on both pods after a Secret
# was changed; it does nothing on the standby. Sessions that are open stay open.
set -eu
. /scripts/pod.sh

# set_password ROLE FILE: by way of psql's own quoting; the password is on no command line and in no log.
set_password() {
  superuser --set role="$1" --set file="$2" <<'END'
SET log_min_error_statement = 'panic';
\set password `cat :'file'`
ALTER ROLE :"role" PASSWORD :'password';
END
}

exists() { [ "$(echo "SELECT count(*) FROM pg_roles WHERE rolname = :'role'" | superuser --set role="$1")" = 1 ]; }

is_primary || { say "$POD_NAME is not the primary: nothing to do here"; exit 0; }
user=$(cat "$SECRETS/DATABASE_USER")
exists "$user" || { say "POSTGRES_USER_UNKNOWN: DATABASE_USER $user is no role of this database, which keeps the name that it was made with: put that back"; exit 2; }
set_password "$user" "$SECRETS/DATABASE_PASSWORD"
set_password postgres "$INTERNAL/SUPERUSER_PASSWORD"
# At the first start Patroni makes these two a moment later, with their passwords.
if exists replicator; then set_password replicator "$INTERNAL/REPLICATION_PASSWORD"; fi
if exists rewinder; then set_password rewinder "$INTERNAL/REWIND_PASSWORD"; fi
say "$POD_NAME: the roles have the passwords of the Secrets"
