// SPDX-License-Identifier: Apache-2.0
#include "kube/decode_kinds.hpp"
#include "kube/decode_meta.hpp"
#include "kube/metadata_name.hpp"

namespace kpol::kube {

policy::Namespace decodeNamespace(const Field& root) {
  ObjectMeta meta = decodeMeta(root, Kind::Namespace);
  // The API server sets this label to the name, whatever the client wrote
  // (pkg/registry/core/namespace strategy Canonicalize).
  const std::string* given = meta.labels.find(kMetadataName);
  if (given != nullptr && *given != meta.key.name) {
    const Field metadata = root["metadata"];
    const Field labels = metadata["labels"];
    labels.warn(std::string(kMetadataName) + " is always the name of the Namespace; " +
                inQuotes(*given) + " is ignored");
  }
  auto labels = meta.labels.entries();
  labels.emplace_back(kMetadataName, meta.key.name);
  return {meta.key.name, policy::Labels(std::move(labels))};
}

}  // namespace kpol::kube
