# shellcheck shell=bash
# Rolling images out and back, scaling, waiting for pods, and saying why they do not come. Sourced by deploy.sh.

readonly POLL_S=2
# A pull that fails once may have been the network.
readonly FAILED_PULLS_MAX=3
# A bot that is applied with its database restarts until that is there.
readonly RESTARTS_MAX=2 RESTARTS_MAX_FIRST=4
readonly FAILED_ANNOTATION=algo-trading/rollout-failed
readonly LOG_LINES=15 LINE_LENGTH_MAX=240

action_rollout() {
  local running
  running=$(running_image "deployment/$BOT" "$BOT")
  [ -n "$running" ] || wrong "the bot is not deployed in $NAMESPACE yet: ./deploy.sh $ENVIRONMENT apply"
  new_images
  remember_running
  if [ "$running" = "$BOT_IMAGE" ]; then
    tell "$BOT_IMAGE is the image that is deployed already; another one is named by --tag, and its pods are restarted by kubectl rollout restart deployment/$BOT -n $NAMESPACE"
  else
    tell "rolling out $BOT_IMAGE instead of $running"
    if [ "$DRY_RUN" = true ]; then return; fi
    set_image
  fi
  follow_rollout
}

set_image() {
  ours set image "deployment/$BOT" "$BOT=$BOT_IMAGE" --field-manager=deploy.sh >/dev/null
  ours annotate "deployment/$BOT" "kubernetes.io/change-cause=deploy.sh $ENVIRONMENT $ACTION: $BOT_IMAGE" --overwrite >/dev/null
}

# Remembers what runs, by the hash of its template: an undone rollout gets a new revision number, and "the one before" is then the
# broken one.
remember_running() { HASH_BEFORE=$(newest_hash "$BOT_LABEL"); }

# Waits for the bot; when it does not come, says why, goes back to what ran, and fails.
follow_rollout() {
  local before
  if [ "$TIMEOUT_S" -eq 0 ]; then return; fi
  if wait_for_bot; then
    update_simulator
    tell "rolled out: $(running_image "deployment/$BOT" "$BOT")"
    return
  fi
  explain_bot
  before=$(revisions | sed -n "s/^\([0-9]*\) $HASH_BEFORE .*/\1/p")
  if [ -z "$HASH_BEFORE" ] || [ -z "$before" ] || [ "$HASH_BEFORE" = "$(newest_hash "$BOT_LABEL")" ]; then
    failed "the rollout failed, and there is nothing before it to go back to"
  fi
  tell "undoing the rollout"
  mark_failed
  ours rollout undo "deployment/$BOT" --to-revision="$before" >/dev/null
  wait_for_bot || failed "the rollout failed, and what ran before does not come back either: ./deploy.sh $ENVIRONMENT status"
  failed "the rollout failed and was undone: $(running_image "deployment/$BOT" "$BOT") runs, as before"
}

# So that rollback does not take it for the one before.
mark_failed() {
  ours annotate replicasets -l "$BOT_LABEL,pod-template-hash=$(newest_hash "$BOT_LABEL")" "$FAILED_ANNOTATION=true" --overwrite >/dev/null
}

# REVISION HASH FAILED of every revision that is kept, the newest last.
revisions() {
  ours get replicasets -l "$BOT_LABEL" -o "go-template-file=$PARTS/revisions.gotemplate" | sort -n
}

# The simulator of development is the same image; it keeps its account on its volume.
update_simulator() {
  local image running
  running=$(running_image deployment/algo-trading-simulator simulator)
  image=$(running_image "deployment/$BOT" "$BOT")
  if [ -z "$running" ] || [ "$running" = "$image" ]; then return; fi
  ours set image deployment/algo-trading-simulator "simulator=$image" --field-manager=deploy.sh >/dev/null
}

action_rollback() {
  local revision=${ARGUMENTS[0]:-}
  matches "$revision" '^[0-9]*$' || wrong "revision '$revision' is no number: kubectl rollout history deployment/$BOT -n $NAMESPACE lists them"
  if [ -z "$revision" ]; then revision=$(revisions | sed '$d' | grep -v ' true$' | tail -1 | cut -d' ' -f1) || true; fi
  [ -n "$revision" ] || wrong "there is no good revision before this one: kubectl rollout history deployment/$BOT -n $NAMESPACE"
  remember_running
  tell "going back to revision $revision"
  if [ "$DRY_RUN" = true ]; then return; fi
  ours rollout undo "deployment/$BOT" --to-revision="$revision" >/dev/null 2>"$WORK/undo" || wrong "cannot go back: $(first_error "$WORK/undo")"
  follow_rollout
}

action_scale() {
  local count=${ARGUMENTS[0]} least most
  matches "$count" '^[0-9]{1,3}$' || wrong "'$count' is no number of replicas"
  exists "deployment/$BOT" || wrong "the bot is not deployed in $NAMESPACE yet: ./deploy.sh $ENVIRONMENT apply"
  if has_autoscaler; then
    least=$(field horizontalpodautoscaler/algo-trading-bot-hpa '{.spec.minReplicas}')
    most=$(field horizontalpodautoscaler/algo-trading-bot-hpa '{.spec.maxReplicas}')
    if [ "$count" -ne 0 ] && { [ "$count" -lt "$least" ] || [ "$count" -gt "$most" ]; }; then
      wrong "the autoscaler keeps $least to $most replicas: change algo-trading-bot-hpa in k8s/ and apply, or scale within that"
    fi
  fi
  tell "scaling to $count"
  if [ "$DRY_RUN" = true ]; then return; fi
  ours scale "deployment/$BOT" --replicas="$count" >/dev/null
  if [ "$TIMEOUT_S" -eq 0 ]; then return; fi
  wait_for_bot || { explain_bot; failed "$count replicas did not come up"; }
}

wait_for_everything() {
  if [ "$TIMEOUT_S" -eq 0 ]; then return; fi
  wait_for_data_services
  wait_for_bot || { explain_bot; failed "the bot did not become ready. ./deploy.sh $ENVIRONMENT rollback goes back to the revision before"; }
}

wait_for_data_services() {
  local workload
  if [ "$TIMEOUT_S" -eq 0 ]; then return; fi
  START_S=$(now_s)
  for workload in statefulset/postgres statefulset/redis deployment/algo-trading-simulator; do
    if exists "$workload" && ! wait_for "$workload"; then
      explain "app.kubernetes.io/name=${workload#*/}"
      failed "$workload did not become ready"
    fi
  done
}

wait_for_bot() {
  START_S=$(now_s)
  wait_for "deployment/$BOT"
}

# Waits until all replicas run the newest template and are available. 1: a pod shows that it will not, or the time is over.
wait_for() {
  local state before='' pulls=0 reason
  while true; do
    state=$(progress_of "$1")
    if [ "$state" != "$before" ]; then tell "${1#*/}: ${state#* }"; fi
    before=$state
    if [ "${state%% *}" = done ]; then return 0; fi
    reason=$(hopeless "app.kubernetes.io/name=${1#*/}")
    case $reason in
      '') pulls=0 ;;
      pull*) pulls=$((pulls + 1)) ;;
      *) pulls=$FAILED_PULLS_MAX ;;
    esac
    if [ "$pulls" -ge "$FAILED_PULLS_MAX" ]; then return 1; fi
    if [ $(($(now_s) - START_S)) -ge "$TIMEOUT_S" ]; then
      tell "${1#*/}: not ready after $TIMEOUT_S s"
      return 1
    fi
    sleep "$POLL_S"
  done
}

# Prints `done …` or `wait …` with words for people.
progress_of() {
  local generation observed wanted updated ready available all
  IFS='|' read -r generation observed wanted updated ready available all <<<"$(field "$1" '{.metadata.generation}|{.status.observedGeneration}|{.spec.replicas}|{.status.updatedReplicas}|{.status.readyReplicas}|{.status.availableReplicas}|{.status.replicas}')"
  : "${updated:=0}" "${ready:=0}" "${available:=0}" "${all:=0}"
  if [ "$generation" = "$observed" ] && [ "$updated" = "$wanted" ] && [ "$all" = "$wanted" ] && [ "$available" = "$wanted" ]; then
    echo "done $available of $wanted available"
  else
    echo "wait $updated of $wanted on the new template, $ready ready, $available available"
  fi
}

# Why waiting on is of no use, in one word; empty while there is hope. Only pods of the newest template count: the old ones serve on.
hopeless() {
  local waiting restarts newest most=$RESTARTS_MAX
  if [ "$ACTION" = apply ]; then most=$RESTARTS_MAX_FIRST; fi
  newest=$(newest_pods "$1")
  while IFS='|' read -r waiting restarts; do
    case $waiting in
      ErrImagePull | ImagePullBackOff) echo pull; return ;;
      ErrImageNeverPull | InvalidImageName | CreateContainerConfigError) echo "$waiting"; return ;;
    esac
    if [ "$waiting" = CrashLoopBackOff ] && [ "$restarts" -gt "$most" ]; then echo restarts; return; fi
  done <<<"$(ours get pods -l "$newest" -o "go-template-file=$PARTS/waiting-containers.gotemplate")"
}

# The selector of a Deployment's pods of the newest revision; a StatefulSet's selector stays as it is.
newest_pods() {
  local hash
  hash=$(newest_hash "$1")
  printf '%s' "$1${hash:+,pod-template-hash=$hash}"
}

newest_hash() { ours get replicasets -l "$1" -o "go-template-file=$PARTS/revisions.gotemplate" | sort -n | tail -1 | cut -d' ' -f2; }

explain_bot() { explain "$BOT_LABEL"; }

# Says why pods of the newest template are not ready: their state, their events, and the log of the run before.
explain() {
  local pod selector
  selector=$(newest_pods "$1")
  pods_in_trouble "$selector" | while IFS= read -r line; do tell "  $line"; done
  for pod in $(ours get pods -l "$selector" -o 'jsonpath={range .items[*]}{.metadata.name}={range .status.conditions[?(@.type=="Ready")]}{.status}{end}{" "}{end}'); do
    if [ "${pod#*=}" = True ]; then continue; fi
    explain_pod "${pod%=*}"
    return
  done
}

explain_pod() {
  tell "events of $1:"
  ours get events --field-selector "involvedObject.name=$1" --sort-by=.lastTimestamp -o 'jsonpath={range .items[*]}{.type}{" "}{.reason}{": "}{.message}{"\n"}{end}' | tail -8 | indent
  if read_log "$1" --previous; then tell "its log before the restart:"
  elif read_log "$1"; then tell "its log:"
  else tell "it has no log: no container of it has run"; fi
  indent <"$WORK/log"
  advise_on_pull "$1"
}

# The runtime may have thrown the log of a container away already, and says that in the log's place.
read_log() {
  ours logs "$@" --tail="$LOG_LINES" >"$WORK/log" 2>/dev/null && [ -s "$WORK/log" ] && ! grep -q '^unable to retrieve container logs' "$WORK/log" && return
  : >"$WORK/log"
  return 1
}

indent() { awk '{ print "  " $0 }' >&2; }

advise_on_pull() {
  local image
  image=$(ours get pod "$1" -o 'go-template={{range .status.containerStatuses}}{{with .state.waiting}}{{.reason}}{{end}} {{.image}}{{"\n"}}{{end}}' | sed -nE 's/^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull) //p' | head -1)
  if [ -z "$image" ]; then return; fi
  tell "$image cannot be pulled. ./deploy.sh $ENVIRONMENT deploy builds and pushes it (with --load it needs no registry); one that is there"
  tell "already is named by --registry and --tag; a private registry also needs a pull secret: docs/kubernetes/troubleshooting.md"
}

# One line for each container that is not as it should be.
pods_in_trouble() { ours get pods -l "$1" -o "go-template-file=$PARTS/pods-in-trouble.gotemplate" | cut -c "1-$LINE_LENGTH_MAX"; }
