{{/* The values of a workload over those of its sibling and the defaults. Takes (root, key). */}}
{{- define "dawnchorus.workloadValues" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $values := deepCopy $root.Values.defaults -}}
{{- $sibling := trimSuffix "Bulk" $key -}}
{{- if ne $sibling $key -}}
{{- $values = mergeOverwrite $values (deepCopy (index $root.Values.workloads $sibling)) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $values (deepCopy (index $root.Values.workloads $key))) -}}
{{- end -}}

{{/*
Everything of one workload: Deployment, Service, disruption budget, autoscaler, network policy.
Takes (root, key, component); the component's service is its first word, and `-bulk` its lane.
*/}}
{{- define "dawnchorus.workload" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $component := $key | kebabcase -}}
{{- $isBulk := hasSuffix "-bulk" $component -}}
{{- include "dawnchorus.checks" $root -}}
{{- if or (not $isBulk) $root.Values.lanes.separate -}}
{{- $workload := include "dawnchorus.workloadValues" (list $root $key) | fromYaml -}}
{{- $name := printf "%s-%s" (include "dawnchorus.fullname" $root) $component -}}
{{- $context := dict "root" $root "key" $key "component" $component "name" $name "values" $workload "service" (trimSuffix "-bulk" $component) "isBulk" $isBulk -}}
{{- include "dawnchorus.deployment" $context }}
{{ include "dawnchorus.service" $context }}
{{ include "dawnchorus.disruptionBudget" $context }}
{{ include "dawnchorus.autoscaler" $context }}
{{- if $root.Values.networkPolicy.enabled }}
{{ include "dawnchorus.networkPolicy" $context }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "dawnchorus.deployment" -}}
{{- $root := .root -}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list $root .component) | nindent 4 }}
spec:
  {{- if eq $root.Values.autoscaling.mode "none" }}
  replicas: {{ .values.replicas }}
  {{- end }}
  minReadySeconds: 5
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 25%
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- include "dawnchorus.selector" (list $root .component) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "dawnchorus.podLabels" (list $root .component) | nindent 8 }}
        {{- with .values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "dawnchorus.podSecurity" $root | nindent 6 }}
      serviceAccountName: {{ include "dawnchorus.serviceAccountName" $root }}
      {{- /* Above what draining takes: who is killed first leaves tasks to their leases. */}}
      terminationGracePeriodSeconds: {{ add .values.preStopSeconds .values.drainSeconds 30 }}
      {{- include "dawnchorus.placing" . | nindent 6 }}
      containers:
        - name: {{ .service }}
          image: {{ include "dawnchorus.image" (list $root .service) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          ports:
            - name: http
              containerPort: 8000
              protocol: TCP
          env:
            {{- include "dawnchorus.environment" . | nindent 12 }}
          {{- include "dawnchorus.probes" . | nindent 10 }}
          lifecycle:
            preStop:
              exec:
                command: [sleep, {{ .values.preStopSeconds | quote }}]
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          {{- include "dawnchorus.containerSecurity" $root | nindent 10 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: {{ .values.tmpSize }}
{{- end -}}

{{- define "dawnchorus.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.podSecurity.user }}
  runAsGroup: {{ .Values.podSecurity.group }}
  fsGroup: {{ .Values.podSecurity.group }}
  seccompProfile:
    type: RuntimeDefault
{{- include "dawnchorus.pullSecrets" . }}
{{- end -}}

{{- define "dawnchorus.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- define "dawnchorus.placing" -}}
topologySpreadConstraints:
  {{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- $selector := include "dawnchorus.selector" (list .root .component) }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
  {{- end }}
  {{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "dawnchorus.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: {{ div (add .values.startupSeconds 1) 2 }}
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{- define "dawnchorus.service" -}}
{{- $root := .root -}}
{{- $isGateway := eq .component "gateway" -}}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list $root .component) | nindent 4 }}
  {{- if and $isGateway $root.Values.service.annotations }}
  annotations:
    {{- toYaml $root.Values.service.annotations | nindent 4 }}
  {{- end }}
spec:
  type: {{ ternary $root.Values.service.type "ClusterIP" $isGateway }}
  selector:
    {{- include "dawnchorus.selector" (list $root .component) | nindent 4 }}
  ports:
    - name: http
      port: {{ ternary $root.Values.service.port 80 $isGateway }}
      targetPort: http
      protocol: TCP
      appProtocol: http
{{- end -}}

{{- define "dawnchorus.disruptionBudget" -}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list .root .component) | nindent 4 }}
spec:
  maxUnavailable: {{ .values.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "dawnchorus.selector" (list .root .component) | nindent 6 }}
{{- end -}}
