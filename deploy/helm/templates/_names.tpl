{{/* Labels of everything, and how things are named. */}}

{{- define "jitasa.labels" -}}
app.kubernetes.io/part-of: jitasa
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Every pod that runs our image. */}}
{{- define "jitasa.everyPod" -}}
app.kubernetes.io/part-of: jitasa
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The pods of one process or job. (root, name) */}}
{{- define "jitasa.selector" -}}
{{ include "jitasa.everyPod" .root }}
app.kubernetes.io/name: {{ .name }}
{{- end }}

{{- define "jitasa.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end }}

{{- define "jitasa.address" -}}
https://{{ required (printf "hosts.%s is not set" .service) (get .root.Values.hosts .service) }}
{{- end }}

{{/* The PostgreSQL server that holds a service's database: its name. (root, service) */}}
{{- define "jitasa.serverOf" -}}
{{- $found := list -}}
{{- range $name, $server := .root.Values.postgres.servers -}}
{{- if and $server (has $.service $server.services) -}}{{- $found = append $found $name -}}{{- end -}}
{{- end -}}
{{- if ne (len $found) 1 -}}{{- fail (printf "postgres.servers: %s lies on %d servers instead of one" .service (len $found)) -}}{{- end -}}
{{- first $found -}}
{{- end }}

{{- define "jitasa.cluster" -}}{{ .root.Release.Name }}-postgres-{{ .server }}{{- end }}

{{/* (root, server) */}}
{{- define "jitasa.postgresHost" -}}
{{- if .root.Values.postgres.cloudnativepg.enabled -}}
{{ include "jitasa.cluster" . }}-rw.{{ .root.Release.Namespace }}.svc
{{- else -}}
{{ required (printf "postgres.servers.%s.host is not set" .server) (get .root.Values.postgres.servers .server).host }}
{{- end -}}
{{- end }}

{{- define "jitasa.kafka" -}}{{ .Release.Name }}-kafka{{- end }}

{{/* (root, administrator): services and the administrator come to different listeners of the chart's own cluster. */}}
{{- define "jitasa.bootstrap" -}}
{{- if .root.Values.kafka.strimzi.enabled -}}
{{ include "jitasa.kafka" .root }}-kafka-bootstrap.{{ .root.Release.Namespace }}.svc:{{ ternary 9094 9093 .administrator }}
{{- else -}}
{{ required "kafka.bootstrap is not set" .root.Values.kafka.bootstrap }}
{{- end -}}
{{- end }}

{{/* The port of the listener that the services come to. */}}
{{- define "jitasa.kafkaPort" -}}
{{- include "jitasa.bootstrap" (dict "root" . "administrator" false) | splitList ":" | last -}}
{{- end }}

{{/* Which Secret holds a file, as JSON: what the installation names, what the operators make, or by its name. A server's
     administrator and authority are of that server: postgres-main-admin. (root, file, server) */}}
{{- define "jitasa.secret" -}}
{{- $kafka := include "jitasa.kafka" .root -}}
{{- $name := .file -}}
{{- if has .file (list "postgres-admin" "postgres-authority.pem") -}}
{{- $name = printf "postgres-%s-%s" .server (trimPrefix "postgres-" .file) -}}
{{- end -}}
{{- $named := get .root.Values.secrets.named $name -}}
{{- if $named -}}
{{ toJson $named }}
{{- else if and .root.Values.kafka.strimzi.enabled (has .file (list "kafka-authority.pem" "subscriber-authority.pem")) -}}
{{ dict "name" (printf "%s-cluster-ca-cert" $kafka) "key" "ca.crt" | toJson }}
{{- else if and .root.Values.kafka.strimzi.enabled (eq .file "kafka-admin") -}}
{{ dict "name" (printf "%s-admin" .root.Release.Name) "key" "password" | toJson }}
{{- else if and .root.Values.postgres.cloudnativepg.enabled (eq .file "postgres-authority.pem") -}}
{{ dict "name" (printf "%s-ca" (include "jitasa.cluster" .)) "key" "ca.crt" | toJson }}
{{- else if and .root.Values.postgres.cloudnativepg.enabled (eq .file "postgres-admin") -}}
{{ dict "name" (printf "%s-superuser" (include "jitasa.cluster" .)) "key" "password" | toJson }}
{{- else -}}
{{ dict "name" (printf "%s%s" .root.Values.secrets.prefix $name) "key" "value" | toJson }}
{{- end -}}
{{- end }}
