# shellcheck shell=bash
# What people look at: status, logs, and the ports on this machine. Sourced by deploy.sh.

readonly LOG_TAIL=100 LOG_PODS_MAX=20
readonly LOCAL_PORTS="8000 8001 9090"
# The autoscaler has figures of new pods after about a minute; without any for longer than this something is wrong.
readonly FIGURES_S=120

action_status() {
  exists "deployment/$BOT" || wrong "nothing is deployed in $NAMESPACE yet: ./deploy.sh $ENVIRONMENT apply"
  printf 'environment %s, namespace %s, context %s\nimage %s\n' "$ENVIRONMENT" "$NAMESPACE" "$CONTEXT" "$(running_image "deployment/$BOT" "$BOT")"
  section "Workloads" deployments,statefulsets -l "$PART_OF"
  section "Pods" pods -l "$PART_OF" -o wide
  if has_autoscaler; then section "Autoscaler" horizontalpodautoscalers; fi
  section "Services" services -l "$PART_OF"
  printf '\nWho leads\n'
  show_leaders
  printf '\nWhat is wrong\n'
  find_trouble >"$WORK/trouble"
  if [ ! -s "$WORK/trouble" ]; then
    echo "  nothing"
    return
  fi
  sed 's/^/  /' "$WORK/trouble"
  exit "$EXIT_FAILED"
}

section() {
  printf '\n%s\n' "$1"
  shift
  ours get "$@" 2>&1 | sed 's/^/  /'
}

show_leaders() {
  printf '  PostgreSQL: primary %s, synchronous standby %s\n' "$(or_none "$(postgres_primary)")" "$(or_none "$(postgres_standby)")"
  printf '  Redis: master %s\n' "$(or_none "$(redis_master)")"
  printf '  Trading: %s\n' "$(or_none "$(trading_owner)")"
}

or_none() { printf '%s' "${1:-none}"; }

# Patroni writes its leader and its synchronous standby on Endpoints.
postgres_primary() { field endpoints/postgres-primary '{.metadata.annotations.leader}' 2>/dev/null || true; }
postgres_standby() { field endpoints/postgres-primary-sync '{.metadata.annotations.sync_standby}' 2>/dev/null || true; }

# Any Sentinel that answers knows the master's address, which is that of one of the Services redis-node-N.
redis_master() {
  local pod address
  for pod in redis-0 redis-1 redis-2; do
    # shellcheck disable=SC2016 # the pod's shell reads the password
    address=$(ours exec "$pod" -c sentinel -- sh -c 'REDISCLI_AUTH=$(cat /run/redis/password) timeout 5 redis-cli -p 26379 sentinel get-master-addr-by-name mymaster' 2>/dev/null | head -1 | tr -d '\r') || continue
    matches "$address" '^[0-9a-f.:]+$' || continue
    ours get services -o 'jsonpath={range .items[*]}{.spec.clusterIP}{" "}{.metadata.name}{"\n"}{end}' | sed -n "s/^$address redis-node-/redis-/p"
    return
  done
}

# A holder calls itself POD/LIFE: a restarted pod is another one.
trading_owner() { query "SELECT split_part(owner, '/', 1) FROM lease WHERE expires_at > now()" 2>/dev/null || true; }

find_trouble() {
  local workload state
  for workload in $(ours get deployments,statefulsets -l "$PART_OF" -o name); do
    state=$(progress_of "$workload")
    if [ "${state%% *}" != done ]; then echo "${workload#*/}: ${state#* }"; fi
  done
  pods_in_trouble "$PART_OF"
  if exists statefulset/postgres; then
    [ -n "$(postgres_primary)" ] || echo "PostgreSQL has no primary: nothing new is traded"
    [ -n "$(postgres_standby)" ] || echo "PostgreSQL has no synchronous standby: a lost primary would stay lost until it is back"
  fi
  if exists statefulset/redis; then [ -n "$(redis_master)" ] || echo "no Sentinel names a Redis master"; fi
  if has_autoscaler; then autoscaler_trouble; fi
}

autoscaler_trouble() {
  local type reason changed message patience
  patience=$(time_s_ago "$FIGURES_S")
  while IFS='|' read -r type reason changed message; do
    if [ "$reason" = FailedGetResourceMetric ] && [[ $changed > $patience ]]; then continue; fi
    case $type in
      ScalingActive) echo "the autoscaler does not work: $message" ;;
      AbleToScale) echo "the autoscaler cannot scale: $message" ;;
    esac
  done <<<"$(field horizontalpodautoscaler/algo-trading-bot-hpa '{range .status.conditions[?(@.status=="False")]}{.type}{"|"}{.reason}{"|"}{.lastTransitionTime}{"|"}{.message}{"\n"}{end}')"
}

# As the API writes times, which sort as text.
time_s_ago() {
  local then_s=$(($(now_s) - $1))
  date -u -d "@$then_s" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$then_s" +%Y-%m-%dT%H:%M:%SZ
}

# Ends with Ctrl-C.
action_logs() {
  local pod=${ARGUMENTS[0]:-}
  if [ -n "$pod" ]; then
    exists "pod/$pod" || wrong "there is no pod $pod in $NAMESPACE: kubectl get pods -n $NAMESPACE lists them"
    ours logs "$pod" --follow --tail="$LOG_TAIL"
    return
  fi
  [ -n "$(ours get pods -l "$BOT_LABEL" -o name)" ] || wrong "no pod of the bot is in $NAMESPACE: ./deploy.sh $ENVIRONMENT status"
  ours logs -l "$BOT_LABEL" --container="$BOT" --follow --prefix --tail="$LOG_TAIL" --max-log-requests="$LOG_PODS_MAX"
}

# One pod has all three ports. When that pod goes, as in a rollout, the next one takes over. Ends with Ctrl-C.
action_port_forward() {
  local port lines child
  exists "deployment/$BOT" || wrong "the bot is not deployed in $NAMESPACE yet: ./deploy.sh $ENVIRONMENT apply"
  for port in $LOCAL_PORTS; do
    if port_is_taken "$port"; then wrong "port $port of this machine is in use: stop what uses it (ss -ltnp | grep :$port)"; fi
  done
  printf 'API:       http://localhost:8000\nWebSocket: ws://localhost:8001/stream\nMetrics:   http://localhost:9090/metrics\n'
  while true; do
    : >"$WORK/forward"
    # shellcheck disable=SC2086 # three words
    ours port-forward "deployment/$BOT" $LOCAL_PORTS >"$WORK/forward" 2>&1 &
    child=$!
    # shellcheck disable=SC2064 # this child
    trap "kill $child 2>/dev/null; rm -rf '$WORK'" EXIT
    wait "$child" || true
    lines=$(grep -c '^Forwarding from' "$WORK/forward") || true
    if [ "$lines" -eq 0 ]; then failed "no pod could be reached: $(first_error "$WORK/forward")"; fi
    tell "the pod is gone; taking the next one"
  done
}

port_is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
