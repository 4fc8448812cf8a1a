{{/*
A server of devBackends: one replica, a headless Service, a disk of its own, reached by this release's pods alone.
Takes root, component, mount, user, ports, env, and perhaps command, args, probe (else the first port is tried).
*/}}
{{- define "dawnchorus.devServer" -}}
{{- $root := .root -}}
{{- $dev := $root.Values.devBackends -}}
{{- $name := printf "%s-%s" (include "dawnchorus.fullname" $root) .component -}}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list $root .component) | nindent 4 }}
spec:
  clusterIP: None
  # A replica set begins with a member that finds itself by name.
  publishNotReadyAddresses: true
  selector:
    {{- include "dawnchorus.selector" (list $root .component) | nindent 4 }}
  ports:
    {{- range $port, $number := .ports }}
    - name: {{ $port }}
      port: {{ $number }}
      targetPort: {{ $port }}
      protocol: TCP
    {{- end }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list $root .component) | nindent 4 }}
spec:
  replicas: 1
  serviceName: {{ $name }}
  selector:
    matchLabels:
      {{- include "dawnchorus.selector" (list $root .component) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "dawnchorus.podLabels" (list $root .component) | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        runAsUser: {{ .user }}
        runAsGroup: {{ .user }}
        fsGroup: {{ .user }}
        # RabbitMQ refuses a cookie that its group may read, which a change at every start would make it.
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile:
          type: RuntimeDefault
      {{- with include "dawnchorus.pullSecrets" $root | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ index $dev.images .component }}
          {{- with .command }}
          command: {{ toJson . }}
          {{- end }}
          {{- with .args }}
          args: {{ toJson . }}
          {{- end }}
          ports:
            {{- range $port, $number := .ports }}
            - name: {{ $port }}
              containerPort: {{ $number }}
              protocol: TCP
            {{- end }}
          env:
            {{- toYaml .env | nindent 12 }}
          readinessProbe:
            {{- if .probe }}
            exec:
              command: {{ toJson .probe }}
            {{- else }}
            tcpSocket:
              port: {{ keys .ports | first }}
            {{- end }}
            periodSeconds: 10
            timeoutSeconds: 10
          resources:
            {{- toYaml $dev.resources | nindent 12 }}
          {{- include "dawnchorus.containerSecurity" $root | nindent 10 }}
          volumeMounts:
            - name: disk
              mountPath: {{ .mount }}
              # A folder in it: some file systems have a lost+found of root's.
              subPath: files
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 1Gi
  volumeClaimTemplates:
    - metadata:
        name: disk
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $dev.storageClassName }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ $dev.size }}
{{- if $root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dawnchorus.labels" (list $root .component) | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "dawnchorus.selector" (list $root .component) | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app.kubernetes.io/instance: {{ $root.Release.Name }}
  egress:
    - ports:
        - {port: 53, protocol: UDP}
        - {port: 53, protocol: TCP}
    - to:
        - podSelector:
            matchLabels:
              {{- include "dawnchorus.selector" (list $root .component) | nindent 14 }}
{{- end }}
{{- end -}}
