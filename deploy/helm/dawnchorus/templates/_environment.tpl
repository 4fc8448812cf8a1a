{{/* The environment of a workload's container. Takes the workload's context. */}}
{{- define "dawnchorus.environment" -}}
{{- $root := .root -}}
{{- include "dawnchorus.serverEnvironment" (list $root .service) }}
- name: DAWNCHORUS_DRAIN_TIMEOUT_S
  value: {{ .values.drainSeconds | quote }}
{{- if has .service (list "spectrogram" "analysis") }}
{{- $separate := $root.Values.lanes.separate }}
- name: DAWNCHORUS_INTERACTIVE_SLOTS
  value: {{ ternary 0 .values.slots.interactive (and $separate .isBulk) | quote }}
- name: DAWNCHORUS_BULK_SLOTS
  value: {{ ternary 0 .values.slots.bulk (and $separate (not .isBulk)) | quote }}
{{- end }}
{{- if eq .service "gateway" }}
- name: DAWNCHORUS_INGEST_URL
  value: http://{{ include "dawnchorus.fullname" $root }}-ingest
- name: DAWNCHORUS_SPECTROGRAM_URL
  value: http://{{ include "dawnchorus.fullname" $root }}-spectrogram
{{- if or $root.Values.amqp.managementKey $root.Values.devBackends.enabled }}
{{ include "dawnchorus.secretEnv" (list $root "DAWNCHORUS_RABBITMQ_MANAGEMENT_URL" "amqp" "managementKey" "RABBITMQ_MANAGEMENT_URL") }}
{{- end }}
{{- end }}
{{- if has .service (list "gateway" "ingest") }}
- name: DAWNCHORUS_MAX_UPLOAD_BYTES
  value: {{ $root.Values.maxUploadBytes | int64 | quote }}
{{- end }}
{{- include "dawnchorus.tracing" $root }}
{{- range $name, $value := merge (dict) .values.settings $root.Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Where the servers are. Takes (root, service). */}}
{{- define "dawnchorus.serverEnvironment" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 -}}
{{- $dev := $root.Values.devBackends.enabled -}}
- name: DAWNCHORUS_HOST
  value: 0.0.0.0
- name: DAWNCHORUS_PORT
  value: "8000"
{{ include "dawnchorus.secretEnv" (list $root "AMQP_URL" "amqp" "key" "AMQP_URL") }}
{{ include "dawnchorus.secretEnv" (list $root "MONGODB_URL" "mongodb" "key" "MONGODB_URL") }}
{{ include "dawnchorus.secretEnv" (list $root "S3_ACCESS_KEY_ID" "s3" "accessKeyIdKey" "S3_ACCESS_KEY_ID") }}
{{ include "dawnchorus.secretEnv" (list $root "S3_SECRET_ACCESS_KEY" "s3" "secretAccessKeyKey" "S3_SECRET_ACCESS_KEY") }}
- name: S3_BUCKET
  value: {{ $root.Values.s3.bucket }}
- name: S3_REGION
  value: {{ $root.Values.s3.region }}
{{- with ternary (printf "http://%s-s3:8080" (include "dawnchorus.fullname" $root)) $root.Values.s3.endpointUrl $dev }}
- name: S3_ENDPOINT_URL
  value: {{ . }}
{{- end }}
{{- if and $root.Values.s3.publicEndpointUrl (eq $service "ingest") }}
- name: S3_PUBLIC_ENDPOINT_URL
  value: {{ $root.Values.s3.publicEndpointUrl }}
{{- end }}
{{- if ne $service "analysis" }}
{{ include "dawnchorus.secretEnv" (list $root "DAWNCHORUS_INTERNAL_TOKEN" "internalToken" "key" "DAWNCHORUS_INTERNAL_TOKEN") }}
{{- end }}
{{- end -}}

{{- define "dawnchorus.tracing" -}}
{{- with .Values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . }}
- name: OTEL_TRACES_SAMPLER
  value: {{ $.Values.telemetry.sampler }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $.Values.telemetry.samplerArg | quote }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: OTEL_RESOURCE_ATTRIBUTES
  value: service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME),k8s.namespace.name={{ $.Release.Namespace }}
{{- end }}
{{- end -}}
