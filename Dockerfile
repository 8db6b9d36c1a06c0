# kpol's container image: three static programs and nothing else, as packaging/image.sh makes it
# without Docker.
#
#   docker build --tag registry.example/kpol:0.1.0 .
#
# BASE is a Debian 12 or 13; SOURCE is where the sources lie while they are compiled; REVISION and
# CREATED are what the labels say of the sources.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ARG SOURCE=/usr/src/kpol
WORKDIR ${SOURCE}
# First what changes seldom.
COPY e2e/lib e2e/lib
COPY packaging/libmnl.sh packaging/
RUN . e2e/lib/packages.sh; ensure_packages build; packaging/libmnl.sh
COPY . .
RUN . e2e/lib/packages.sh; . packaging/lib/programs.sh; image_root /image

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="kpol" \
  org.opencontainers.image.description="CNI plugin and NetworkPolicy engine on nftables" \
  org.opencontainers.image.licenses="Apache-2.0 AND BSD-3-Clause AND BSL-1.0 AND GPL-2.0-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1 AND LGPL-2.1-or-later AND MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
COPY --from=build /image /
ENV PATH=/usr/bin
WORKDIR /
# Root, without whom kpold could not share files with the plugin, which the runtime starts as root. The
# DaemonSet takes all capabilities but one away.
ENTRYPOINT ["/usr/bin/kpold"]
