# shellcheck shell=bash
# What every part of deploy.sh uses: telling, failing, kubectl, and a folder for temporary files. Sourced by deploy.sh.

KUBECTL=${KUBECTL:-kubectl}
readonly EXIT_FAILED=1 EXIT_WRONG_USE=2
readonly BOT=algo-trading-bot PART_OF=app.kubernetes.io/part-of=algo-trading
readonly BOT_LABEL=app.kubernetes.io/name=algo-trading-bot

# Progress goes to standard error: standard output is for what was asked for.
tell() { printf '%s\n' "$*" >&2; }

# Wrong use or configuration: one line, nothing was applied.
wrong() {
  tell "deploy.sh: $*"
  exit "$EXIT_WRONG_USE"
}

failed() {
  tell "deploy.sh: $*"
  exit "$EXIT_FAILED"
}

kube() { "$KUBECTL" ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"} "$@"; }
ours() { kube --namespace="$NAMESPACE" "$@"; }

# One field of an object as it is on the cluster; empty when there is none.
field() { ours get "$1" --ignore-not-found -o "jsonpath=$2"; }

exists() { [ -n "$(ours get "$1" --ignore-not-found -o name 2>/dev/null)" ]; }

# The first line that says something, of an error of kubectl's in FILE.
first_error() { grep -v -e '^Warning:' -e '^W[0-9]' -e '^$' "$1" | head -1 | sed -e 's/^error: //' -e 's/^Error from server ([A-Za-z]*): //' -e 's/^Error from server: //'; }

make_work_folder() {
  WORK=$(mktemp -d)
  # Kustomize wants the real path.
  WORK=$(cd "$WORK" && pwd -P)
  trap 'rm -rf "$WORK"' EXIT
}

# Asks on a terminal for a word; elsewhere --yes has to be there. Usage: confirm WORD WHAT-WILL-HAPPEN
confirm() {
  local answer
  if [ "$YES" = true ]; then return; fi
  [ -t 0 ] || wrong "$2: nobody can be asked here, so say --yes"
  tell "$2."
  printf 'Type %s to go on: ' "$1" >&2
  read -r answer || answer=
  [ "$answer" = "$1" ] || wrong "that was not $1: nothing was changed"
}

now_s() { date +%s; }
