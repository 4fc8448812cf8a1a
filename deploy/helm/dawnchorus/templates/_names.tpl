{{- define "dawnchorus.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects pods; never changes within a release. Takes (root, component). */}}
{{- define "dawnchorus.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* What every object carries. Takes (root, component). */}}
{{- define "dawnchorus.labels" -}}
{{- $root := index . 0 -}}
{{ include "dawnchorus.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: dawnchorus
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What pods carry: nothing that a new version of the chart alone changes, so that it restarts none. */}}
{{- define "dawnchorus.podLabels" -}}
{{ include "dawnchorus.selector" . }}
app.kubernetes.io/part-of: dawnchorus
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "dawnchorus.serviceAccountName" -}}
{{- default (ternary (include "dawnchorus.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Takes (root, service). */}}
{{- define "dawnchorus.image" -}}
{{- $root := index . 0 -}}
{{- $image := $root.Values.image -}}
{{- $registry := default $image.registry $root.Values.global.imageRegistry -}}
{{- $digest := index $image.digests (index . 1) -}}
{{- with $registry }}{{ . }}/{{ end -}}
{{ $image.prefix }}{{ index . 1 }}
{{- if $digest }}@{{ $digest }}{{ else }}:{{ default $root.Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{- define "dawnchorus.pullSecrets" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The Secret of one of amqp, mongodb, s3, internalToken. Takes (root, which). */}}
{{- define "dawnchorus.secret" -}}
{{- $root := index . 0 -}}
{{- $which := index . 1 -}}
{{- if $root.Values.devBackends.enabled -}}
{{ include "dawnchorus.fullname" $root }}-dev
{{- else -}}
{{ (index $root.Values $which).existingSecret | required (printf "%s.existingSecret is required: name the Secret (or set devBackends.enabled to try things out)" $which) }}
{{- end -}}
{{- end -}}

{{/* The key in that Secret; the devBackends' Secret has the default ones. Takes (root, which, key, default). */}}
{{- define "dawnchorus.secretKey" -}}
{{- $root := index . 0 -}}
{{- ternary (index . 3) (index $root.Values (index . 1) (index . 2)) $root.Values.devBackends.enabled -}}
{{- end -}}

{{/* Takes (root, variable, which, key, default key). */}}
{{- define "dawnchorus.secretEnv" -}}
{{- $root := index . 0 -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "dawnchorus.secret" (list $root (index . 2)) }}
      key: {{ include "dawnchorus.secretKey" (list $root (index . 2) (index . 3) (index . 4)) }}
{{- end -}}
