#!/bin/sh
# Starts PostgreSQL in its container; makes the cluster and the user's database the first time.
# Reads POSTGRES_USER, POSTGRES_PASSWORD and PGDATA, as the official image does.
set -eu
umask 077

if [ ! -d "$PGDATA" ]; then
    # Made beside its place and moved there whole, so that one cut short is never taken for good.
    new=$PGDATA.new
    rm -rf "$new"
    echo "$POSTGRES_PASSWORD" >/tmp/password
    initdb --pgdata="$new" --username="$POSTGRES_USER" --pwfile=/tmp/password \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$new/pg_hba.conf"
    echo "CREATE DATABASE \"$POSTGRES_USER\"" | postgres --single -D "$new" postgres
    mv "$new" "$PGDATA"
fi
exec postgres -c listen_addresses='*'
