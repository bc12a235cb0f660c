# shellcheck shell=bash
# Renders an environment's overlay with namespace, registry and tag, by a Kustomize overlay in a temporary folder: no file of the tree
# is touched. Sourced by deploy.sh.

action_render() {
  check_kubectl
  choose_tag
  name_images
  render "$ENVIRONMENT" "$WORK/manifests.yaml"
  cat "$WORK/manifests.yaml"
}

# render ENVIRONMENT FILE: writes the manifests with BOT_IMAGE and POSTGRES_IMAGE.
render() {
  local overlay=$WORK/overlay-$1
  [ -f "$ROOT/k8s/overlays/$1/kustomization.yaml" ] || wrong "k8s/overlays/$1/kustomization.yaml is missing: this is no whole clone"
  mkdir -p "$overlay"
  {
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n'
    printf 'namespace: %s\nresources:\n  - "%s"\nimages:\n' "$NAMESPACE" "$(path_from "$overlay" "$ROOT/k8s/overlays/$1")"
    image_entry algo-trading-bot "$BOT_IMAGE"
    image_entry algo-trading-postgres "$POSTGRES_IMAGE"
    api_server_patch "$1" "$overlay"
  } >"$overlay/kustomization.yaml"
  "$KUBECTL" kustomize "$overlay" >"$2" 2>"$WORK/kustomize" ||
    wrong "k8s/overlays/$1 cannot be rendered: $(tail -1 "$WORK/kustomize")"
}

# Kustomize takes no absolute path for a resource. Usage: path_from FOLDER TARGET, both absolute
path_from() {
  local rest=${1#/} up=../
  while [ "$rest" != "${rest#*/}" ]; do rest=${rest#*/} up=$up../; done
  printf '%s%s' "$up" "${2#/}"
}

# image_entry NAME REFERENCE: how Kustomize is told that NAME is REGISTRY/NAME:TAG or …@DIGEST.
image_entry() {
  local reference=$2 last=${2##*/}
  printf '  - name: %s\n' "$1"
  case $last in
    *@*) printf '    newName: "%s"\n    digest: "%s"\n' "${reference%@*}" "${reference##*@}" ;;
    *:*) printf '    newName: "%s"\n    newTag: "%s"\n' "${reference%:*}" "${reference##*:}" ;;
    *) printf '    newName: "%s"\n    newTag: latest\n' "$reference" ;;
  esac
}

# In production Patroni reaches the API server's own addresses and nothing else on its ports. Without a cluster (render) they are not
# known, and the overlay's wider rule stays.
api_server_patch() {
  local addresses=${API_SERVER_ADDRESSES:-} address
  if [ "$1" != prod ] || [ -z "$addresses" ]; then return; fi
  {
    printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: postgres-api-server\nspec:\n  egress:\n    - to:\n'
    for address in $addresses; do printf '        - ipBlock:\n            cidr: %s\n' "$address"; done
    printf '      ports:\n'
    for address in $API_SERVER_PORTS; do printf '        - protocol: TCP\n          port: %s\n' "$address"; done
  } >"$2/api-server.yaml"
  printf 'patches:\n  - path: api-server.yaml\n'
}

# The addresses behind the Service `kubernetes`, and its own: some networks decide before the Service is resolved, some after.
read_api_server() {
  local slices='{range .items[*]}{range .endpoints[*]}{range .addresses[*]}{@}{" "}{end}{end}{end}'
  local ports='{range .items[*]}{range .ports[*]}{.port}{" "}{end}{end}' own found
  found=$(kube get endpointslices --namespace=default -l kubernetes.io/service-name=kubernetes -o "jsonpath=$slices") ||
    wrong "the addresses of the API server cannot be read: your account needs to list endpointslices in the namespace default"
  own=$(kube get service kubernetes --namespace=default -o 'jsonpath={.spec.clusterIPs[*]}')
  [ -n "$found" ] || wrong "the Service kubernetes has no endpoint slices: Patroni's way to the API server cannot be narrowed"
  API_SERVER_ADDRESSES=$(as_blocks "$found" "$own")
  API_SERVER_PORTS=$(kube get endpointslices --namespace=default -l kubernetes.io/service-name=kubernetes -o "jsonpath=$ports")
  # shellcheck disable=SC2086 # one word for each port
  API_SERVER_PORTS=$(printf '%s\n' $API_SERVER_PORTS 443 | sort -nu | tr '\n' ' ')
}

as_blocks() {
  local address
  # shellcheck disable=SC2048 # words are wanted
  for address in $*; do
    case $address in
      *:*) printf '%s/128 ' "$address" ;;
      *) printf '%s/32 ' "$address" ;;
    esac
  done
}

# documents FILE KIND: the documents of that kind in rendered manifests.
documents() {
  awk -v kind="$2" '
    function flush() { if (index("\n" text, "\nkind: " kind "\n")) printf "---\n%s", text; text = "" }
    /^---/ { flush(); next }
    { text = text $0 "\n" }
    END { flush() }' "$1"
}

# document FILE KIND NAME: one document.
document() {
  awk -v kind="$2" -v name="$3" '
    function flush() { if (index("\n" text, "\nkind: " kind "\n") && index(text, "\n  name: " name "\n")) printf "%s", text; text = "" }
    /^---/ { flush(); next }
    { text = text $0 "\n" }
    END { flush() }' "$1"
}
