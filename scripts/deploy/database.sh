# shellcheck shell=bash
# The database: questions to it, dumps, and making it anew from one. psql and pg_dump in the Postgres image go to the primary,
# whichever pod that is. Sourced by deploy.sh.

readonly DATABASE=algo_trading_db RESTORING=algo_trading_db_restoring
readonly DUMP_HEAD='^-- PostgreSQL database dump' DUMP_TAIL='^-- PostgreSQL database dump complete'
readonly HEAD_LINES=20 TAIL_LINES=20

database_user() {
  local user
  user=$(ours get secret "$SECRET" -o 'go-template={{.data.DATABASE_USER | base64decode}}')
  printf '%s' "$user"
}

# A pod whose Postgres container answers; psql in it finds the primary.
postgres_pod() {
  local pod
  for pod in $(ours get pods -l app.kubernetes.io/name=postgres -o 'jsonpath={range .items[*]}{.metadata.name}={range .status.conditions[?(@.type=="Ready")]}{.status}{end}{" "}{end}'); do
    if [ "${pod#*=}" = True ]; then
      printf '%s' "${pod%=*}"
      return
    fi
  done
  return 1
}

# query SQL: rows as text, values separated by |.
query() {
  local pod
  pod=$(postgres_pod) || return 1
  ours exec "$pod" -c postgres -- psql -X -q -A -t -v ON_ERROR_STOP=1 -U "$(database_user)" -d "$DATABASE" -c "$1"
}

# Open orders, or that they could not be read: whoever removes the bot has to know.
show_open_orders() {
  local rows
  if ! rows=$(query "SELECT symbol, side, quantity, type, state, client_order_id FROM open_orders ORDER BY seq" 2>/dev/null); then
    tell "open orders could not be read from the database: look at the broker's own page"
  elif [ -z "$rows" ]; then
    tell "no open orders"
  else
    tell "OPEN ORDERS, which stay at the broker (symbol, side, quantity, type, state, id):"
    printf '%s\n' "$rows" | indent
  fi
}

action_backup() {
  local file=${ARGUMENTS[0]} pod
  [ ! -e "$file" ] || wrong "$file is there already: name another file"
  (umask 077 && : >"$file.part") 2>/dev/null || wrong "$file cannot be written"
  pod=$(postgres_pod) || { rm -f "$file.part"; failed "no Postgres pod is ready: ./deploy.sh $ENVIRONMENT status"; }
  if ! ours exec "$pod" -c postgres -- pg_dump -U "$(database_user)" "$DATABASE" >"$file.part" 2>"$WORK/dump" || ! is_whole_dump "$file.part"; then
    rm -f "$file.part"
    failed "the dump is not whole: $(first_error "$WORK/dump")"
  fi
  mv "$file.part" "$file"
  tell "wrote $file, $(wc -c <"$file" | tr -d ' ') bytes. Keep it where the cluster's fall does not reach it"
}

is_dump() { head -n "$HEAD_LINES" "$1" | grep -q "$DUMP_HEAD"; }
is_whole_dump() { is_dump "$1" && tail -n "$TAIL_LINES" "$1" | grep -q "$DUMP_TAIL"; }

action_restore() {
  local file=${ARGUMENTS[0]} pod replicas
  [ -r "$file" ] || wrong "there is no file $file to read"
  is_dump "$file" || wrong "$file is no dump of a database by pg_dump as SQL: it does not begin like one"
  is_whole_dump "$file" || wrong "$file is cut off: the last line of a whole dump says so"
  pod=$(postgres_pod) || failed "no Postgres pod is ready: ./deploy.sh $ENVIRONMENT status"
  replicas=$(field "deployment/$BOT" '{.spec.replicas}')
  if [ "$DRY_RUN" = true ]; then
    tell "would read $file into a new database, stop $replicas bots, put it in the place of $DATABASE, and start them again"
    return
  fi
  show_open_orders
  confirm "$NAMESPACE" "The database of $NAMESPACE becomes what $file has; what it holds now is lost"
  fill_beside "$pod" "$file"
  stop_bots
  swap_databases "$pod"
  start_bots "$replicas"
}

# Reads the dump into a database of its own first, so that a bad one changes nothing. The bot's role may make databases; no superuser's
# password is needed here.
fill_beside() {
  local user
  user=$(database_user)
  tell "reading $2 into a new database"
  if as_user "$1" "$user" -d postgres -c "DROP DATABASE IF EXISTS $RESTORING WITH (FORCE)" -c "CREATE DATABASE $RESTORING" 2>"$WORK/restore" &&
    as_user "$1" "$user" -d "$RESTORING" --single-transaction >/dev/null 2>"$WORK/restore" <"$2"; then return; fi
  as_user "$1" "$user" -d postgres -c "DROP DATABASE IF EXISTS $RESTORING WITH (FORCE)" >/dev/null 2>&1 || true
  failed "the dump has an error, and nothing was changed: $(first_error "$WORK/restore")"
}

swap_databases() {
  as_user "$1" "$(database_user)" -d postgres -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" -c "ALTER DATABASE $RESTORING RENAME TO $DATABASE" 2>"$WORK/restore" ||
    failed "the new database could not take the old one's place: $(first_error "$WORK/restore"). The bots are stopped; restore again"
}

# as_user POD USER PSQL-OPTIONS...: standard input is psql's.
as_user() {
  local pod=$1 user=$2
  shift 2
  ours exec -i "$pod" -c postgres -- psql -X -q -v ON_ERROR_STOP=1 -U "$user" "$@"
}

# With 0 replicas the autoscaler rests.
stop_bots() {
  tell "stopping the bots: they drain first"
  ours scale "deployment/$BOT" --replicas=0 >/dev/null
  ours wait --for=delete pod -l "$BOT_LABEL" --timeout="${TIMEOUT_S}s" >/dev/null 2>"$WORK/wait" ||
    failed "the bots did not stop: $(first_error "$WORK/wait"). Nothing was restored"
}

start_bots() {
  tell "starting $1 bots: they reconcile with the broker before they trade"
  ours scale "deployment/$BOT" --replicas="$1" >/dev/null
  if [ "$TIMEOUT_S" -eq 0 ]; then return; fi
  wait_for_bot || { explain_bot; failed "the database is restored, but the bots do not become ready"; }
  tell "restored"
}
