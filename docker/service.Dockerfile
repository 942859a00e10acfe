# syntax of the classic builder on purpose: it is what an engine has without any plugin.
#
# One image for the web process and for the workers; the command decides which.
#   docker build -f docker/service.Dockerfile -t repair-service .
# Where no image registry is in reach (docker/offline-base.sh makes that base):
#   docker build -f docker/service.Dockerfile -t repair-service --build-arg BASE=repair-base:bookworm .
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
RUN python3 -m venv /opt/repair
# The dependencies alone first: they change less often than the source.
COPY requirements-service.lock ./
RUN /opt/repair/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r requirements-service.lock
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY cli cli
COPY sandbox sandbox
COPY workers workers
RUN /opt/repair/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM trusted
# git brings the repositories in, and the patches out.
RUN command -v git >/dev/null || { apt-get update \
    && apt-get install -y --no-install-recommends git ca-certificates \
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
# Never a checkout: what lies in the working directory could be imported.
WORKDIR /var/lib/repair
VOLUME ["/var/lib/repair"]
EXPOSE 8300
CMD ["repair", "--help"]
