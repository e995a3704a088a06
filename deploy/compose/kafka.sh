#!/bin/sh
# Starts the broker: with its passwords in its settings, and at the first time with the two users that have to be there
# before it runs. The others are made by `python -m deploy.cluster kafka`.
set -eu
umask 077

programs=${KAFKA_PROGRAMS:-/opt/kafka/bin}
secrets=${KAFKA_SECRETS:-/run/secrets/jitasa}
settings=${KAFKA_SETTINGS:-/etc/jitasa/kafka.properties}
data=${KAFKA_DATA:-/var/lib/kafka/data}
filled=$(mktemp -d)/server.properties

broker=$(cat "$secrets/kafka-broker")
controller=$(cat "$secrets/kafka-controller")
admin=$(cat "$secrets/kafka-admin")

sed -e "s|BROKER_PASSWORD|$broker|g" -e "s|CONTROLLER_PASSWORD|$controller|g" -e "s|DATA_FOLDER|$data|g" \
    "$settings" >"$filled"

if [ ! -f "$data/meta.properties" ]; then
    "$programs/kafka-storage.sh" format --config "$filled" --standalone \
        --cluster-id "$("$programs/kafka-storage.sh" random-uuid)" \
        --add-scram "SCRAM-SHA-256=[name=broker,password=$broker]" \
        --add-scram "SCRAM-SHA-256=[name=admin,password=$admin]" >/dev/null
fi
exec "$programs/kafka-server-start.sh" "$filled"
