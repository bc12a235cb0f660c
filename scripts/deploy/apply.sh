# shellcheck shell=bash
# apply, deploy and diff: everything is decided, rendered and validated by the API server before the first object is written.
# Sourced by deploy.sh.

readonly FIRST_REPLICAS=3
# What an apply may write, and so what --switch and delete look for.
readonly KINDS=deployments.apps,statefulsets.apps,cronjobs.batch,horizontalpodautoscalers.autoscaling,poddisruptionbudgets.policy,services,ingresses.networking.k8s.io,networkpolicies.networking.k8s.io,configmaps,roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io,serviceaccounts

action_apply() {
  images_to_apply
  apply_manifests
  if [ "$DRY_RUN" = true ]; then return; fi
  wait_for_everything
  tell_next_steps
}

action_deploy() {
  images_to_deploy
  choose_builder
  if [ "$LOAD" = true ]; then choose_loader; fi
  plan_apply
  build_images
  remember_running
  write_apply
  if [ "$DRY_RUN" = true ]; then return; fi
  wait_for_data_services
  follow_rollout
  # For reading: what it calls wrong right after a rollout may be on its way, such as the autoscaler's first figures.
  (action_status) || true
}

action_diff() {
  local code=0
  images_to_apply
  plan_rendering
  ours diff --server-side --force-conflicts --field-manager=deploy.sh -f "$WORK/manifests.yaml" 2>"$WORK/diff" || code=$?
  [ "$code" -le 1 ] || failed "the difference cannot be made: $(first_error "$WORK/diff")"
  if [ "$code" -eq 0 ]; then tell "no difference"; fi
}

apply_manifests() {
  plan_apply
  write_apply
}

# Everything that can be refused, before anything is written or built.
plan_apply() {
  plan_rendering
  plan_secrets
  if [ "$SWITCH" = true ] && [ -n "$DEPLOYED_ENVIRONMENT" ] && [ "$DEPLOYED_ENVIRONMENT" != "$ENVIRONMENT" ] && [ "$DRY_RUN" = false ]; then
    confirm "$NAMESPACE" "The namespace $NAMESPACE becomes $ENVIRONMENT's instead of $DEPLOYED_ENVIRONMENT's, on the same database"
  fi
  if [ "$NAMESPACE_EXISTS" = true ]; then validate; fi
}

plan_rendering() {
  API_SERVER_ADDRESSES=''
  if [ "$ENVIRONMENT" = prod ]; then read_api_server; fi
  render "$ENVIRONMENT" "$WORK/manifests.yaml"
  refuse_unedited
  if [ "$ENVIRONMENT" = prod ]; then demand_source_ranges; fi
}

# Production is not opened to the whole internet by forgetting a line, and what has to be edited has been.
demand_source_ranges() {
  document "$WORK/manifests.yaml" Service algo-trading-bot-api >"$WORK/service.yaml"
  if grep -q '^  type: LoadBalancer' "$WORK/service.yaml" && ! grep -q '^  loadBalancerSourceRanges:' "$WORK/service.yaml"; then
    wrong "production needs loadBalancerSourceRanges on the Service algo-trading-bot-api: name your clients' networks in k8s/overlays/prod/load-balancer.yaml"
  fi
}

refuse_unedited() {
  local line
  line=$(grep -m 1 CHANGE_ME "$WORK/manifests.yaml") || return 0
  wrong "k8s/overlays/$ENVIRONMENT still has CHANGE_ME (${line##* - }): grep -rn CHANGE_ME k8s/overlays/$ENVIRONMENT shows where your values belong"
}

write_apply() {
  if [ "$DRY_RUN" = true ]; then
    tell_plan
    return
  fi
  ensure_namespace
  if [ "$NAMESPACE_MADE" = true ]; then validate; fi
  local first=false
  exists "deployment/$BOT" || first=true
  remember_environment
  apply_secrets
  server_apply "$WORK/manifests.yaml" >&2 || failed "the manifests could not be applied as a whole: $(first_error "$WORK/apply"); run it again"
  # The number of replicas is the autoscaler's or a person's from now on.
  if [ "$first" = true ] && has_autoscaler; then ours scale "deployment/$BOT" --replicas="$FIRST_REPLICAS" >/dev/null; fi
  if [ "$SWITCH" = true ]; then prune; fi
}

tell_plan() {
  tell "would apply to $NAMESPACE, with $BOT_IMAGE and $POSTGRES_IMAGE:"
  if [ "$NAMESPACE_EXISTS" = true ]; then
    ours apply --server-side --force-conflicts --field-manager=deploy.sh --dry-run=server -f "$WORK/manifests.yaml"
  else
    awk '/^kind: /{kind=$2} /^  name: /&&kind{print tolower(kind) "/" $2; kind=""}' "$WORK/manifests.yaml"
  fi
  if [ -n "$SECRET_CHANGED" ]; then tell "would set in secret $SECRET:$SECRET_CHANGED"; fi
}

has_autoscaler() { exists horizontalpodautoscaler/algo-trading-bot-hpa; }

server_apply() {
  ours apply --server-side --force-conflicts --field-manager=deploy.sh --validate=strict -f "$@" 2>"$WORK/apply"
}

# The API server reads every object strictly and passes it through its admission; a fault in one of them stops all.
validate() {
  server_apply "$WORK/manifests.yaml" --dry-run=server >/dev/null || refuse "k8s/overlays/$ENVIRONMENT does not validate: $(first_error "$WORK/apply")"
  if [ "$OVERWRITE" = false ]; then keep_edited_settings; fi
}

refuse() {
  forget_namespace
  wrong "$*"
}

# Settings that somebody has edited on the cluster, perhaps in a hurry, are not silently put back.
keep_edited_settings() {
  documents "$WORK/manifests.yaml" ConfigMap >"$WORK/settings.yaml"
  if [ ! -s "$WORK/settings.yaml" ]; then return; fi
  if ours apply --server-side --field-manager=deploy.sh --dry-run=server -f "$WORK/settings.yaml" >/dev/null 2>"$WORK/conflict"; then return; fi
  grep -q conflict "$WORK/conflict" || refuse "the settings do not validate: $(first_error "$WORK/conflict")"
  refuse "edited on the cluster: $(grep -o '\.data\.[A-Za-z0-9_.-]*' "$WORK/conflict" | sort -u | tr '\n' ' ')of a ConfigMap. Put it into k8s/, too, or let it go with --overwrite"
}

# What the environment before had and this one has not. Volumes stay.
prune() {
  local name
  ours apply --server-side --dry-run=server --force-conflicts --field-manager=deploy.sh -o name -f "$WORK/manifests.yaml" | sort >"$WORK/wanted"
  ours get "$KINDS" -l "$PART_OF" -o name | sort >"$WORK/found"
  for name in $(comm -13 "$WORK/wanted" "$WORK/found"); do
    tell "removing $name: $ENVIRONMENT does not have it"
    ours delete "$name" --ignore-not-found >/dev/null
  done
}

tell_next_steps() {
  tell "applied. ./deploy.sh $ENVIRONMENT status shows it, port-forward reaches it. The first API key:"
  tell "  kubectl exec -n $NAMESPACE deploy/$BOT -- $BOT key create --name desk --role admin"
}
