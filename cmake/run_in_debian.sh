#!/bin/bash
# Runs a command on a copy of this checkout in a Debian root: run_in_debian.sh SUITE ROOT COMMAND...
# ROOT is made with debootstrap if it is not there. The copy keeps its build folder, so that a second call is quick.
set -euo pipefail
if ((EUID != 0)); then exec sudo --preserve-env=http_proxy,https_proxy,no_proxy "$0" "$@"; fi
suite=$1 root=$2
shift 2
cd "$(dirname "$0")/.."
PATH+=:/usr/sbin:/sbin

# Mounts and processes of its own: whatever ends this script ends them too. Where a container forbids that, the root gets
# no mounts at all.
private=(setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child)
if ! "${private[@]}" true 2>/dev/null; then
  private=()
  echo "Mounts are forbidden here: no /proc, /sys and /dev/shm in $root"
fi

environment=(HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin)
for name in http_proxy https_proxy no_proxy; do
  if [[ -v $name ]]; then environment+=("$name=${!name}"); fi
done

# run_in ROOT COMMAND...: in the copy of the checkout.
run_in() {
  "${private[@]}" bash -euc '
    root=$1 mounts=$2
    shift 2
    if ((mounts)); then
      mount -t proc proc "$root/proc"
      mount --rbind /sys "$root/sys"
      mount --rbind /dev "$root/dev"
      mount -t tmpfs tmpfs "$root/tmp"
    fi
    # No exec: bash, as process 1, collects the processes that a test leaves behind.
    chroot "$root" env -i --chdir=/ekman "$@"
    exit' bash "$1" ${#private[@]} "${environment[@]}" "${@:2}" </dev/null
}

# copy_to ROOT: what git tracks or would track, in place of the copy of an earlier call.
copy_to() {
  mkdir -p "$1/ekman"
  find "$1/ekman" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  git ls-files -coz --exclude-standard | tar -c --null -T - --ignore-failed-read | tar -x --no-same-owner -C "$1/ekman"
  cp --dereference /etc/hosts /etc/resolv.conf "$1/etc"
}

mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
if [[ ! -d $root ]]; then
  if ! command -v debootstrap >/dev/null; then
    apt-get update -q
    apt-get install -qy --no-install-recommends debootstrap debian-archive-keyring
  fi
  # Under another name until it is whole.
  rm -rf --one-file-system "$root.part"
  "${private[@]}" debootstrap --variant=minbase --include=make "$suite" "$root.part"
  copy_to "$root.part"
  run_in "$root.part" cmake/install_packages.sh
  run_in "$root.part" apt-get clean
  mv "$root.part" "$root"
fi
copy_to "$root"
run_in "$root" "$@"
