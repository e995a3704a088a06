#!/bin/sh
# Starts the broker: with its passwords in its settings, and at the first time with the two users that have to be there
# before it runs. The others are made by `python -m deploy.cluster kafka`.
set -eu
umask 077

programs=${KAFKA_PROGRAMS:-/opt/kafka/bin}
secrets=${KAFKA_SECRETS:-/run/secrets/jitasa}
settings=${KAFKA_SETTINGS:-/etc/jitasa/kafka.properties}
data=${KAFKA_DATA:-/var/lib/kafka/data}
folder=$(mktemp -d)
filled=$folder/server.properties

broker=$(cat "$secrets/kafka-broker")
controller=$(cat "$secrets/kafka-controller")
admin=$(cat "$secrets/kafka-admin")

# Passwords go through files: everybody on the machine can read a command line.
cat >"$folder/fill.sed" <<END
s|BROKER_PASSWORD|$broker|g
s|CONTROLLER_PASSWORD|$controller|g
s|DATA_FOLDER|$data|g
END
sed -f "$folder/fill.sed" "$settings" >"$filled"

if [ ! -f "$data/meta.properties" ]; then
    cluster=$("$programs/kafka-storage.sh" random-uuid)
    # What kafka-storage.sh does; but Java reads a file of arguments in the place of the class alone, not behind it.
    cat >"$folder/format.arguments" <<END
kafka.tools.StorageTool format --config "$filled" --standalone --cluster-id "$cluster"
--add-scram "SCRAM-SHA-256=[name=broker,password=$broker]"
--add-scram "SCRAM-SHA-256=[name=admin,password=$admin]"
END
    "$programs/kafka-run-class.sh" "@$folder/format.arguments" >/dev/null
fi
rm -f "$folder/fill.sed" "$folder/format.arguments"
exec "$programs/kafka-server-start.sh" "$filled"
