// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/label_table.hpp"
#include "policy/objects.hpp"

#include <string>

namespace kpol::policy {

// apimachinery labels.Selector: In needs the key with one of the values; NotIn also matches objects
// without the key; values are compared byte by byte.
bool matches(const LabelSelector& selector, const Labels& labels);
bool matches(const LabelSelector& selector, const InternedLabels& labels);

// The same selector in one spelling: matchLabels become In requirements of one value, all that is
// asked of one key becomes one requirement (or NotIn and Exists), sorted by key; a selector that no
// labels can match becomes one fixed requirement. Two selectors become equal exactly when they
// match the same objects; matches() is unchanged by it.
LabelSelector canonical(const LabelSelector& selector);

// "app=web,tier in (a,b),!legacy", as kubectl prints selectors; "<all>" when it is empty, "<none>"
// for the canonical selector that matches nothing.
std::string toString(const LabelSelector& selector);

}  // namespace kpol::policy
