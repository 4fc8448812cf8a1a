{{/* What a schema cannot say. */}}
{{- define "dawnchorus.checks" -}}
{{- $values := .Values -}}
{{- $mode := $values.autoscaling.mode -}}
{{- if not (has $mode (list "none" "cpu" "backlog" "keda")) -}}
{{- fail (printf "autoscaling.mode is %q: exactly one of none, cpu, backlog and keda scales" $mode) -}}
{{- end -}}
{{- if and $values.ingress.enabled $values.httpRoute.enabled -}}
{{- fail "ingress.enabled and httpRoute.enabled: choose one way in" -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.hosts) -}}
{{- fail "ingress.hosts is empty: name a host" -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is empty: name the Gateway" -}}
{{- end -}}
{{- if and (eq $mode "keda") (not $values.devBackends.enabled) (not $values.amqp.managementKey) -}}
{{- fail "autoscaling.mode keda needs amqp.managementKey: only RabbitMQ's HTTP interface counts what is under way" -}}
{{- end -}}
{{- range $key := list "gateway" "ingest" "spectrogram" "spectrogramBulk" "analysis" "analysisBulk" -}}
{{- $workload := include "dawnchorus.workloadValues" (list $ $key) | fromYaml -}}
{{- if and (eq (int $workload.minReplicas) 0) (not (and (eq $mode "keda") (hasSuffix "Bulk" $key))) -}}
{{- fail (printf "workloads.%s.minReplicas is 0: only KEDA brings a workload back from zero, and only the bulk lane can wait for that" $key) -}}
{{- end -}}
{{- if gt (int $workload.minReplicas) (int $workload.maxReplicas) -}}
{{- fail (printf "workloads.%s: minReplicas is more than maxReplicas" $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
