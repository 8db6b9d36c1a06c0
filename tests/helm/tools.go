//go:build tools

// Package main pins Helm itself beside the renderer of kustomizations, for build.sh.
package main

import _ "helm.sh/helm/v4/cmd/helm"
