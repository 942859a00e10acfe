#!/bin/sh
# Makes the base image `repair-base:<suite>` where no image registry is in reach: Debian with
# Python, venv, pip, git and a C compiler with Python's headers, from the mirror that this machine's own apt uses.
# Usage: offline-base.sh [SUITE [MIRROR]]. Needs root, debootstrap and a Docker engine.
set -eu

suite=${1:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
mirror=${2:-}

# The first URI of the suite in apt's sources, in either format.
if [ -z "$mirror" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v suite="$suite" '$2 == suite { print $1; exit }')
fi
if [ -z "$mirror" ]; then
    echo "offline-base: apt on this machine has no source for $suite; name a mirror:" >&2
    echo "    docker/offline-base.sh $suite MIRROR" >&2
    exit 2
fi
command -v debootstrap >/dev/null || {
    echo "offline-base: debootstrap is missing; install it with apt-get install debootstrap" >&2
    exit 2
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase \
    --include=python3,python3-venv,python3-pip,python3-dev,gcc,g++,make,git,ca-certificates \
    "$suite" "$folder/root" "$mirror" >"$folder/log" 2>&1 || {
    tail -n 20 "$folder/log" >&2
    exit 1
}
rm -rf "$folder"/root/var/cache/apt/archives/*.deb "$folder"/root/var/lib/apt/lists/*
tar -C "$folder/root" -c . | docker import - "repair-base:$suite"
