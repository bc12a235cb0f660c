# shellcheck shell=bash
# The text of ./deploy.sh --help. Sourced by deploy.sh.

print_usage() {
  cat <<'TEXT'
Deploys the trading bot to Kubernetes.

  ./deploy.sh ENVIRONMENT ACTION [ARGUMENT] [OPTION]...

Environments
  dev      3 replicas that trade the project's own simulator; LOG_LEVEL DEBUG; no autoscaler
  staging  3 to 5 replicas, Alpaca's paper account; LOG_LEVEL INFO
  prod     3 to 10 replicas, paper until the ConfigMap says live; LOG_LEVEL WARN; strict network policies

Actions
  deploy              build the images, push them, apply the manifests, roll out, show the status
  apply               apply the manifests; the image that runs stays, the first time it is IMAGE_TAG
  rollout             roll the image of IMAGE_TAG out and wait; says why it fails, and undoes it
  rollback [N]        go back to the revision before, or to revision N
  scale N             N replicas; with an autoscaler within its limits
  status              what runs, who leads the data services, and what is wrong
  logs [POD]          follow the logs of all replicas, or of one
  port-forward        API on localhost:8000, WebSocket on 8001, metrics on 9090, until Ctrl-C
  diff                what apply would change
  render              print the manifests; needs no cluster
  secrets             which secrets are set, never their values
  secrets set KEY...  set keys from the environment variables KEY, or from the files KEY_FILE
  secrets rotate KEY  a new DATABASE_PASSWORD or REDIS_PASSWORD, made here or taken from the environment, also in the data services
  backup FILE         write a dump of the database
  restore FILE        make the database anew from a dump: read it, stop the bots, swap, start the bots, which reconcile first
  delete              remove it all but the namespace, the volumes and the secrets that belong to them
  doctor              check tools, context, rights, storage, metrics, policies, images and secrets

Options
  --registry NAME     where the images are, as REGISTRY
  --namespace NAME    as NAMESPACE
  --tag TAG           tag of the images, as IMAGE_TAG; by default the commit
  --context NAME      context of kubectl's; by default the current one
  --timeout SECONDS   how long to wait for pods (600); 0 does not wait
  --load              with deploy: load the images into this machine's kind, k3s or containerd instead of pushing them
  --switch            with apply or deploy: make a namespace of another environment this one's, removing what it had more
  --overwrite         with apply or deploy: overwrite settings that were edited on the cluster
  --volumes           with delete: the volumes, the secrets and the namespace, too. The data is gone then
  --dry-run           say what would be done, and do nothing
  --yes               do not ask
  --help              this text

REGISTRY, NAMESPACE and IMAGE_TAG stand at the top of deploy.sh; the environment goes before that, and a flag before both.
IMAGE_BUILDER is docker, podman or buildah; by default the first of them that works. IMAGE_BUILD_OPTIONS is given to it when building,
for example "--build-arg NODE_IMAGE=node:24-bookworm-slim".

Exit codes: 0 done, 1 failed or something is wrong, 2 wrong use or configuration: nothing was applied.
TEXT
}
