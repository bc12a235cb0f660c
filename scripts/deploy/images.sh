# shellcheck shell=bash
# The images: which ones an action means, building, pushing and loading them. Sourced by deploy.sh.

readonly BUILDERS="docker podman buildah" LABEL=org.opencontainers.image
readonly DOCKER_HUB=docker.io DOCKER_HUB_KEY=https://index.docker.io/v1/

# The tag that was given, else the commit; with changes that are not committed, their hash too, so that no tag means two things.
choose_tag() {
  local commit changes
  if [ -n "$TAG_GIVEN" ]; then
    TAG=$TAG_GIVEN
    return
  fi
  commit=$(git -C "$ROOT" rev-parse --short=12 HEAD 2>/dev/null) ||
    wrong "this is no git checkout, so there is no commit to name the images: set IMAGE_TAG or --tag"
  TAG=$commit
  if ! git -C "$ROOT" diff --quiet HEAD -- 2>/dev/null; then
    changes=$(git -C "$ROOT" diff HEAD -- | git -C "$ROOT" hash-object --stdin)
    TAG=$commit-dirty-${changes:0:8}
  fi
}

refuse_uncommitted() {
  if [ "$ENVIRONMENT" = dev ] || [ -n "$TAG_GIVEN" ]; then return; fi
  case $TAG in
    *-dirty-*) wrong "files are changed that are not committed: commit them, or name the image with --tag" ;;
  esac
}

# docker.io alone is nobody's place: the account that is logged in gives the path.
choose_registry() {
  local user
  if [ "$REGISTRY" != "$DOCKER_HUB" ]; then return; fi
  if [ "$LOAD" = true ] && [ -z "$REGISTRY_GIVEN" ]; then
    REGISTRY=localhost
    return
  fi
  user=$(docker_hub_user)
  [ -n "$user" ] || wrong "REGISTRY is docker.io without a user, and nobody is logged in: docker login, or set REGISTRY=docker.io/YOU"
  REGISTRY=$DOCKER_HUB/$user
}

docker_hub_user() {
  local tool user
  for tool in podman buildah; do
    user=$("$tool" login --get-login "$DOCKER_HUB" 2>/dev/null) || continue
    printf '%s' "$user"
    return
  done
  docker_config_user
}

# Docker keeps the account in its configuration, or in a credential helper that the configuration names.
docker_config_user() {
  local config=${DOCKER_CONFIG:-$HOME/.docker}/config.json text helper
  [ -f "$config" ] || return 0
  text=$(tr -d ' \n\t' <"$config")
  helper=$(sed -n 's/.*"credsStore":"\([a-zA-Z0-9.-]*\)".*/\1/p' <<<"$text")
  if [ -n "$helper" ] && command -v "docker-credential-$helper" >/dev/null 2>&1; then
    printf '%s' "$DOCKER_HUB_KEY" | "docker-credential-$helper" get 2>/dev/null | sed -n 's/.*"Username":"\([^"]*\)".*/\1/p'
    return
  fi
  sed -n "s|.*\"$DOCKER_HUB_KEY\":{[^}]*\"auth\":\"\([A-Za-z0-9+/=]*\)\".*|\1|p" <<<"$text" | base64 -d 2>/dev/null | cut -d: -f1
}

new_images() {
  choose_tag
  choose_registry
  name_images
}

name_images() {
  BOT_IMAGE=$REGISTRY/algo-trading-bot:$TAG
  POSTGRES_IMAGE=$REGISTRY/algo-trading-postgres:$TAG
}

running_image() { field "$1" "{.spec.template.spec.containers[?(@.name=='$2')].image}"; }

# For apply: what runs stays, unless a tag was asked for by flag, environment or the setting at the top. A database that is up is not
# restarted for that: its image is deploy's business, when its files have changed.
images_to_apply() {
  local bot postgres
  bot=$(running_image "deployment/$BOT" "$BOT")
  postgres=$(running_image statefulset/postgres postgres)
  if [ -n "$TAG_GIVEN" ] || [ -z "$bot" ] || [ -z "$postgres" ]; then new_images; fi
  if [ -z "$TAG_GIVEN" ] && [ -n "$bot" ]; then BOT_IMAGE=$bot; fi
  if [ -n "$postgres" ] && { [ -z "$TAG_GIVEN" ] || database_is_up; }; then POSTGRES_IMAGE=$postgres; fi
}

database_is_up() { [ "$(field statefulset/postgres '{.status.readyReplicas}')" -gt 0 ] 2>/dev/null; }

# The one that IMAGE_BUILDER names, else the first of the three that works here. Docker's command may be there without its engine.
choose_builder() {
  BUILDER=${IMAGE_BUILDER:-}
  if [ -n "$BUILDER" ]; then
    includes "$BUILDERS" "$BUILDER" || wrong "IMAGE_BUILDER is '$BUILDER': say one of $BUILDERS"
    command -v "$BUILDER" >/dev/null 2>&1 || wrong "$BUILDER, which IMAGE_BUILDER names, is not installed"
  elif command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then BUILDER=docker
  elif command -v podman >/dev/null 2>&1; then BUILDER=podman
  elif command -v buildah >/dev/null 2>&1; then BUILDER=buildah
  else wrong "nothing can build images here: start Docker, or install podman or buildah"; fi
}

# build_image IMAGE FOLDER: FOLDER/Dockerfile into IMAGE.
build_image() {
  local options=()
  # shellcheck disable=SC2206 # options, separated by blanks as the help says
  options=(${IMAGE_BUILD_OPTIONS:-})
  options+=(--label "$LABEL.version=$TAG" --label "$LABEL.revision=$(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)")
  tell "building $1 with $BUILDER"
  if [ "$DRY_RUN" = true ]; then return; fi
  "$BUILDER" build "${options[@]}" --tag "$1" --file "$2/Dockerfile" "$2" >&2 || failed "building $1 failed: see above"
}

push_image() {
  tell "pushing $1"
  if [ "$DRY_RUN" = true ]; then return; fi
  "$BUILDER" push "$1" >&2 || failed "pushing $1 failed: is $BUILDER logged in there ($BUILDER login ${1%%/*})? Without a registry: --load"
}

save_image() {
  case $BUILDER in
    docker) docker save --output "$2" "$1" ;;
    podman) podman save --quiet --format docker-archive --output "$2" "$1" ;;
    buildah) buildah push --quiet "$1" "docker-archive:$2:$1" ;;
  esac >&2 || failed "$1 could not be written into a file"
}

# How images come into this machine's cluster without a registry.
choose_loader() {
  local version provider
  version=$(kube get nodes -o 'jsonpath={.items[0].status.nodeInfo.kubeletVersion}')
  provider=$(kube get nodes -o 'jsonpath={.items[0].spec.providerID}')
  case $version,$provider in
    *,kind://*) LOADER=kind ;;
    *+k3s*) LOADER=k3s ;;
    *) LOADER=$(other_loader) ;;
  esac
  [ -n "$LOADER" ] || wrong "--load knows kind, k3s, containerd on this machine and the cluster of npm run cluster:up, and found none of them"
}

other_loader() {
  case ${KUBECONFIG:-} in
    "${ALGO_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/algo-trading-bot/cluster}"/*) printf test-cluster ;;
    *) if [ -S /run/containerd/containerd.sock ] && command -v ctr >/dev/null 2>&1; then printf containerd; fi ;;
  esac
}

load_image() {
  local archive
  tell "loading $1 ($LOADER)"
  if [ "$DRY_RUN" = true ]; then return; fi
  archive=$(mktemp "$WORK/image.XXXXXX")
  rm -f "$archive"
  save_image "$1" "$archive"
  case $LOADER in
    kind) kind load image-archive "$archive" --name "${CONTEXT#kind-}" ;;
    k3s) k3s ctr images import "$archive" ;;
    containerd) ctr --namespace k8s.io images import "$archive" ;;
    test-cluster) npm --prefix "$ROOT" run --silent cluster:load -- "$archive" ;;
  esac >&2 || failed "$1 could not be loaded into the cluster ($LOADER)"
  rm -f "$archive"
}

build_images() {
  local image
  build_image "$BOT_IMAGE" "$ROOT"
  if [ "$BUILD_POSTGRES" = true ]; then build_image "$POSTGRES_IMAGE" "$ROOT/deploy/images/postgres"; fi
  for image in "$BOT_IMAGE" "$POSTGRES_IMAGE"; do
    if [ "$image" = "$POSTGRES_IMAGE" ] && [ "$BUILD_POSTGRES" = false ]; then continue; fi
    if [ "$LOAD" = true ]; then load_image "$image"; else push_image "$image"; fi
  done
}

# Restarting the database for a new tag alone would stop trading for nothing: the Postgres image that runs stays when its files have not
# changed since.
images_to_deploy() {
  local running tag
  new_images
  refuse_uncommitted
  BUILD_POSTGRES=true
  running=$(running_image statefulset/postgres postgres)
  tag=${running##*:}
  if [ -n "$running" ] && git -C "$ROOT" rev-parse --quiet --verify "$tag^{commit}" >/dev/null 2>&1 &&
    git -C "$ROOT" diff --quiet "$tag" -- deploy/images/postgres; then
    tell "the Postgres image stays $running: its files have not changed since"
    POSTGRES_IMAGE=$running BUILD_POSTGRES=false
  fi
}
