# shellcheck shell=bash
# delete: the bots first, so that they drain while their data services are there. Without --volumes what holds data stays, and the secrets
# that open it. Sourced by deploy.sh.

readonly VOLUME_OWNERS='app.kubernetes.io/name in (postgres,redis,algo-trading-simulator)'
readonly PROTECTED_NAMESPACES="default kube-system kube-public kube-node-lease"

action_delete() {
  if [ "$VOLUMES" = true ] && includes "$PROTECTED_NAMESPACES" "$NAMESPACE"; then wrong "the namespace $NAMESPACE belongs to the cluster: delete without --volumes"; fi
  show_open_orders
  if [ "$DRY_RUN" = true ]; then
    tell "would delete:"
    ours get "$KINDS" -l "$PART_OF" -o name
    if [ "$VOLUMES" = true ]; then ours get persistentvolumeclaims,secrets -o name && echo "namespace/$NAMESPACE"; fi
    return
  fi
  confirm "$NAMESPACE" "This deletes the bot and its data services from $NAMESPACE on $CONTEXT$(volumes_warning)"
  delete_bots
  ours delete "$KINDS" -l "$PART_OF" --wait=true >/dev/null
  ours wait --for=delete pod -l "$PART_OF" --timeout="${TIMEOUT_S}s" >/dev/null 2>&1 || tell "some pods are still stopping"
  if [ "$VOLUMES" = true ]; then delete_volumes; else tell_what_stays; fi
}

volumes_warning() { if [ "$VOLUMES" = true ]; then printf ', WITH ALL DATA'; fi; }

delete_bots() {
  ours delete horizontalpodautoscaler/algo-trading-bot-hpa --ignore-not-found >/dev/null
  ours delete "deployment/$BOT" --ignore-not-found >/dev/null
  tell "the bots drain and stop"
  ours wait --for=delete pod -l "$BOT_LABEL" --timeout="${TIMEOUT_S}s" >/dev/null 2>&1 || tell "some bots are still stopping"
}

# Other people's workloads in the namespace keep it.
delete_volumes() {
  local others
  ours delete persistentvolumeclaims -l "$VOLUME_OWNERS" >/dev/null
  ours delete secret "$SECRET" "$INTERNAL_SECRET" --ignore-not-found >/dev/null
  others=$(ours get deployments,statefulsets,daemonsets,cronjobs,jobs,persistentvolumeclaims -o name)
  if [ -n "$others" ]; then
    tell "deleted. The namespace stays: it also has $(tr '\n' ' ' <<<"$others")"
    kube label namespace "$NAMESPACE" "$ENVIRONMENT_LABEL-" >/dev/null
    return
  fi
  kube delete namespace "$NAMESPACE" >/dev/null
  tell "deleted, with all data and the namespace $NAMESPACE"
}

tell_what_stays() {
  tell "deleted. The namespace $NAMESPACE stays, and in it:"
  ours get persistentvolumeclaims,secrets -o name | indent
  tell "./deploy.sh $ENVIRONMENT apply brings everything back on these volumes; delete --volumes removes them, too"
}
