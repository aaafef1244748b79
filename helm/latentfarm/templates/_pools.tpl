{{/* Pools of workers: each is what `workers.defaults` says, with what the pool itself says in its place. */}}

{{/* Where models are mounted in workers and in what fetches them. */}}
{{- define "latentfarm.modelsMount" -}}/models{{- end -}}

{{/* pool -> the folder of its model */}}
{{- define "latentfarm.modelDir" -}}
{{- printf "%s/%s" (include "latentfarm.modelsMount" .) (.model.folder | default .model.name) -}}
{{- end -}}

{{/* pool -> "true" where the pods fetch their model themselves */}}
{{- define "latentfarm.fetchesModel" -}}
{{- if and .model.source (ne .modelCache.type "image") -}}true{{- end -}}
{{- end -}}

{{/* pool -> "true" where a sidecar keeps the model marked as in use: a cache that others may clear */}}
{{- define "latentfarm.holdsModel" -}}
{{- if and (include "latentfarm.fetchesModel" .) .modelCache.evict (ne .modelCache.type "emptyDir") -}}true{{- end -}}
{{- end -}}

{{/*
pool -> seconds that Kubernetes gives a worker to end: before it is told, for its frames, and 30 for the abort of
the step under way, the snapshots of what is left and the engine's end (STOP_SECONDS_WORKER in packages/contract).
*/}}
{{- define "latentfarm.workerGraceSeconds" -}}
{{- add (int64 .preStopSeconds) (int64 .drainSeconds) 30 -}}
{{- end -}}

{{/* list root poolName pool */}}
{{- define "latentfarm.modelsVolume" -}}
{{- $root := first . -}}
{{- $cache := (index . 2).modelCache -}}
- name: models
{{- if eq $cache.type "emptyDir" }}
  emptyDir:
    sizeLimit: {{ $cache.emptyDir.sizeLimit }}
{{- else if eq $cache.type "hostPath" }}
  hostPath:
    path: {{ $cache.hostPath.path | quote }}
    # Not DirectoryOrCreate: that would belong to root, and the pod could not write it.
    type: Directory
{{- else if eq $cache.type "claim" }}
  persistentVolumeClaim:
    claimName: {{ $cache.claim.existingClaim | default (include "latentfarm.componentName" (list $root "models" (index . 1))) | quote }}
{{- else }}
  image:
    reference: {{ $cache.image.reference | quote }}
    pullPolicy: IfNotPresent
{{- end }}
{{- end -}}

{{/*
The container that fetches a model. Many pods of a node may fetch into one folder at once; what is there is checked and
not fetched again. list root pool
*/}}
{{- define "latentfarm.modelFetcher" -}}
{{- $root := first . -}}
{{- $pool := index . 1 -}}
{{- $dir := include "latentfarm.modelDir" $pool -}}
- name: fetch-model
  image: {{ include "latentfarm.image" (list $root $root.Values.tools.image) | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args:
    - models
    - pull
    - --connections={{ $pool.modelCache.connections | int64 }}
    {{- if and $pool.modelCache.evict (ne $pool.modelCache.type "emptyDir") }}
    - --evict
    {{- end }}
    {{- if include "latentfarm.holdsModel" $pool }}
    - --hold
    {{- end }}
    - {{ $pool.model.source | quote }}
    - {{ $dir | quote }}
  env:
    {{- include "latentfarm.env.pull" $root | nindent 4 }}
  {{- if include "latentfarm.holdsModel" $pool }}
  # A sidecar: it starts before the worker, which waits until the model is there, and ends after it. The mark must be of
  # this source: what another one has left is refused by the pull, and is not to be drawn from meanwhile.
  restartPolicy: Always
  startupProbe:
    exec:
      command:
        - grep
        - -qF
        - {{ printf "\"url\": %q" (trimSuffix "/" $pool.model.source) | squote }}
        - {{ $dir }}/.latentfarm-model.json
    periodSeconds: 2
    timeoutSeconds: 2
    # An hour: 25 GB at 7 MB/s.
    failureThreshold: 1800
  {{- end }}
  securityContext:
    {{- include "latentfarm.containerSecurityContext" $root | nindent 4 }}
  resources:
    {{- include "latentfarm.fetcherResources" $pool | nindent 4 }}
  volumeMounts:
    - name: tmp
      mountPath: /tmp
    - name: models
      mountPath: {{ include "latentfarm.modelsMount" $root }}
{{- end -}}

{{/* quantity -> its bytes, rounded up */}}
{{- define "latentfarm.bytes" -}}
{{- $text := kindIs "string" . | ternary . (printf "%.3f" (float64 .)) -}}
{{- $factors := dict "" 1 "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf (regexFind "^[0-9.]+" $text) (get $factors (regexFind "[A-Za-z]*$" $text)) | ceil | int64 -}}
{{- end -}}

{{/*
Where the cache is the pod's own, the disk that it takes is asked for: the node must have it. Kubernetes takes the larger
of what this container and the worker ask for, and the cache stays while the worker writes: so this one asks for both.
*/}}
{{- define "latentfarm.fetcherResources" -}}
{{- $resources := deepCopy .modelCache.resources -}}
{{- if eq .modelCache.type "emptyDir" -}}
{{- $worker := dig "requests" "ephemeral-storage" 0 .resources -}}
{{- $bytes := add (include "latentfarm.bytes" .modelCache.emptyDir.sizeLimit) (include "latentfarm.bytes" $worker) -}}
{{- $disk := dict "requests" (dict "ephemeral-storage" (toString $bytes)) -}}
{{- $resources = merge $resources $disk -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{/*
list root pool -> the query of KEDA: worker-seconds of work of the pool. Work is what waits and what runs, in
megapixel-steps. The pace of one worker is the measured one, and the pool's `rate` while no worker is up. Pools that share
a model go by their own `rate`: what is measured is the mean of all.
*/}}
{{- define "latentfarm.backlogQuery" -}}
{{- $root := first . -}}
{{- $pool := index . 1 -}}
{{- /* The operator puts the namespace on what it scrapes; another Prometheus may not. */ -}}
{{- $own := ternary $root.Release.Namespace "" (and $root.Values.monitoring.enabled $root.Values.gateway.enabled) -}}
{{- $namespace := "" -}}
{{- with $root.Values.prometheus.namespace | default $own -}}
{{- $namespace = printf "namespace=%q" . -}}
{{- end -}}
{{- $at := compact (list (printf "model=%q" $pool.model.name) $namespace $root.Values.prometheus.matchers) | join "," | printf "{%s}" -}}
{{- if eq (float64 $pool.scaling.share) 1.0 -}}
{{- printf "max(farm_backlog_megapixel_steps%s) / (max(farm_rate_megapixel_steps_per_second%s / (farm_model_workers%s > 0)) or vector(%v))" $at $at $at $pool.scaling.rate -}}
{{- else -}}
{{- printf "max(farm_backlog_megapixel_steps%s) * %v / %v" $at $pool.scaling.share $pool.scaling.rate -}}
{{- end -}}
{{- end -}}

{{/* The GPU is a limit, which Kubernetes takes as a request too. */}}
{{- define "latentfarm.workerResources" -}}
{{- $resources := deepCopy .resources -}}
{{- if gt (int .gpu.count) 0 -}}
{{- $gpu := dict "limits" (dict .gpu.resource (int64 .gpu.count)) -}}
{{- $resources = merge $resources $gpu -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
