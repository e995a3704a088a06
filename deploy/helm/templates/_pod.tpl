{{/* What every pod has in common. */}}

{{- define "jitasa.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "jitasa.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "jitasa.mounts" -}}
- name: secrets
  mountPath: {{ (.Files.Get "catalogue.json" | fromJson).secrets }}
  readOnly: true
- name: temporary
  mountPath: /tmp
{{- if .Values.authorities.configMap }}
- name: authorities
  mountPath: /etc/jitasa/authorities
  readOnly: true
{{- end }}
{{- end }}

{{/* The files, each from its Secret, as one folder; a Secret that changes is seen without a restart.
     (root, server, files) */}}
{{- define "jitasa.volumes" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range .files }}
      {{- $secret := include "jitasa.secret" (dict "root" $.root "file" . "server" $.server) | fromJson }}
      - secret:
          name: {{ $secret.name }}
          items:
            - key: {{ $secret.key }}
              path: {{ . }}
      {{- end }}
- name: temporary
  emptyDir:
    sizeLimit: 2Gi # reporting keeps 1 GB of files that it made, facilities a list while it is read
{{- with .root.Values.authorities.configMap }}
- name: authorities
  configMap:
    name: {{ . }}
{{- end }}
{{- end }}

{{- define "jitasa.authorities" -}}
{{- if .Values.authorities.configMap }}
- name: SSL_CERT_FILE
  value: /etc/jitasa/authorities/ca.crt
{{- end }}
{{- end }}

{{/* Whether the installation has a feature: "true" or nothing. (root, feature) */}}
{{- define "jitasa.has" -}}
{{- $values := .root.Values -}}
{{- $has := dict "subscribers" $values.subscribers.enabled "reconciling" $values.reconciling.enabled "issuers" $values.issuers.enabled "mail" (ne $values.settings.mail.host "") "traces" (ne $values.settings.traces.endpoint "") -}}
{{- if or (not .feature) (get $has (.feature | default "")) -}}true{{- end -}}
{{- end }}

{{/* The value of one variable. (root, service, process, variable) */}}
{{- define "jitasa.value" -}}
{{- $values := .root.Values -}}
{{- $of := .variable.of -}}
{{- if eq .variable.source "value" -}}
{{ $of }}
{{- else if eq .variable.source "file" -}}
{{ (.root.Files.Get "catalogue.json" | fromJson).secrets }}/{{ $of }}
{{- else if eq .variable.source "address" -}}
{{- $addresses := list -}}
{{- range splitList " " $of -}}{{- $addresses = append $addresses (include "jitasa.address" (dict "root" $.root "service" .)) -}}{{- end -}}
{{ join " " $addresses }}{{ .variable.suffix | default "" }}
{{- else if eq $of "port" -}}
{{ .process.port }}
{{- else if eq $of "trusted-proxies" -}}
{{ join "," $values.network.proxies }}
{{- else if eq $of "kafka-bootstrap" -}}
{{ include "jitasa.bootstrap" (dict "root" .root "administrator" false) }}
{{- else if eq $of "postgres-host" -}}
{{ include "jitasa.postgresHost" (dict "root" .root "server" (include "jitasa.serverOf" .)) }}
{{- else if eq $of "postgres-port" -}}
{{ (get $values.postgres.servers (include "jitasa.serverOf" .)).port }}
{{- else if eq $of "sms-url" -}}
{{ required "settings.smsUrl is not set: nobody could sign in" $values.settings.smsUrl }}
{{- else if hasPrefix "mail-" $of -}}
{{ get $values.settings.mail (trimPrefix "mail-" $of) }}
{{- else if hasPrefix "trace-" $of -}}
{{ get $values.settings.traces (trimPrefix "trace-" $of) }}
{{- else if eq $of "training-policy" -}}
{{ $values.settings.trainingPolicy }}
{{- else if eq $of "subscriber-bootstrap" -}}
{{ required "subscribers.bootstrap is not set" $values.subscribers.bootstrap }}
{{- else -}}
{{ fail (printf "the chart knows no setting %s" $of) }}
{{- end -}}
{{- end }}
