{{/* A cluster has one kpol, so the names are fixed and the same as in manifests/. */}}
{{- define "kpol.labels" -}}
app.kubernetes.io/name: kpol
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{- define "kpol.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* kpold's configuration file. */}}
{{- define "kpol.config" -}}
apiVersion: kpol.io/v1alpha1
kind: KpoldConfiguration
source: api
{{- with .Values.config }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Paths on the node. If cniConfDir is empty, kpold writes no network config. */}}
{{- define "kpol.cniBinDir" -}}{{ .Values.config.cniBinDir | default "/opt/cni/bin" }}{{- end }}
{{- define "kpol.cniConfDir" -}}{{ .Values.config.cniConfDir | default "/etc/cni/net.d" }}{{- end }}
{{- define "kpol.stateDir" -}}{{ .Values.config.stateDir | default "/var/lib/kpol" }}{{- end }}
{{- define "kpol.socket" -}}{{ .Values.config.socket | default "/run/kpol/kpold.sock" }}{{- end }}
{{- define "kpol.runDir" -}}{{ include "kpol.socket" . | dir }}{{- end }}

{{/* Flags with the paths, for containers that do not read kpold's configuration. */}}
{{- define "kpol.cniBinDirArgs" -}}
{{- with .Values.config.cniBinDir }}
- --cni-bin-dir
- {{ . | quote }}
{{- end }}
{{- end }}
{{- define "kpol.pathArgs" -}}
{{- include "kpol.cniBinDirArgs" . }}
{{- with .Values.config.cniConfDir }}
- --cni-conf-dir
- {{ . | quote }}
{{- end }}
{{- with .Values.config.stateDir }}
- --state-dir
- {{ . | quote }}
{{- end }}
{{- with .Values.config.socket }}
- --socket
- {{ . | quote }}
{{- end }}
{{- end }}

{{- define "kpol.nodeMounts" -}}
- {name: cni-conf, mountPath: {{ include "kpol.cniConfDir" . | quote }}}
- {name: state, mountPath: {{ include "kpol.stateDir" . | quote }}}
- {name: run, mountPath: {{ include "kpol.runDir" . | quote }}}
# HostToContainer: namespaces of pods that start later must appear here.
- {name: netns, mountPath: /run/netns, mountPropagation: HostToContainer, readOnly: true}
{{- end }}

{{/* kpold listens in the node's network namespace, from where the kubelet probes it. */}}
{{- define "kpol.probe" -}}
{{- $listen := .root.Values.config.metricsListen | default "127.0.0.1:9464" -}}
{{- $host := regexReplaceAll ":[0-9]+$" $listen "" | trimAll "[]" -}}
{{- $local := dict "0.0.0.0" "127.0.0.1" "::" "::1" -}}
httpGet: {host: {{ get $local $host | default $host | quote }}, port: {{ regexFind "[0-9]+$" $listen }}, path: {{ .path }}}
{{- end }}

{{- define "kpol.ports" -}}
{{- $listen := .Values.config.metricsListen | default "127.0.0.1:9464" -}}
{{- $host := regexReplaceAll ":[0-9]+$" $listen "" | trimAll "[]" -}}
{{- $port := regexFind "[0-9]+$" $listen -}}
{{- $vxlan := .Values.config.vxlanPort | default 8472 | int -}}
- {name: health, containerPort: {{ $port }}, hostPort: {{ $port }}{{ if not (has $host (list "0.0.0.0" "::")) }}, hostIP: {{ $host | quote }}{{ end }}, protocol: TCP}
- {name: vxlan, containerPort: {{ $vxlan }}, hostPort: {{ $vxlan }}, protocol: UDP}
{{- end }}
