# shellcheck shell=bash
# The two secrets. algo-trading-secrets has the five keys that people give; postgres-internal has Patroni's own passwords, made once.
# Values never appear on the screen or on a command line. Sourced by deploy.sh.

readonly SECRET=algo-trading-secrets SECRET_FILE=k8s/base/k8s-deployment.yaml
readonly SECRET_KEYS="DATABASE_USER DATABASE_PASSWORD REDIS_PASSWORD ALPACA_API_KEY ALPACA_SECRET_KEY"
# Redis and PostgreSQL have these on their volumes too: changing the Secret alone would lock the bot out.
readonly STORED_KEYS="DATABASE_USER DATABASE_PASSWORD REDIS_PASSWORD"
readonly INTERNAL_SECRET=postgres-internal
readonly INTERNAL_KEYS="SUPERUSER_PASSWORD REPLICATION_PASSWORD REWIND_PASSWORD"
readonly DATABASE_USER_DEFAULT=algo_trader
readonly PASSWORD_LENGTH=32
# A Secret as KEY=VALUE lines, whichever way its values are written.
# shellcheck disable=SC2016 # the template's own variables
readonly SECRET_LINES='{{range $key, $value := .data}}{{$key}}={{$value | base64decode}}{{"\n"}}{{end}}{{range $key, $value := .stringData}}{{$key}}={{$value}}{{"\n"}}{{end}}'

# What stands in files and guides until somebody puts a real value there.
is_placeholder() {
  case $1 in
    '' | CHANGE_ME* | CHANGEME* | change_me* | change-me* | changeme* | REPLACE_ME* | your-* | '<'*'>' | SecurePass123 | SecurePass456) return 0 ;;
    *) return 1 ;;
  esac
}

random_password() {
  local text
  text=$(head -c 256 /dev/urandom | base64 | tr -dc 'A-Za-z0-9')
  printf '%s' "${text:0:$PASSWORD_LENGTH}"
}

# Reads KEY=VALUE lines into PREFIX_KEY. Usage: keep_values PREFIX <LINES
keep_values() {
  local line
  while IFS= read -r line; do
    if includes "$SECRET_KEYS" "${line%%=*}"; then printf -v "$1_${line%%=*}" '%s' "${line#*=}"; fi
  done
}

value_of() { local name=$1_$2; printf '%s' "${!name:-}"; }

read_cluster_secret() {
  local key lines
  for key in $SECRET_KEYS; do printf -v "cluster_$key" '%s' ''; done
  lines=$(ours get secret "$SECRET" --ignore-not-found -o "go-template=$SECRET_LINES") ||
    wrong "the secret $SECRET cannot be read: your account needs to get secrets in the namespace $NAMESPACE"
  keep_values cluster <<<"$lines"
}

# The Secret of the manifests as people edit it; the overlays leave it out.
read_file_secret() {
  local key lines
  for key in $SECRET_KEYS; do printf -v "file_$key" '%s' ''; done
  documents "$ROOT/$SECRET_FILE" Secret >"$WORK/secret.yaml"
  if [ ! -s "$WORK/secret.yaml" ]; then return; fi
  lines=$(kube create --dry-run=client -f "$WORK/secret.yaml" -o "go-template=$SECRET_LINES" 2>"$WORK/secret.error") || wrong "the Secret in $SECRET_FILE cannot be read: $(first_error "$WORK/secret.error")"
  keep_values file <<<"$lines"
}

# Decides every key: the file's value when somebody has edited it, else the cluster's, else in development a new one. Sets new_KEY,
# SECRET_CHANGED and, for the screen, where each comes from. Nothing is applied.
plan_secrets() {
  local key missing=''
  SECRET_CHANGED=''
  read_cluster_secret
  read_file_secret
  for key in $SECRET_KEYS; do
    plan_key "$key" || missing="$missing $key"
  done
  if [ -n "$missing" ]; then
    wrong "secret $SECRET has no real value for$missing: edit $SECRET_FILE, or ./deploy.sh $ENVIRONMENT secrets set$missing, or kubectl create secret"
  fi
  refuse_lost_secret
}

plan_key() {
  local file cluster
  file=$(value_of file "$1") cluster=$(value_of cluster "$1")
  if [ "$1" = DATABASE_USER ] && [ "$file" = "$DATABASE_USER_DEFAULT" ] && [ -n "$cluster" ]; then file=''; fi
  if ! is_placeholder "$file"; then
    printf -v "new_$1" '%s' "$file"
    if [ "$file" != "$cluster" ]; then
      refuse_stored_change "$1" "$cluster"
      SECRET_CHANGED="$SECRET_CHANGED $1"
    fi
  elif [ -n "$cluster" ] && { [ "$ENVIRONMENT" = dev ] || ! is_placeholder "$cluster"; }; then
    printf -v "new_$1" '%s' "$cluster"
  elif [ "$ENVIRONMENT" = dev ]; then
    printf -v "new_$1" '%s' "$(random_password)"
    SECRET_CHANGED="$SECRET_CHANGED $1"
  else
    return 1
  fi
}

# The value that is in use may only be changed together with what is on the volumes.
refuse_stored_change() {
  if [ -n "$2" ] && includes "$STORED_KEYS" "$1" && volumes_exist; then
    wrong "$1 is another one in $SECRET_FILE than on the cluster, where the data services use it: put CHANGE_ME there, and use ./deploy.sh $ENVIRONMENT secrets rotate"
  fi
}

volumes_exist() { exists persistentvolumeclaim/data-postgres-0; }

# A volume whose passwords are gone cannot be opened with new ones.
refuse_lost_secret() {
  local name
  volumes_exist || return 0
  for name in "$SECRET" "$INTERNAL_SECRET"; do
    exists "secret/$name" ||
      wrong "the volume data-postgres-0 is there but the secret $name, which opens it, is not: bring the secret back, or ./deploy.sh $ENVIRONMENT delete --volumes"
  done
}

apply_secrets() {
  local key
  if [ -n "$SECRET_CHANGED" ]; then
    tell "secret $SECRET: setting$SECRET_CHANGED"
    write_values
  fi
  if ! exists "secret/$INTERNAL_SECRET"; then
    tell "secret $INTERNAL_SECRET: made, with passwords of Patroni's own"
    { for key in $INTERNAL_KEYS; do printf '%s=%s\n' "$key" "$(random_password)"; done; } | write_secret "$INTERNAL_SECRET"
  fi
}

# Every key that has a value.
write_values() {
  local key value
  for key in $SECRET_KEYS; do
    value=$(value_of new "$key")
    if [ -n "$value" ]; then printf '%s=%s\n' "$key" "$value"; fi
  done | write_secret "$SECRET"
}

# Standard input: KEY=VALUE lines; goes to the API server on standard input, too.
write_secret() {
  local line
  {
    printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  labels:\n    %s\ntype: Opaque\ndata:\n' "$1" "${PART_OF/=/: }"
    while IFS= read -r line; do
      printf '  %s: %s\n' "${line%%=*}" "$(printf '%s' "${line#*=}" | base64 | tr -d '\n')"
    done
  } | ours apply --server-side --force-conflicts --field-manager=deploy.sh -f - >/dev/null 2>"$WORK/secret.error" ||
    wrong "secret $1 cannot be written: $(first_error "$WORK/secret.error")"
}

action_secrets() {
  local what=${ARGUMENTS[0]:-show}
  case $what in
    show) show_secrets ;;
    set) set_secrets "${ARGUMENTS[@]:1}" ;;
    rotate) rotate_secret "${ARGUMENTS[@]:1}" ;;
    *) wrong "secrets knows set and rotate, not '$what'" ;;
  esac
}

show_secrets() {
  local key
  read_cluster_secret
  for key in $SECRET_KEYS; do printf '%-20s %s\n' "$key" "$(describe_value "$(value_of cluster "$key")")"; done
  printf '%-20s %s\n' "$INTERNAL_SECRET" "$(exists "secret/$INTERNAL_SECRET" && echo set || echo 'missing; apply makes it')"
}

describe_value() {
  if [ -z "$1" ]; then echo missing
  elif is_placeholder "$1"; then echo 'a placeholder'
  else echo set; fi
}

set_secrets() {
  local key value
  [ $# -gt 0 ] || wrong "secrets set needs keys: $SECRET_KEYS"
  take_cluster_values
  for key in "$@"; do
    includes "$SECRET_KEYS" "$key" || wrong "there is no key '$key': the keys are $SECRET_KEYS"
    value=$(given_value "$key")
    if [ "$ENVIRONMENT" != dev ] && is_placeholder "$value"; then wrong "the value of $key is a placeholder"; fi
    if [ "$value" != "$(value_of cluster "$key")" ] && [ -n "$(value_of cluster "$key")" ] && includes "$STORED_KEYS" "$key" && volumes_exist; then
      wrong "$key is in use by the data services: ./deploy.sh $ENVIRONMENT secrets rotate $key changes it in both places"
    fi
    printf -v "new_$key" '%s' "$value"
  done
  if [ -z "$(value_of new DATABASE_USER)" ]; then keep_values new <<<"DATABASE_USER=$DATABASE_USER_DEFAULT"; fi
  ensure_namespace
  write_values
  tell "set: $*. Pods read it when they start: kubectl rollout restart deployment/$BOT -n $NAMESPACE"
}

# Every new_KEY as the cluster has it, to be changed one by one.
take_cluster_values() {
  local key
  read_cluster_secret
  for key in $SECRET_KEYS; do printf -v "new_$key" '%s' "$(value_of cluster "$key")"; done
}

# From the environment variable KEY or the file that KEY_FILE names.
given_value() {
  local file=$1_FILE value=${!1:-}
  if [ -z "$value" ] && [ -n "${!file:-}" ]; then
    [ -r "${!file}" ] || wrong "the file ${!file} of $file cannot be read"
    value=$(cat "${!file}")
  fi
  [ -n "$value" ] || wrong "$1 is not set: give its value in the environment variable $1, or the name of a file in $file"
  case $value in *$'\n'*) wrong "the value of $1 has more than one line" ;; esac
  printf '%s' "$value"
}
