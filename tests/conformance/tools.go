//go:build tools

// Package conformance pins the client of the CNI project that drives the plugin in run.sh.
package conformance

import _ "github.com/containernetworking/cni/cnitool"
