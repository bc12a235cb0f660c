# shellcheck shell=bash
# What has to be right before anything is done: the settings, the tools, the context, the cluster. Sourced by deploy.sh.

readonly KUBERNETES_MINOR_MIN=24
readonly REACH_TIMEOUT=10s

check_settings() {
  REGISTRY=${flag_registry:-${environment_registry:-$REGISTRY}}
  REGISTRY=${REGISTRY%/}
  NAMESPACE=${flag_namespace:-${environment_namespace:-$NAMESPACE}}
  TAG_GIVEN=${flag_tag:-${environment_tag:-$IMAGE_TAG}}
  REGISTRY_GIVEN=${flag_registry:-$environment_registry}
  matches "$NAMESPACE" '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' ||
    wrong "namespace '$NAMESPACE' is none: small letters, digits and dashes, 63 at most"
  matches "$REGISTRY" '^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$' ||
    wrong "registry '$REGISTRY' is none: a host and a path in small letters, without https://, such as docker.io/you"
  if [ -n "$TAG_GIVEN" ]; then check_tag "$TAG_GIVEN"; fi
  matches "$TIMEOUT_S" '^[0-9]{1,5}$' || wrong "--timeout '$TIMEOUT_S' is no number of seconds"
}

check_tag() {
  matches "$1" '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$' ||
    wrong "image tag '$1' is none: letters, digits, '_', '.' and '-', 128 at most, starting with a letter, a digit or '_'"
}

matches() { [[ $1 =~ $2 ]]; }

check_cluster() {
  check_kubectl
  check_context
  check_reachable
  tell "context $CONTEXT, namespace $NAMESPACE, environment $ENVIRONMENT"
}

check_kubectl() {
  local version
  command -v "$KUBECTL" >/dev/null 2>&1 || wrong "kubectl is missing: install it (https://kubernetes.io/docs/tasks/tools), or set KUBECTL"
  version=$("$KUBECTL" version --client -o json 2>/dev/null | git_version)
  recent_enough "$version" || wrong "kubectl is ${version:-of no known version}: 1.$KUBERNETES_MINOR_MIN or newer is needed"
}

# Reads "gitVersion": "v1.30.2-anything" from JSON and prints 1.30.2.
git_version() { sed -n 's/.*"gitVersion": *"v\([0-9.]*\).*/\1/p' | head -1; }

recent_enough() {
  local major minor
  IFS=. read -r major minor _ <<<"$1"
  matches "${minor:-}" '^[0-9]+$' || return 1
  [ "$major" -gt 1 ] || [ "$minor" -ge "$KUBERNETES_MINOR_MIN" ]
}

check_context() {
  CONTEXT=${KUBE_CONTEXT:-$("$KUBECTL" config current-context 2>/dev/null || true)}
  [ -n "$CONTEXT" ] || wrong "kubectl has no current context: kubectl config use-context NAME, or --context NAME"
  "$KUBECTL" config get-contexts "$CONTEXT" >/dev/null 2>&1 ||
    wrong "there is no context '$CONTEXT': kubectl config get-contexts lists those there are"
}

check_reachable() {
  local answer
  answer=$(kube get --raw /version --request-timeout="$REACH_TIMEOUT" 2>"$WORK/reach") ||
    wrong "the cluster of context $CONTEXT does not answer ($(tail -1 "$WORK/reach")): check the context and your network"
  CLUSTER_VERSION=$(git_version <<<"$answer")
  recent_enough "$CLUSTER_VERSION" || wrong "the cluster is Kubernetes $CLUSTER_VERSION: 1.$KUBERNETES_MINOR_MIN or newer is needed"
}
