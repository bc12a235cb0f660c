#!/usr/bin/env bash
# Deploys the trading bot to Kubernetes: ./deploy.sh ENVIRONMENT ACTION. The three settings below are meant to be edited; a flag or an
# environment variable of the same name goes before them. ./deploy.sh --help explains everything. The work is in scripts/deploy/.
set -euo pipefail

environment_registry=${REGISTRY:-} environment_namespace=${NAMESPACE:-} environment_tag=${IMAGE_TAG:-}

REGISTRY="docker.io"      # Your Docker registry, with your path in it: docker.io/you, your-registry.azurecr.io/algo-trading
NAMESPACE="algo-trading"  # Kubernetes namespace
IMAGE_TAG=""              # Tag of the images; empty: the commit that is checked out

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
PARTS=$ROOT/scripts/deploy
# shellcheck source=scripts/deploy/common.sh
. "$PARTS/common.sh"
# shellcheck source=scripts/deploy/usage.sh
. "$PARTS/usage.sh"
# shellcheck source=scripts/deploy/arguments.sh
. "$PARTS/arguments.sh"
# shellcheck source=scripts/deploy/checks.sh
. "$PARTS/checks.sh"
# shellcheck source=scripts/deploy/render.sh
. "$PARTS/render.sh"
# shellcheck source=scripts/deploy/images.sh
. "$PARTS/images.sh"
# shellcheck source=scripts/deploy/secrets.sh
. "$PARTS/secrets.sh"
# shellcheck source=scripts/deploy/rotate.sh
. "$PARTS/rotate.sh"
# shellcheck source=scripts/deploy/namespace.sh
. "$PARTS/namespace.sh"
# shellcheck source=scripts/deploy/apply.sh
. "$PARTS/apply.sh"
# shellcheck source=scripts/deploy/rollout.sh
. "$PARTS/rollout.sh"
# shellcheck source=scripts/deploy/show.sh
. "$PARTS/show.sh"
# shellcheck source=scripts/deploy/database.sh
. "$PARTS/database.sh"
# shellcheck source=scripts/deploy/remove.sh
. "$PARTS/remove.sh"
# shellcheck source=scripts/deploy/doctor.sh
. "$PARTS/doctor.sh"

main() {
  read_arguments "$@"
  check_settings
  make_work_folder
  case $ACTION in
    render) action_render ;;
    doctor) action_doctor ;;
    *)
      check_cluster
      check_environment
      case $ACTION in
        deploy) action_deploy ;;
        apply) action_apply ;;
        rollout) action_rollout ;;
        rollback) action_rollback ;;
        scale) action_scale ;;
        status) action_status ;;
        logs) action_logs ;;
        port-forward) action_port_forward ;;
        diff) action_diff ;;
        secrets) action_secrets ;;
        backup) action_backup ;;
        restore) action_restore ;;
        delete) action_delete ;;
      esac
      ;;
  esac
}

main "$@"
