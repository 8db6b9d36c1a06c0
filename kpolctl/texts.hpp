// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kpolctl/output.hpp"

#include <cstdint>
#include <string>

// Formats kpold's responses as text for people. Pure. Every function but statusLine() ends each
// line with a newline. All throw nlohmann::json::exception if the response lacks a required field.
namespace kpol::kpolctl {

// /v1/status. `now` is in Unix seconds, for the time since the start.
std::string statusText(const Json& status, std::int64_t now);
// A one-line summary of /v1/status, without a newline.
std::string statusLine(const Json& status);
// One line for each: "error: NetworkPolicy shop/a: spec.x: …".
std::string diagnosticsText(const Json& diagnostics);

// /v1/show/…
std::string policiesText(const Json& policies);
std::string podsText(const Json& pods);
std::string localPodsText(const Json& pods);
std::string setsText(const Json& sets);
std::string rulesetText(const Json& ruleset);
// `now` is in Unix seconds, for the age of the leases.
std::string leasesText(const Json& ips, std::int64_t now);
std::string podText(const Json& pod);
std::string policyText(const Json& policy);

// /v1/explain
std::string explainText(const Json& answer);

}  // namespace kpol::kpolctl
