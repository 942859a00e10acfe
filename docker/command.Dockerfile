# The command alone, without the service. Built from a clone:
#   docker build -f docker/command.Dockerfile -t repair .
# With the engine of the host as the sandbox (whoever may use it is root there):
# (with `--network host` give it a `--hostname` of its own: owners of containers are told by it)
#   docker run --rm -v "$PWD:$PWD" -w "$PWD" -v /var/run/docker.sock:/var/run/docker.sock \
#       --group-add "$(stat -c %g /var/run/docker.sock)" -v repair-state:/var/lib/repair repair .
# With bubblewrap inside, which needs to make namespaces:
#   docker run --rm -v "$PWD:$PWD" -w "$PWD" -v repair-state:/var/lib/repair \
#       --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
#       --security-opt systempaths=unconfined repair .
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS trusted
# A company's own certificates, if there are any: see docker/ca/README.md.
COPY docker/ca/ /usr/local/share/ca-certificates/
RUN update-ca-certificates
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

FROM trusted AS build
WORKDIR /src
ENV PIP_CERT=${SSL_CERT_FILE}
# A package mirror, if yours is not the public one.
ARG PIP_INDEX_URL
# What `repair --version` says; there is no git in here.
ARG VERSION=
ENV SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
RUN python3 -m venv /opt/repair
COPY requirements.lock ./
RUN /opt/repair/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY cli cli
COPY sandbox sandbox
COPY workers workers
RUN /opt/repair/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM trusted
# git brings the repositories in; a compiler is for projects that build one of their modules.
RUN command -v git gcc >/dev/null || { apt-get update \
    && apt-get install -y --no-install-recommends git ca-certificates gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*; }
RUN groupadd --gid 10001 repair \
    && useradd --uid 10001 --gid 10001 --create-home --home-dir /var/lib/repair repair
COPY --from=build /opt/repair /opt/repair
ENV PATH=/opt/repair/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REPAIR_STATE_DIR=/var/lib/repair/state \
    REPAIR_CACHE_DIR=/var/lib/repair/cache
USER repair
RUN mkdir -p /var/lib/repair/state /var/lib/repair/cache
WORKDIR /var/lib/repair
VOLUME ["/var/lib/repair"]
ENTRYPOINT ["repair"]
CMD ["--help"]
