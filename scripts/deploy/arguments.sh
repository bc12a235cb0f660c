# shellcheck shell=bash
# Reads the command line into ENVIRONMENT, ACTION, ARGUMENTS and the options, and refuses what makes no sense. Sourced by deploy.sh.

readonly ENVIRONMENTS="dev staging prod"
readonly ACTIONS="deploy apply rollout rollback scale status logs port-forward diff render secrets backup restore delete doctor"
readonly TIMEOUT_DEFAULT_S=600

includes() { case " $1 " in *" $2 "*) return 0 ;; *) return 1 ;; esac; }

read_arguments() {
  local words=() option value
  KUBE_CONTEXT='' TIMEOUT_S=$TIMEOUT_DEFAULT_S
  YES=false DRY_RUN=false LOAD=false SWITCH=false OVERWRITE=false VOLUMES=false
  flag_registry='' flag_namespace='' flag_tag=''
  if [ $# -eq 0 ]; then
    print_usage
    exit "$EXIT_WRONG_USE"
  fi
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
      --help | -h)
        print_usage
        exit 0
        ;;
      --yes) YES=true ;;
      --dry-run) DRY_RUN=true ;;
      --load) LOAD=true ;;
      --switch) SWITCH=true ;;
      --overwrite) OVERWRITE=true ;;
      --volumes) VOLUMES=true ;;
      --*=*) read_value "${option%%=*}" "${option#*=}" ;;
      --registry | --namespace | --tag | --context | --timeout)
        [ $# -gt 0 ] || wrong "$option needs a value"
        value=$1
        shift
        read_value "$option" "$value"
        ;;
      -*) wrong "there is no option $option: see ./deploy.sh --help" ;;
      *) words+=("$option") ;;
    esac
  done
  read_words ${words[@]+"${words[@]}"}
  refuse_misplaced_options
}

read_value() {
  [ -n "$2" ] || wrong "$1 needs a value"
  case $1 in
    --registry) flag_registry=$2 ;;
    --namespace) flag_namespace=$2 ;;
    --tag) flag_tag=$2 ;;
    --context) KUBE_CONTEXT=$2 ;;
    --timeout) TIMEOUT_S=${2%s} ;;
    *) wrong "there is no option $1 with a value: see ./deploy.sh --help" ;;
  esac
}

read_words() {
  ENVIRONMENT=${1:-} ACTION=${2:-}
  includes "$ENVIRONMENTS" "$ENVIRONMENT" || wrong "there is no environment '$ENVIRONMENT': say one of $ENVIRONMENTS"
  includes "$ACTIONS" "$ACTION" || wrong "there is no action '$ACTION': say one of $ACTIONS"
  shift 2
  ARGUMENTS=("$@")
  case $ACTION in
    backup | restore) [ $# -eq 1 ] || wrong "$ACTION needs one FILE" ;;
    scale) [ $# -eq 1 ] || wrong "scale needs one number of replicas" ;;
    logs | rollback) [ $# -le 1 ] || wrong "$ACTION takes one argument at most, not: $*" ;;
    secrets) ;;
    *) [ $# -eq 0 ] || wrong "$ACTION takes no argument: $*" ;;
  esac
}

# An option that an action does not know would be silently without effect.
refuse_misplaced_options() {
  only_with --volumes "$VOLUMES" "delete"
  only_with --load "$LOAD" "deploy"
  only_with --switch "$SWITCH" "apply deploy diff"
  only_with --overwrite "$OVERWRITE" "apply deploy"
  only_with --dry-run "$DRY_RUN" "deploy apply rollout rollback scale restore delete"
}

only_with() { if [ "$2" = true ] && ! includes "$3" "$ACTION"; then wrong "$1 belongs to ${3// /, }, not to $ACTION"; fi; }
