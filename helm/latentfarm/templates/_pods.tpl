{{/* What the pods of all components have alike. */}}

{{/* The user of the farm's images. */}}
{{- define "latentfarm.uid" -}}10001{{- end -}}

{{/* Pod Security "restricted", for the pod; the argument is the uid, which is the gid too */}}
{{- define "latentfarm.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Pod Security "restricted", for each container */}}
{{- define "latentfarm.containerSecurityContext" -}}
runAsNonRoot: true
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/*
The head of a pod's spec. dict root component settings [pool], where settings may have priorityClassName,
nodeSelector, tolerations, affinity, topologySpread, runtimeClassName.

Without enableServiceLinks: false, Kubernetes would set FARM_..._SERVICE_HOST in each pod of a namespace with a service
named farm-..., and the process would refuse the unknown name.
*/}}
{{- define "latentfarm.podHead" -}}
{{- $at := compact (list (.account | default .component)) -}}
serviceAccountName: {{ include "latentfarm.serviceAccountName" (concat (list .root) $at) }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "latentfarm.podSecurityContext" (.uid | default (include "latentfarm.uid" .root)) | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .settings.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .settings.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with .settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.topologySpread }}
{{- if or .zone .node }}
{{- $labels := include "latentfarm.selectorLabels" (concat (list $.root $.component) (compact (list $.pool))) }}
topologySpreadConstraints:
  {{- if .zone }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: {{ .zone }}
    # Old and new pods of an upgrade are spread each among themselves.
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- $labels | nindent 8 }}
  {{- end }}
  {{- if .node }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ .node }}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- $labels | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Annotations of a pod. dict root annotations [more] */}}
{{- define "latentfarm.podAnnotations" -}}
{{- $all := merge (dict) .annotations .root.Values.podAnnotations (.more | default dict) -}}
{{- with $all -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* Folders that may be written, and the password of Redis. */}}
{{- define "latentfarm.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
- name: data
  mountPath: {{ include "latentfarm.dataDir" . }}
{{- if include "latentfarm.hasRedisPassword" . }}
- name: redis-password
  mountPath: /run/secrets/latentfarm/redis
  readOnly: true
{{- end }}
{{- end -}}

{{/* Pictures of a disk store lie in a folder of the data folder. */}}
{{- define "latentfarm.storeMount" -}}
{{- if eq .Values.store.kind "disk" -}}
- name: store
  mountPath: {{ include "latentfarm.dataDir" . }}/results
{{- end -}}
{{- end -}}

{{/* list root sizeLimit */}}
{{- define "latentfarm.volumes" -}}
{{- $root := first . -}}
- name: tmp
  emptyDir:
    sizeLimit: 256Mi
- name: data
  emptyDir:
    sizeLimit: {{ index . 1 }}
{{- if include "latentfarm.hasRedisPassword" $root }}
- name: redis-password
  secret:
    secretName: {{ $root.Values.redis.existingSecret | quote }}
    # Owned by root with the group of the pod: the one user of the container may read it, and nobody write it.
    defaultMode: 0440
    items:
      - key: {{ $root.Values.redis.passwordKey | quote }}
        path: {{ $root.Values.redis.passwordKey | quote }}
{{- end }}
{{- end -}}

{{- define "latentfarm.storeVolume" -}}
{{- if eq .Values.store.kind "disk" -}}
- name: store
  persistentVolumeClaim:
    claimName: {{ .Values.store.disk.existingClaim | default (include "latentfarm.componentName" (list . "store")) | quote }}
{{- end -}}
{{- end -}}

{{/*
Probes of a farm's process on a named port. The process answers /healthz from its first moment, also while a worker
loads its model, and asks nothing of Redis there: a restart would not bring Redis back, and would lose what is loaded.
*/}}
{{- define "latentfarm.probes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: {{ . }}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: {{ . }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: {{ . }}
  periodSeconds: 5
  timeoutSeconds: 3
  # Half a minute: all processes lose a Redis at once, and while it fails over the gateways' own 503 with Retry-After is a
  # better answer than none. A pod that ends leaves its Service without this.
  failureThreshold: 6
{{- end -}}
