# shellcheck shell=bash
# secrets rotate: a new password in the Secret and, by the scripts that their pods have, in the data services; then the bots restart one
# after the other with it. The old one works until the bots have the new one. Sourced by deploy.sh.

readonly ROTATED_KEYS="DATABASE_PASSWORD REDIS_PASSWORD"
readonly MOUNTED=/etc/algo-trading/secrets
readonly MOUNT_TIMEOUT_S=180

rotate_secret() {
  local key=${1:-} service
  if [ $# -ne 1 ] || ! includes "$ROTATED_KEYS" "$key"; then
    wrong "secrets rotate needs one of $ROTATED_KEYS; the others are changed by secrets set"
  fi
  case $key in
    DATABASE_PASSWORD) service=postgres ;;
    REDIS_PASSWORD) service=redis ;;
  esac
  [ "$(progress_of "statefulset/$service" 2>/dev/null | cut -d' ' -f1)" = done ] || wrong "all pods of $service have to be ready for this: ./deploy.sh $ENVIRONMENT status"
  put_new_value "$key"
  wait_until_mounted "$key" "$service"
  case $service in
    postgres) run_on_all postgres /scripts/set-passwords.sh ;;
    redis)
      run_on_all redis /scripts/set-password.sh accept
      run_on_all redis /scripts/set-password.sh use
      ;;
  esac
  restart_bots
  if [ "$service" = redis ]; then run_on_all redis /scripts/set-password.sh finish; fi
  tell "$key is a new one"
}

# Given by the environment as for secrets set, else made here.
put_new_value() {
  local value file=$1_FILE
  take_cluster_values
  if [ -n "${!1:-}${!file:-}" ]; then value=$(given_value "$1"); else value=$(random_password); fi
  printf -v "new_$1" '%s' "$value"
  write_values
}

# The kubelet brings a changed Secret into a pod within a minute or two, and at once when the pod itself is changed.
wait_until_mounted() {
  local pod wanted deadline_s
  wanted=$(value_of new "$1" | cksum)
  deadline_s=$(($(now_s) + MOUNT_TIMEOUT_S))
  for pod in $(pods_of "$2"); do
    ours annotate pod "$pod" "algo-trading/secret-changed-at=$(now_s)" --overwrite >/dev/null
    tell "waiting for the new $1 in $pod"
    until [ "$(ours exec "$pod" -c "$2" -- sh -c "cksum <$MOUNTED/$1")" = "$wanted" ]; do
      if [ "$(now_s)" -gt "$deadline_s" ]; then failed "the new $1 did not reach $pod in $MOUNT_TIMEOUT_S s: run it again"; fi
      sleep "$POLL_S"
    done
  done
}

pods_of() { ours get pods -l "app.kubernetes.io/name=$1" -o 'jsonpath={.items[*].metadata.name}'; }

run_on_all() {
  local service=$1 pod
  shift
  for pod in $(pods_of "$service"); do
    ours exec "$pod" -c "$service" -- sh "$@" >&2 || failed "${1##*/} failed in $pod: the old password still works there; mend it and run it again"
  done
}

restart_bots() {
  tell "restarting the bots with it"
  ours rollout restart "deployment/$BOT" --field-manager=deploy.sh >/dev/null
  START_S=$(now_s)
  wait_for "deployment/$BOT" || { explain_bot; failed "the bots did not come up with it: ./deploy.sh $ENVIRONMENT status"; }
}
