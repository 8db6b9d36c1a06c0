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
// Whether the selector matches a namespace named `name` whatever its other labels are: it has no
// requirement for a label other than kNamespaceNameLabel. For a Namespace that is not known yet.
bool matchesByName(const LabelSelector& namespaceSelector, const std::string& name);

// Returns an equivalent selector in normal form: matchLabels become In requirements with one value;
// all requirements for one key are merged into one (or into NotIn and Exists), sorted by key; a
// selector that no labels can match becomes one fixed requirement. The results for two selectors
// are equal exactly when they match the same objects. matches() gives the same results as before.
LabelSelector canonical(const LabelSelector& selector);

// "app=web,tier in (a,b),!legacy", as kubectl prints selectors; "<all>" if it is empty, "<none>"
// for the canonical selector that matches nothing.
std::string toString(const LabelSelector& selector);

}  // namespace kpol::policy
