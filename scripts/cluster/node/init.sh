#!/bin/sh
# The beginning of a node's first process, in mount, process and host name namespaces of its own: gives the node a /run and
# a /var of its own, hides the machine's settings from it, then becomes the pause program, which takes in orphans.
# usage: init.sh FOLDER NAME PAUSE
set -eu
folder=$1 name=$2 pause=$3

mount --make-rshared /
mount -t overlay -o "lowerdir=/var,upperdir=$folder/var,workdir=$folder/var.work" overlay /var
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/containerd /run/lock
mkdir -p /var/lib/containerd /var/lib/kubelet /var/log/pods /var/log/containers
# An overlay cannot carry the overlays of containers; these two lie on the disk itself.
mount --bind "$folder/containerd" /var/lib/containerd
mount --bind "$folder/kubelet" /var/lib/kubelet
mount --make-rshared /var/lib/kubelet

# The kubelet writes these settings, which are the whole machine's: it gets files of its own instead.
cover() {
  printf '%s\n' "$2" >"$folder/settings/$(echo "$1" | tr / -)"
  mount --bind "$folder/settings/$(echo "$1" | tr / -)" "/proc/sys/$1"
}
cover vm/overcommit_memory 1
cover vm/panic_on_oom 0
cover kernel/panic 10
cover kernel/panic_on_oops 1
cover kernel/keys/root_maxkeys 1000000
cover kernel/keys/root_maxbytes 25000000
# A node that boots again must look like one.
cover kernel/random/boot_id "$(cat /proc/sys/kernel/random/uuid)"

printf '%s' "$folder" | md5sum | cut -c1-32 >"$folder/machine-id"
[ ! -e /etc/machine-id ] || mount --bind "$folder/machine-id" /etc/machine-id
hostname "$name"

touch "$folder/ready"
exec "$pause"
