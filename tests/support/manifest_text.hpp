// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/snapshot.hpp"

#include <span>
#include <string>
#include <vector>

// Objects as a user would write them: the manifest that kpol reads back as the same value. For
// tests that need files, and for proving the reader. Strings are quoted, so any text survives.
namespace kpol::test {

std::string toYaml(const kube::Object& object);  // block style, one document without "---"
std::string toJson(const kube::Object& object);

std::string toYaml(std::span<const kube::Object> objects);      // documents with "---" between
std::string toJsonList(std::span<const kube::Object> objects);  // one v1 List

// The cluster's objects of `snapshot` (not its endpoints): Namespaces, Pods, NetworkPolicies.
std::vector<kube::Object> objectsOf(const policy::Snapshot& snapshot);

}  // namespace kpol::test
