{{/* What a schema cannot say: values that do not go together. All problems are told at once. */}}

{{- define "latentfarm.validate" -}}
{{- $problems := concat (include "latentfarm.problems.farm" . | fromJsonArray) (include "latentfarm.problems.pools" . | fromJsonArray) -}}
{{- if $problems -}}
{{- fail (printf "\nCannot render the chart as its values are wrong:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "latentfarm.problems.farm" -}}
{{- $problems := list -}}
{{- with .Values.redis -}}
{{- if and .bundled.enabled .url -}}
{{- $problems = append $problems "redis.url is set, but redis.bundled.enabled is true" -}}
{{- end -}}
{{- if and (not .existingSecret) (or .bundled.enabled (not .url)) -}}
{{- $problems = append $problems "redis.existingSecret is empty: name the Secret with the URL of Redis, or with the password of the bundled one" -}}
{{- end -}}
{{- if regexMatch "^[a-z]+://[^/]*@|[?&](user|pass)" .url -}}
{{- $problems = append $problems "redis.url holds a password or a user: put the whole URL into the Secret redis.existingSecret" -}}
{{- end -}}
{{- end -}}
{{- with .Values.store -}}
{{- if and (eq .kind "s3") (not .s3.bucket) -}}
{{- $problems = append $problems "store.s3.bucket is empty, but store.kind is s3" -}}
{{- end -}}
{{- if and (eq .kind "disk") .s3.bucket -}}
{{- $problems = append $problems "store.s3.bucket is set, but store.kind is disk" -}}
{{- end -}}
{{- if and .s3.kmsKey (ne .s3.sse "aws:kms") -}}
{{- $problems = append $problems "store.s3.kmsKey is set, but store.s3.sse is not aws:kms" -}}
{{- end -}}
{{- end -}}
{{- with .Values.gateway -}}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- $problems = append $problems "gateway.autoscaling.minReplicas is above maxReplicas" -}}
{{- end -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- $problems = append $problems "gateway.ingress.hosts is empty" -}}
{{- end -}}
{{- if and .httpRoute.enabled (or (not .httpRoute.parentRefs) (not .httpRoute.hostnames)) -}}
{{- $problems = append $problems "gateway.httpRoute.parentRefs or hostnames is empty" -}}
{{- end -}}
{{- end -}}
{{- with .Values.tools.gc -}}
{{- if and .enabled (not .olderThan) (not .tenants) -}}
{{- $problems = append $problems "tools.gc.olderThan and tenants are empty, but tools.gc.enabled is true" -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "latentfarm.problems.pools" -}}
{{- $root := . -}}
{{- $problems := list -}}
{{- $shares := dict -}}
{{- $caches := dict -}}
{{- range $name, $own := .Values.workers.pools -}}
{{- $pool := mergeOverwrite (deepCopy $root.Values.workers.defaults) (deepCopy $own) -}}
{{- $at := printf "workers.pools.%s" $name -}}
{{- if not $pool.model.name -}}
{{- $problems = append $problems (printf "%s.model.name is empty" $at) -}}
{{- end -}}
{{- with $pool.modelCache -}}
{{- if and (eq .type "emptyDir") (not $pool.model.source) -}}
{{- $problems = append $problems (printf "%s.model.source is empty, but modelCache.type is emptyDir, which begins empty" $at) -}}
{{- end -}}
{{- if and (eq .type "claim") (not .claim.existingClaim) (not $pool.model.source) -}}
{{- $problems = append $problems (printf "%s.model.source is empty, but the claim is made anew and begins empty" $at) -}}
{{- end -}}
{{- if and (eq .type "image") (not .image.reference) -}}
{{- $problems = append $problems (printf "%s.modelCache.image.reference is empty" $at) -}}
{{- end -}}
{{- if and (eq .type "image") $pool.model.source -}}
{{- $problems = append $problems (printf "%s.model.source is set, but an image volume cannot be written" $at) -}}
{{- end -}}
{{- if and .evict (not (has .type (list "hostPath" "claim"))) -}}
{{- $problems = append $problems (printf "%s.modelCache.evict is true, but the cache is not shared" $at) -}}
{{- end -}}
{{- /* Without evict no sidecar marks a model as in use, so that another pool's eviction would take it. */ -}}
{{- $place := get (dict "hostPath" .hostPath.path "claim" .claim.existingClaim) .type -}}
{{- if and $place $pool.model.source -}}
{{- if ne (get $caches $place | default (toString .evict)) (toString .evict) -}}
{{- $problems = append $problems (printf "%s.modelCache.evict is %v, but another pool of the cache %s has it otherwise" $at .evict $place) -}}
{{- end -}}
{{- $_ := set $caches $place (toString .evict) -}}
{{- end -}}
{{- end -}}
{{- with $pool.scaling -}}
{{- if .enabled -}}
{{- $_ := set $shares $pool.model.name (addf (get $shares $pool.model.name | default 0.0) .share) -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- $problems = append $problems (printf "%s.scaling.minReplicas is above maxReplicas" $at) -}}
{{- end -}}
{{- /* The default is taken down to maxReplicas; a number that was chosen is not. */ -}}
{{- if gt (int (dig "scaling" "fallback" "replicas" 0 $own)) (int .maxReplicas) -}}
{{- $problems = append $problems (printf "%s.scaling.fallback.replicas is above maxReplicas" $at) -}}
{{- end -}}
{{- if not $root.Values.prometheus.serverAddress -}}
{{- $problems = append $problems (printf "prometheus.serverAddress is empty, but %s.scaling.enabled is true" $at) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq (toString $pool.strategy.maxSurge) "0") (eq (toString $pool.strategy.maxUnavailable) "0") -}}
{{- $problems = append $problems (printf "%s.strategy: maxSurge and maxUnavailable are both 0" $at) -}}
{{- end -}}
{{- end -}}
{{- range $model, $share := $shares -}}
{{- /* 0.7 and 0.3 make a little more than 1 in binary. */ -}}
{{- if gt $share 1.001 -}}
{{- $problems = append $problems (printf "workers.pools: the scaling.share of the pools of model %s makes %v, which is above 1" $model $share) -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}
