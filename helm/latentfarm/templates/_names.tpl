{{/*
Names and labels. Most take a list: the root, then the component (gateway, worker, courier, redis, toolbox, gc), then
the pool where there is one.
*/}}

{{- define "latentfarm.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 36 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 36 characters: `-worker-` and a pool's 19 make 63, which is all that a label takes. */}}
{{- define "latentfarm.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 36 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "latentfarm.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- /* A release may hold dots and begin with a digit; the name of a Service may not (DNS-1035). */ -}}
{{- regexReplaceAll "^([0-9])" ($full | replace "." "-") "r${1}" | trunc 36 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* list root component [pool] -> the name of its objects */}}
{{- define "latentfarm.componentName" -}}
{{- $root := first . -}}
{{- printf "%s-%s" (include "latentfarm.fullname" $root) (join "-" (rest .)) -}}
{{- end -}}

{{/* Labels that never change: a Deployment's selector cannot. */}}
{{- define "latentfarm.selectorLabels" -}}
{{- $root := first . -}}
{{ include "latentfarm.releaseLabels" $root }}
app.kubernetes.io/component: {{ index . 1 }}
{{- if gt (len .) 2 }}
latentfarm/pool: {{ index . 2 | quote }}
{{- end }}
{{- end -}}

{{/* What every pod of the release has, and no other pod of the namespace. */}}
{{- define "latentfarm.releaseLabels" -}}
app.kubernetes.io/name: {{ include "latentfarm.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* list root component [pool] -> labels of an object */}}
{{- define "latentfarm.labels" -}}
{{- $root := first . -}}
{{ include "latentfarm.selectorLabels" . }}
app.kubernetes.io/part-of: latentfarm
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Labels of an object that others find by labels of their own, which win where the values name one twice.
list (list root component) labels
*/}}
{{- define "latentfarm.labelsWith" -}}
{{- $own := include "latentfarm.labels" (first .) | fromYaml -}}
{{- toYaml (mergeOverwrite $own (deepCopy (index . 1))) -}}
{{- end -}}

{{/*
Labels of pods: without the chart's version, which would start every pod anew where only the chart has changed.
list root podLabels component [pool]
*/}}
{{- define "latentfarm.podLabels" -}}
{{- $root := first . -}}
{{ include "latentfarm.selectorLabels" (concat (list $root) (slice . 2)) }}
app.kubernetes.io/part-of: latentfarm
{{- with merge (dict) (index . 1) $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* list root image: the reference of one of the farm's images */}}
{{- define "latentfarm.image" -}}
{{- $root := first . -}}
{{- $image := index . 1 -}}
{{- $name := $image.repository -}}
{{- with $root.Values.image.registry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) $image.repository -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default $root.Chart.AppVersion $root.Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* list root component: the name of the service account of pods that have no business with the API server */}}
{{- define "latentfarm.serviceAccountName" -}}
{{- include "latentfarm.componentName" . -}}
{{- end -}}
