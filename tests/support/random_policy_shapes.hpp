// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/evaluate.hpp"
#include "policy/snapshot.hpp"

#include <set>
#include <string>
#include <vector>

// The shapes that implementations get wrong, by name: what random clusters have to meet often for
// a law tested on them to be worth something.
namespace kpol::test {

// What of allShapes() a cluster has.
std::set<std::string> shapesOf(const policy::Snapshot& snapshot);
// What of allFlowShapes() a flow is.
std::set<std::string> shapesOf(const policy::Snapshot& snapshot, const policy::Flow& flow);

const std::vector<std::string>& allShapes();
const std::vector<std::string>& allFlowShapes();

}  // namespace kpol::test
