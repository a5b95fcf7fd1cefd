#!/bin/sh
# Runs MariaDB for `wherry up`: makes the database on its first start, then serves it on the port that it is given, at the loopback address only.
set -eu
PATH=$PATH:/usr/sbin
data=$WHERRY_VOLUME_DATA
user=$(id -un)
umask 077
if [ ! -d "$data/mysql" ]; then
    mariadb-install-db --no-defaults --datadir="$data" --user="$user" --auth-root-authentication-method=normal --skip-test-db >/dev/null
fi
cat >"$data/start.sql" <<SQL
CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;
CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
GRANT ALL ON *.* TO root@127.0.0.1;
ALTER USER root@localhost IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
SQL
exec mariadbd --no-defaults --datadir="$data" --user="$user" --bind-address=127.0.0.1 --port="$WHERRY_PORT_3306" --socket=mariadb.sock \
    --pid-file=mariadb.pid --skip-name-resolve --innodb-buffer-pool-size=32M --init-file="$data/start.sql"
