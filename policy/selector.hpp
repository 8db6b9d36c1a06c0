// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/objects.hpp"

namespace kpol::policy {

// apimachinery labels.Selector: In needs the key with one of the values; NotIn also matches objects
// without the key; values are compared byte by byte.
bool matches(const LabelSelector& selector, const Labels& labels);

// The same selector in one spelling: matchLabels become In requirements of one value, requirements
// sorted and unique, In sets on one key intersected. Selectors that differ only in spelling become
// equal; matches() is unchanged by it.
LabelSelector canonical(const LabelSelector& selector);

// "app=web,tier in (a,b),!legacy", as kubectl prints selectors; "<all>" when it is empty.
std::string toString(const LabelSelector& selector);

}  // namespace kpol::policy
