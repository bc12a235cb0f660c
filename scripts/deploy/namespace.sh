# shellcheck shell=bash
# The namespace remembers its environment, so that production's manifests never land in development's. Sourced by deploy.sh.

readonly ENVIRONMENT_LABEL=algo-trading/environment

# Sets NAMESPACE_EXISTS and DEPLOYED_ENVIRONMENT, and refuses a namespace of another environment.
check_environment() {
  local found label='go-template={{.metadata.name}} {{with .metadata.labels}}{{with index . "'$ENVIRONMENT_LABEL'"}}{{.}}{{end}}{{end}}'
  found=$(kube get namespace "$NAMESPACE" --ignore-not-found -o "$label" 2>"$WORK/namespace") ||
    wrong "the namespace $NAMESPACE cannot be read with the account of context $CONTEXT: $(first_error "$WORK/namespace")"
  NAMESPACE_EXISTS=false DEPLOYED_ENVIRONMENT=''
  if [ -n "$found" ]; then NAMESPACE_EXISTS=true DEPLOYED_ENVIRONMENT=${found#* }; fi
  if [ -n "$DEPLOYED_ENVIRONMENT" ] && [ "$DEPLOYED_ENVIRONMENT" != "$ENVIRONMENT" ] && [ "$SWITCH" = false ]; then
    wrong "the namespace $NAMESPACE is $DEPLOYED_ENVIRONMENT's: take another with --namespace, or make it $ENVIRONMENT's with ./deploy.sh $ENVIRONMENT apply --switch"
  fi
  if [ "$NAMESPACE_EXISTS" = false ] && ! includes "deploy apply secrets" "$ACTION"; then
    wrong "there is no namespace $NAMESPACE on context $CONTEXT: ./deploy.sh $ENVIRONMENT apply makes it"
  fi
}

ensure_namespace() {
  NAMESPACE_MADE=false
  if [ "$NAMESPACE_EXISTS" = true ]; then return; fi
  kube create namespace "$NAMESPACE" >/dev/null 2>"$WORK/namespace" || wrong "the namespace $NAMESPACE cannot be made: $(first_error "$WORK/namespace")"
  NAMESPACE_EXISTS=true NAMESPACE_MADE=true
}

remember_environment() { kube label namespace "$NAMESPACE" "$ENVIRONMENT_LABEL=$ENVIRONMENT" --overwrite >/dev/null; }

# Only a namespace that this very call has made, and that is still empty, goes again.
forget_namespace() { if [ "${NAMESPACE_MADE:-false}" = true ]; then kube delete namespace "$NAMESPACE" --wait=false >/dev/null; fi; }
