# Redis and PostgreSQL from Debian's packages, where their official images cannot be had. Users,
# folders and variables are those of the official images, so that compose.yaml fits both.
ARG BASE=repair-base:bookworm

FROM ${BASE} AS redis
RUN groupadd --system --gid 999 redis \
    && useradd --system --uid 999 --gid redis --home-dir /data redis \
    && apt-get update \
    && apt-get install -y --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/*
RUN install --directory --owner redis --group redis /data
USER redis
WORKDIR /data
VOLUME ["/data"]
EXPOSE 6379
CMD ["redis-server"]

FROM ${BASE} AS postgres
RUN groupadd --system --gid 999 postgres \
    && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql postgres \
    && mkdir -p /etc/postgresql-common \
    && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/postgresql/*/bin /usr/local/lib/postgresql
COPY offline-postgres.sh /usr/local/bin/
RUN install --directory --owner postgres --group postgres --mode 700 /var/lib/postgresql/data
ENV PATH=/usr/local/lib/postgresql:$PATH \
    PGDATA=/var/lib/postgresql/data/cluster
USER postgres
VOLUME ["/var/lib/postgresql/data"]
EXPOSE 5432
# A fast shutdown: it does not wait for clients to leave.
STOPSIGNAL SIGINT
ENTRYPOINT ["offline-postgres.sh"]
