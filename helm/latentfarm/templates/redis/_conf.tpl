{{/* The farm refuses a Redis that may drop jobs, and warns of one that keeps no append-only file. */}}
{{- define "latentfarm.redisConf" -}}
port 6379
bind * -::*
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory {{ .Values.redis.bundled.maxMemory }}
maxmemory-policy noeviction
# The user with the digest of the password, written at the start.
include /run/redis/user.conf
{{- end -}}

{{- define "latentfarm.redisPing" -}}
exec:
  command:
    - sh
    - -ec
    - REDISCLI_AUTH=$(tr -d '\r\n' <{{ include "latentfarm.redisPasswordFile" . }}) redis-cli ping | grep -qx PONG
{{- end -}}
