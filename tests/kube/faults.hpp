// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/decode.hpp"
#include "kube/manifest.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kpol::kube::testing {

inline policy::Labels labels(std::vector<std::pair<std::string, std::string>> entries) {
  return policy::Labels(std::move(entries));
}

// Diagnostics as lines: "error NetworkPolicy a/b: spec.x: message".
std::vector<std::string> lines(const std::vector<policy::Diagnostic>& diagnostics);

// Reads one YAML manifest that must contain exactly one object of type T and no errors.
Object readOne(std::string_view yaml);
template <typename T>
T read(std::string_view yaml) {
  return std::get<T>(readOne(yaml));
}

// The faults of a manifest, without the "test.yaml: document 1: " that each message begins with.
std::vector<std::string> faultsOf(std::string_view yaml);

// The same for one JSON object from the API server.
struct Decoded {
  Object object;
  std::vector<std::string> faults;
};
Decoded decodeStored(Kind kind, std::string_view yaml);

}  // namespace kpol::kube::testing
