{{/*
The environment of each process, in this one file. Every FARM_ name is one of packages/contract/src/env.ts: a process
that finds another one does not start.
*/}}

{{/* Where a process keeps its files; the image has it as a volume. */}}
{{- define "latentfarm.dataDir" -}}/var/lib/latentfarm{{- end -}}
{{- define "latentfarm.httpPort" -}}8080{{- end -}}
{{- define "latentfarm.metricsPort" -}}9464{{- end -}}
{{- define "latentfarm.c2paDir" -}}/run/secrets/latentfarm/c2pa{{- end -}}
{{- define "latentfarm.redisPasswordFile" -}}/run/secrets/latentfarm/redis/{{ .Values.redis.passwordKey }}{{- end -}}

{{/* What every process reads. */}}
{{- define "latentfarm.env.common" -}}
- name: FARM_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: FARM_DATA
  value: {{ include "latentfarm.dataDir" . | quote }}
{{- if and (not .Values.redis.bundled.enabled) (not .Values.redis.url) }}
- name: FARM_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.redis.existingSecret | quote }}
      key: {{ .Values.redis.urlKey | quote }}
{{- else }}
- name: FARM_REDIS_URL
  value: {{ .Values.redis.url | default (printf "redis://%s:6379" (include "latentfarm.componentName" (list . "redis"))) | quote }}
{{- if include "latentfarm.hasRedisPassword" . }}
- name: FARM_REDIS_PASSWORD_FILE
  value: {{ include "latentfarm.redisPasswordFile" . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* "true" where the password of Redis is a file of its own, and does not stand in the URL */}}
{{- define "latentfarm.hasRedisPassword" -}}
{{- if and .Values.redis.existingSecret (or .Values.redis.bundled.enabled .Values.redis.url) -}}true{{- end -}}
{{- end -}}

{{/* Where pictures lie: for gateways, workers and the command line. */}}
{{- define "latentfarm.env.store" -}}
- name: FARM_STORE
  value: {{ .Values.store.kind | quote }}
{{- if eq .Values.store.kind "s3" }}
{{- with .Values.store.s3 }}
- name: FARM_S3_BUCKET
  value: {{ .bucket | quote }}
{{- range $name, $value := dict "FARM_S3_REGION" .region "FARM_S3_ENDPOINT" .endpoint "FARM_S3_PUBLIC_ENDPOINT" .publicEndpoint "FARM_S3_PREFIX" .prefix "FARM_S3_SSE" .sse "FARM_S3_KMS_KEY" .kmsKey "FARM_S3_STORAGE_CLASS" .storageClass }}
{{- if $value }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
- name: FARM_S3_PATH_STYLE
  value: {{ ternary "1" "0" .pathStyle | quote }}
- name: FARM_S3_CHECKSUMS
  value: {{ .checksums | quote }}
- name: FARM_S3_TAGS
  value: {{ ternary "1" "0" .tags | quote }}
- name: FARM_S3_PRESIGN_SECONDS
  value: {{ .presignSeconds | int64 | quote }}
{{- with include "latentfarm.env.accessKey" . }}
{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* AWS's own names for an access key; none where a role gives credentials */}}
{{- define "latentfarm.env.accessKey" -}}
{{- if .existingSecret -}}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret | quote }}
      key: {{ .accessKeyIdKey | quote }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret | quote }}
      key: {{ .secretAccessKeyKey | quote }}
{{- end -}}
{{- end -}}

{{/* Where webhooks may go: the gateway takes their addresses, the courier calls them, so both must know the same. */}}
{{- define "latentfarm.env.webhooks" -}}
{{- with .Values.webhooks.ports -}}
- name: FARM_WEBHOOK_PORTS
  value: {{ include "latentfarm.joinInts" . | quote }}
{{- end -}}
{{- end -}}

{{/* Traces of the three processes that make them; the command line makes none. */}}
{{- define "latentfarm.env.traces" -}}
{{- with .Values.otel -}}
{{- if .endpoint -}}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: {{ .sampler | quote }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .samplerArg | quote }}
{{- if .existingSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret | quote }}
      key: {{ .headersKey | quote }}
{{- end }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name={{ $.Release.Namespace }},k8s.pod.name=$(POD_NAME)
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "latentfarm.env.gateway" -}}
- name: FARM_HOST
  value: {{ .Values.listenAddress | quote }}
- name: FARM_PORT
  value: {{ include "latentfarm.httpPort" . | quote }}
- name: FARM_LAME_DUCK_SECONDS
  value: {{ .Values.gateway.lameDuckSeconds | int64 | quote }}
{{ include "latentfarm.env.common" . }}
{{ include "latentfarm.env.store" . }}
{{- with include "latentfarm.env.traces" . }}
{{ . }}
{{- end }}
{{- with include "latentfarm.env.webhooks" . }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "latentfarm.env.courier" -}}
{{ include "latentfarm.env.metrics" . }}
- name: FARM_COURIER_CONCURRENCY
  value: {{ .Values.courier.concurrency | int64 | quote }}
{{- with .Values.publicUrl }}
- name: FARM_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.webhooks.retrySeconds }}
- name: FARM_WEBHOOK_RETRY_SECONDS
  value: {{ include "latentfarm.joinInts" . | quote }}
{{- end }}
{{ include "latentfarm.env.common" . }}
{{- with include "latentfarm.env.traces" . }}
{{ . }}
{{- end }}
{{- with include "latentfarm.env.webhooks" . }}
{{ . }}
{{- end }}
{{- end -}}

{{/* list root pool */}}
{{- define "latentfarm.env.worker" -}}
{{- $root := first . -}}
{{- $pool := index . 1 -}}
{{ include "latentfarm.env.metrics" $root }}
- name: FARM_MODEL
  value: {{ include "latentfarm.modelDir" $pool | quote }}
- name: FARM_DEVICE
  value: {{ ternary "cuda" "cpu" (gt (int $pool.gpu.count) 0) }}
- name: FARM_WORKER_CONCURRENCY
  value: {{ $pool.concurrency | int64 | quote }}
- name: FARM_SNAPSHOT_STEPS
  value: {{ $pool.snapshotSteps | int64 | quote }}
- name: FARM_DRAIN_SECONDS
  value: {{ $pool.drainSeconds | int64 | quote }}
- name: FARM_ENGINE_THREADS
{{- if $pool.engineThreads }}
  value: {{ $pool.engineThreads | int64 | quote }}
{{- else }}
  # Node counts the machine's cores; the container's are what it may use. Kubernetes rounds up.
  valueFrom:
    resourceFieldRef:
      containerName: worker
      resource: {{ ternary "limits.cpu" "requests.cpu" (hasKey ($pool.resources.limits | default dict) "cpu") }}
      divisor: "1"
{{- end }}
{{- with $pool.spot }}
- name: FARM_SPOT
  value: {{ . | quote }}
{{- end }}
{{- with $root.Values.workers.contentCredentials }}
{{- if .existingSecret }}
- name: FARM_C2PA_CERT
  value: {{ include "latentfarm.c2paDir" . }}/{{ .certKey }}
- name: FARM_C2PA_KEY
  value: {{ include "latentfarm.c2paDir" . }}/{{ .keyKey }}
{{- end }}
{{- end }}
{{- if $root.Values.workers.podDeletionCost.enabled }}
- name: FARM_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: FARM_POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}
{{ include "latentfarm.env.common" $root }}
{{ include "latentfarm.env.store" $root }}
{{- with include "latentfarm.env.traces" $root }}
{{ . }}
{{- end }}
{{- end -}}

{{/* For the command line: Redis and the store. */}}
{{- define "latentfarm.env.tools" -}}
{{ include "latentfarm.env.common" . }}
{{ include "latentfarm.env.store" . }}
{{- end -}}

{{/* For `farm models pull`, which knows neither Redis nor the store of pictures. */}}
{{- define "latentfarm.env.pull" -}}
- name: FARM_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
{{- with .Values.modelStore }}
{{- with .endpoint }}
- name: FARM_MODELS_S3_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .region }}
- name: FARM_MODELS_S3_REGION
  value: {{ . | quote }}
{{- end }}
- name: FARM_MODELS_S3_PATH_STYLE
  value: {{ ternary "1" "0" .pathStyle | quote }}
{{- with include "latentfarm.env.accessKey" . }}
{{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "latentfarm.env.metrics" -}}
- name: FARM_METRICS_HOST
  value: {{ .Values.listenAddress | quote }}
- name: FARM_METRICS_PORT
  value: {{ include "latentfarm.metricsPort" . | quote }}
{{- end -}}

{{- define "latentfarm.joinInts" -}}
{{- $texts := list -}}
{{- range . -}}{{- $texts = append $texts (int64 . | toString) -}}{{- end -}}
{{- join "," $texts -}}
{{- end -}}
