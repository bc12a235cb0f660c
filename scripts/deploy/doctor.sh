# shellcheck shell=bash
# doctor: one line for each thing that a deployment needs, from the tools here to the policies there. Changes nothing. Sourced by deploy.sh.

readonly RIGHTS="create,deployments.apps create,statefulsets.apps create,services create,configmaps create,secrets create,networkpolicies.networking.k8s.io create,roles.rbac.authorization.k8s.io create,rolebindings.rbac.authorization.k8s.io create,serviceaccounts create,horizontalpodautoscalers.autoscaling create,poddisruptionbudgets.policy get,pods/log create,pods/exec create,pods/portforward"
# Redis wants three nodes, or one that fails takes a majority of Sentinels along.
readonly NODES_WANTED=3

action_doctor() {
  SICK=false
  diagnose_tools
  diagnose_cluster
  if [ "$SICK" = true ]; then exit "$EXIT_FAILED"; fi
}

good() { printf 'ok    %s\n' "$*"; }
note() { printf 'note  %s\n' "$*"; }
bad() {
  printf 'BAD   %s\n' "$*"
  SICK=true
}

# Runs a check that ends the script where it fails, and makes its line one of ours. Usage: diagnose PROMISE CHECK
diagnose() {
  local promise=$1 answer
  shift
  if answer=$("$@" 2>&1); then
    good "$promise"
  else
    bad "${answer#deploy.sh: }"
    return 1
  fi
}

diagnose_tools() {
  diagnose "kubectl is there and new enough" check_kubectl || exit "$EXIT_FAILED"
  diagnose "an image builder works" choose_builder || true
  if choose_tag 2>/dev/null; then good "image tag $TAG"; else bad "no tag for the images: set IMAGE_TAG"; fi
  BOT_IMAGE=$REGISTRY/algo-trading-bot:${TAG:-none} POSTGRES_IMAGE=$REGISTRY/algo-trading-postgres:${TAG:-none}
  diagnose "the manifests of $ENVIRONMENT render" render "$ENVIRONMENT" "$WORK/manifests.yaml" || true
  diagnose "nothing in k8s/overlays/$ENVIRONMENT waits for your values" refuse_unedited || true
}

diagnose_cluster() {
  diagnose "the context is known" check_context || exit "$EXIT_FAILED"
  check_context
  diagnose "the cluster of $CONTEXT answers and is new enough" check_reachable || exit "$EXIT_FAILED"
  diagnose "the namespace $NAMESPACE is $ENVIRONMENT's or nobody's" diagnose_environment || true
  diagnose_rights
  diagnose_storage
  diagnose_nodes
  diagnose_metrics
  diagnose_policies
  diagnose_images
  if exists "namespace/$NAMESPACE"; then diagnose_namespace; fi
}

# Without a namespace there is nothing to be wrong with.
diagnose_environment() {
  local ACTION=apply
  check_environment
}

diagnose_rights() {
  local right missing=''
  for right in $RIGHTS; do
    ours auth can-i "${right%,*}" "${right#*,}" --quiet 2>/dev/null || missing="$missing ${right/,/ },"
  done
  if [ -z "$missing" ]; then good "your account may do what a deployment needs"; else bad "your account may not:${missing%,}"; fi
}

diagnose_storage() {
  local class
  class=$(kube get storageclasses -o 'jsonpath={range .items[?(@.metadata.annotations.storageclass\.kubernetes\.io/is-default-class=="true")]}{.metadata.name}{" "}{end}')
  if [ -n "$class" ]; then good "default storage class ${class% }"; else bad "there is no default storage class: the volumes of Redis and PostgreSQL would wait for ever"; fi
}

diagnose_nodes() {
  local count
  count=$(kube get nodes -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True || true)
  if [ "$count" -ge "$NODES_WANTED" ]; then good "$count nodes are ready"
  elif [ "$count" -gt 0 ]; then note "$count of the $NODES_WANTED nodes are ready that Redis and PostgreSQL want to be spread over: a lost node may stop trading"
  else bad "no node is ready"; fi
}

diagnose_metrics() {
  if [ "$ENVIRONMENT" = dev ]; then return; fi
  if kube get --raw /apis/metrics.k8s.io/v1beta1/nodes >/dev/null 2>&1; then good "the metrics API answers, which the autoscaler asks"
  else bad "the metrics API does not answer: install metrics-server, or the autoscaler cannot scale"; fi
}

# Kubernetes does not tell whether policies are enforced; the network's own pods do.
diagnose_policies() {
  local enforcer
  enforcer=$(kube get pods --all-namespaces -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}' 2>/dev/null |
    grep -Eo '^(calico-node|cilium|antrea-agent|kube-router|weave-net|azure-npm|canal|ovnkube-node)' | sort -u | head -1) || true
  if [ -n "$enforcer" ]; then good "network policies are enforced by $enforcer"
  else note "whether network policies are enforced is not known: no pod of a network known to do it was found"; fi
}

# Only the nodes themselves can say whether an image can be pulled; what one of them has can be used.
diagnose_images() {
  local image present
  present=$(kube get nodes -o 'jsonpath={.items[*].status.images[*].names[*]}')
  for image in "$BOT_IMAGE" "$POSTGRES_IMAGE"; do
    if includes "$present" "$image"; then good "a node has $image"
    else note "whether $image can be pulled is not known: no node has it yet"; fi
  done
}

diagnose_budgets() {
  local stuck
  stuck=$(ours get poddisruptionbudgets -o 'jsonpath={range .items[?(@.status.disruptionsAllowed==0)]}{.metadata.name}{" "}{end}')
  if [ -z "$stuck" ]; then good "the disruption budgets let a node be drained"
  else note "a drained node would have to wait for the disruption budget of ${stuck% }"; fi
}

diagnose_namespace() {
  diagnose "the secrets have real values" plan_secrets || true
  if exists "deployment/$BOT"; then
    diagnose_budgets
    if (action_status) >/dev/null 2>&1; then good "what is deployed is in order"
    else bad "something is wrong with what is deployed: ./deploy.sh $ENVIRONMENT status"; fi
  fi
}
