// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

// The API server's rules for names (apimachinery pkg/util/validation). Each function returns
// nullopt if `text` is valid, else the rule as "must ..." for a diagnostic.
namespace kpol::kube {

using Flaw = std::optional<std::string_view>;

Flaw dnsLabelFlaw(std::string_view text);       // IsDNS1123Label: Namespaces
Flaw dnsSubdomainFlaw(std::string_view text);   // IsDNS1123Subdomain: every other kind
Flaw qualifiedNameFlaw(std::string_view text);  // IsQualifiedName: label keys
Flaw labelValueFlaw(std::string_view text);     // IsValidLabelValue
Flaw portNameFlaw(std::string_view text);       // IsValidPortName (IANA_SVC_NAME)

}  // namespace kpol::kube
