#!/usr/bin/env bash
# pki.sh DIR NODE=IPV4,IPV6...: creates a certificate authority for one cluster, and the certificates and
# kubeconfigs of its parts.
set -euo pipefail
# shellcheck source=e2e/cluster/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$1"
shift
server=$control_plane
has_v4 || server="[$server]"

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
# certificate NAME SUBJECT serverAuth|clientAuth [SAN]
certificate() {
  key "$1"
  {
    printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=%s\n' "$3"
    [ -z "${4:-}" ] || echo "subjectAltName=$4"
  } >"$1.ext"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -sha256 -extfile "$1.ext" \
      -out "$1.crt" 2>/dev/null
}
# client NAME SUBJECT: creates a certificate and a kubeconfig with it.
client() {
  certificate "$1" "$2" clientAuth
  cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: "https://$server:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: e2e, context: {cluster: e2e, user: $1}}]
current-context: e2e
END
}

key ca
openssl req -x509 -new -key ca.key -sha256 -days 30 -subj /CN=kpol-e2e -out ca.crt \
  -addext basicConstraints=critical,CA:TRUE \
  -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
openssl genrsa -out sa.key 2048 2>/dev/null
openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
certificate apiserver /CN=kube-apiserver serverAuth \
  "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$control_plane_v4,IP:$control_plane_v6,IP:$kubernetes_service_v4,IP:$kubernetes_service_v6"
certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
client admin /O=system:masters/CN=admin
client controllers /CN=system:kube-controller-manager
client scheduler /CN=system:kube-scheduler
client proxy /CN=system:kube-proxy
for node in "$@"; do
  name=${node%%=*}
  client "$name" "/O=system:nodes/CN=system:node:$name"
  certificate "$name-serving" "/O=system:nodes/CN=system:node:$name" serverAuth \
    "DNS:$name,IP:${node#*=}"
done
