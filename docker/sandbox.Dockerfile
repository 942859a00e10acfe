# What projects are installed and tested on, when the plain python:X.Y-slim is too bare: a compiler
# and git beside Python. Set REPAIR_DOCKER_IMAGE to its name.
#   docker build -f docker/sandbox.Dockerfile -t repair-sandbox docker
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc g++ git libc6-dev make pkg-config \
    && rm -rf /var/lib/apt/lists/*
