{{/* Rules of NetworkPolicies. Ports are numbers: not every network plugin knows the names of a pod's ports. */}}

{{/* dict peers ports: an egress rule to peers, or to anywhere where there are none */}}
{{- define "latentfarm.egressTo" -}}
- ports:
    {{- range .ports }}
    - protocol: TCP
      port: {{ int64 . }}
    {{- end }}
  {{- with .peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "latentfarm.egressRedis" -}}
{{- if .Values.redis.bundled.enabled -}}
- ports:
    - protocol: TCP
      port: 6379
  to:
    - podSelector:
        matchLabels:
          {{- include "latentfarm.selectorLabels" (list . "redis") | nindent 10 }}
{{- else -}}
{{- include "latentfarm.egressTo" (dict "peers" .Values.networkPolicy.redis.to "ports" .Values.networkPolicy.redis.ports) -}}
{{- end -}}
{{- end -}}

{{/* The bucket of pictures, and the service that gives a role its credentials. */}}
{{- define "latentfarm.egressStore" -}}
{{- if eq .Values.store.kind "s3" -}}
{{- include "latentfarm.egressS3" . -}}
{{- end -}}
{{- end -}}

{{- define "latentfarm.egressS3" -}}
{{- include "latentfarm.egressTo" (dict "peers" .Values.networkPolicy.s3.to "ports" .Values.networkPolicy.s3.ports) }}
{{- with include "latentfarm.egressMetadata" .Values.networkPolicy.credentials.cidrs }}
{{ . }}
{{- end }}
{{- end -}}

{{/* cidrs: services of the machine or the cloud that answer by plain http */}}
{{- define "latentfarm.egressMetadata" -}}
{{- with . -}}
- ports:
    - protocol: TCP
      port: 80
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
{{- end -}}
{{- end -}}

{{- define "latentfarm.egressTraces" -}}
{{- if .Values.otel.endpoint -}}
{{- include "latentfarm.egressTo" (dict "peers" .Values.networkPolicy.otlp.to "ports" .Values.networkPolicy.otlp.ports) -}}
{{- end -}}
{{- end -}}

{{/*
Every address of a public host: what packages/webhooks/src/address/address-ranges.ts refuses is left out, so that a
courier whose guard fails still reaches nothing inside. Of IPv6, only 2000::/3 is public at all.
*/}}
{{- define "latentfarm.publicAddresses" -}}
- ipBlock:
    cidr: 0.0.0.0/0
    except:
      - 0.0.0.0/8
      - 10.0.0.0/8
      - 100.64.0.0/10
      - 127.0.0.0/8
      - 168.63.129.16/32
      - 169.254.0.0/16
      - 172.16.0.0/12
      - 192.0.0.0/24
      - 192.0.2.0/24
      - 192.88.99.0/24
      - 192.168.0.0/16
      - 198.18.0.0/15
      - 198.51.100.0/24
      - 203.0.113.0/24
      - 224.0.0.0/4
      - 240.0.0.0/4
      {{- range .Values.networkPolicy.webhooks.except }}
      {{- if not (contains ":" .) }}
      - {{ . }}
      {{- end }}
      {{- end }}
- ipBlock:
    cidr: 2000::/3
    except:
      - 2001::/23
      - 2001:db8::/32
      - 2002::/16
      - 3fff::/20
      {{- range .Values.networkPolicy.webhooks.except }}
      {{- if contains ":" . }}
      - {{ . | quote }}
      {{- end }}
      {{- end }}
{{- end -}}

{{/* list root name: the head of a policy */}}
{{- define "latentfarm.policyHead" -}}
{{- $root := first . -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "latentfarm.componentName" . }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "latentfarm.labels" . | nindent 4 }}
{{- end -}}

{{- define "latentfarm.ingressMetrics" -}}
- ports:
    - protocol: TCP
      port: {{ include "latentfarm.metricsPort" . }}
  from:
    {{- toYaml .Values.networkPolicy.metrics.from | nindent 4 }}
{{- end -}}
