{{/* The queues that a workload takes from, as YAML. Takes the workload's context. */}}
{{- define "dawnchorus.queues" -}}
{{- if or (not .root.Values.lanes.separate) (not .isBulk) }}
- {{ .service }}.work.interactive
{{- end }}
{{- if or (not .root.Values.lanes.separate) .isBulk }}
- {{ .service }}.work.bulk
{{- end }}
{{- end -}}

{{/* At most one autoscaler; the Deployment then says no replicas. Takes the workload's context. */}}
{{- define "dawnchorus.autoscaler" -}}
{{- $mode := .root.Values.autoscaling.mode -}}
{{- $isWorker := has .service (list "spectrogram" "analysis") -}}
{{- if eq $mode "none" -}}
{{- else if and $isWorker (eq $mode "keda") -}}
{{- include "dawnchorus.scaledObject" . -}}
{{- else -}}
{{- include "dawnchorus.horizontalPodAutoscaler" (merge (dict "byBacklog" (and $isWorker (eq $mode "backlog"))) .) -}}
{{- end -}}
{{- end -}}

{{- define "dawnchorus.scalingBehaviour" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  selectPolicy: Max
  policies:
    - {type: Percent, value: 100, periodSeconds: 30}
    - {type: Pods, value: 4, periodSeconds: 30}
scaleDown:
  stabilizationWindowSeconds: {{ .Values.autoscaling.scaleDownWindowSeconds }}
  selectPolicy: Min
  policies:
    - {type: Percent, value: 25, periodSeconds: 60}
    - {type: Pods, value: 4, periodSeconds: 60}
{{- end -}}

{{- define "dawnchorus.horizontalPodAutoscaler" -}}
{{- $scaling := .root.Values.autoscaling -}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list .root .component) | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ .values.minReplicas }}
  maxReplicas: {{ .values.maxReplicas }}
  behavior:
    {{- include "dawnchorus.scalingBehaviour" .root | nindent 4 }}
  metrics:
    {{- if .byBacklog }}
    {{- range include "dawnchorus.queues" . | fromYamlArray }}
    - type: External
      external:
        metric:
          name: {{ $scaling.backlogMetric }}
          selector:
            matchLabels:
              queue: {{ . }}
        target:
          type: AverageValue
          averageValue: {{ $scaling.backlogPerReplica | quote }}
    {{- end }}
    {{- else }}
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $scaling.cpuPercent }}
    {{- end }}
{{- end -}}

{{- define "dawnchorus.scaledObject" -}}
{{- $scaling := .root.Values.autoscaling -}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list .root .component) | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicaCount: {{ .values.minReplicas }}
  maxReplicaCount: {{ .values.maxReplicas }}
  pollingInterval: {{ $scaling.pollingSeconds }}
  cooldownPeriod: {{ $scaling.cooldownSeconds }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- include "dawnchorus.scalingBehaviour" .root | nindent 8 }}
  triggers:
    {{- $root := .root }}
    {{- range include "dawnchorus.queues" . | fromYamlArray }}
    - type: rabbitmq
      metricType: AverageValue
      metadata:
        # Over AMQP KEDA counts what waits alone: a queue whose messages are all under way would count as empty,
        # and the replicas that work on them would be taken away.
        protocol: http
        queueName: {{ . }}
        vhostName: {{ $root.Values.amqp.vhost | quote }}
        mode: QueueLength
        value: {{ $scaling.backlogPerReplica | quote }}
        activationValue: "0"
        excludeUnacknowledged: "false"
      authenticationRef:
        name: {{ include "dawnchorus.fullname" $root }}-rabbitmq
    {{- end }}
{{- end -}}
