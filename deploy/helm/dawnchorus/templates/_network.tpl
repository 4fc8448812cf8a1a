{{/* Egress to one server. Takes (root, server). */}}
{{- define "dawnchorus.egressTo" -}}
{{- $root := index . 0 -}}
{{- $server := index . 1 -}}
{{- $rule := index $root.Values.networkPolicy.servers $server -}}
- ports:
    {{- if $root.Values.devBackends.enabled }}
    - port: {{ get (dict "amqp" 5672 "management" 15672 "mongodb" 27017 "s3" 8080) $server }}
      protocol: TCP
  to:
    - podSelector:
        matchLabels:
          {{- include "dawnchorus.selector" (list $root (get (dict "amqp" "rabbitmq" "management" "rabbitmq" "mongodb" "mongodb" "s3" "s3") $server)) | nindent 10 }}
    {{- else }}
    {{- range $rule.ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with $rule.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
    {{- end }}
{{- end -}}

{{/* Names, broker, database, S3: what every service reaches. */}}
{{- define "dawnchorus.commonEgress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  {{- with .Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{ include "dawnchorus.egressTo" (list . "amqp") }}
{{ include "dawnchorus.egressTo" (list . "mongodb") }}
{{ include "dawnchorus.egressTo" (list . "s3") }}
{{- end -}}

{{- define "dawnchorus.telemetryEgress" -}}
{{- if .Values.telemetry.otlpEndpoint }}
{{- $rule := .Values.networkPolicy.servers.telemetry }}
- ports:
    {{- range $rule.ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with $rule.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Addresses outside, never those of this or any private network. */}}
{{- define "dawnchorus.outwardEgress" -}}
- ports:
    - {port: 443, protocol: TCP}
  to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
    - ipBlock:
        cidr: ::/0
        except: ["::1/128", "fc00::/7", "fe80::/10"]
{{- end -}}

{{/* Takes the workload's context. */}}
{{- define "dawnchorus.networkPolicy" -}}
{{- $root := .root -}}
{{- $policy := $root.Values.networkPolicy -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list $root .component) | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "dawnchorus.selector" (list $root .component) | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- include "dawnchorus.callers" . | trim | nindent 4 }}
  egress:
    {{- include "dawnchorus.commonEgress" $root | nindent 4 }}
    {{- with include "dawnchorus.telemetryEgress" $root | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- if eq .component "gateway" }}
    {{- if or $root.Values.amqp.managementKey $root.Values.devBackends.enabled }}
    {{- include "dawnchorus.egressTo" (list $root "management") | nindent 4 }}
    {{- end }}
    - ports:
        - {port: http, protocol: TCP}
      to:
        {{- range list "ingest" "spectrogram" }}
        - podSelector:
            matchLabels:
              {{- include "dawnchorus.selector" (list $root .) | nindent 14 }}
        {{- end }}
    {{- if $policy.gatewayOutward }}
    {{- include "dawnchorus.outwardEgress" $root | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- if and (eq .component "ingest") $policy.ingestOutward }}
    {{- include "dawnchorus.outwardEgress" $root | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Who may ask a workload; nobody else. Takes the workload's context. */}}
{{- define "dawnchorus.callers" -}}
{{- $root := .root -}}
{{- $policy := $root.Values.networkPolicy -}}
{{- $component := .component -}}
{{- if eq $component "gateway" }}
- ports:
    - {port: http, protocol: TCP}
  {{- if $policy.gatewayFrom }}
  from:
    {{- toYaml $policy.gatewayFrom | nindent 4 }}
    - podSelector:
        matchLabels:
          {{- include "dawnchorus.selector" (list $root "test") | nindent 10 }}
  {{- end }}
{{- else }}
- ports:
    - {port: http, protocol: TCP}
  from:
    {{- range ternary (list "gateway" "test") (list "test") (has $component (list "ingest" "spectrogram")) }}
    - podSelector:
        matchLabels:
          {{- include "dawnchorus.selector" (list $root .) | nindent 10 }}
    {{- end }}
{{- end }}
{{- with $policy.monitoringFrom }}
- ports:
    - {port: http, protocol: TCP}
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}
