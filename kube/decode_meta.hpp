// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"
#include "kube/field.hpp"
#include "policy/objects.hpp"

#include <cstddef>
#include <string>

// The parts of apimachinery's meta/v1 that several kinds share.
namespace kpol::kube {

struct ObjectMeta {
  base::ObjectKey key;  // ns empty for cluster-scoped kinds; name empty if missing
  std::string uid;
  policy::Labels labels;
};

// The API server limits the size of an object, but not that of its labels. Beyond this many bytes
// of keys and values, which no object in use comes near, the labels are an error and are left out.
inline constexpr std::size_t kMostLabelBytes = 64 * 1024;

ObjectMeta decodeMeta(const Field& root, Kind kind);

// How unknown fields are reported.
enum class Unknown : unsigned char { Warning, Error };

// `field` is a LabelSelector; if it is absent, returns the empty selector.
policy::LabelSelector decodeSelector(const Field& field, Unknown unknown = Unknown::Warning);

}  // namespace kpol::kube
