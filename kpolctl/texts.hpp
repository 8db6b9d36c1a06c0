// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kpolctl/output.hpp"

#include <cstdint>
#include <string>

// kpold's answers as text for people. Pure: an answer in, text out, each line ended. An answer
// without the fields it must have throws nlohmann::json::exception.
namespace kpol::kpolctl {

// /v1/status; `now` in seconds since 1970, for the time since start.
std::string statusText(const Json& status, std::int64_t now);
// One line: how kpold is.
std::string statusLine(const Json& status);
// "error: NetworkPolicy shop/a: spec.x: …", one line each.
std::string diagnosticsText(const Json& diagnostics);

// /v1/show/…
std::string policiesText(const Json& policies);
std::string podsText(const Json& pods);
std::string localPodsText(const Json& pods);
std::string setsText(const Json& sets);
std::string rulesetText(const Json& ruleset);
// `now` in seconds since 1970, for the leases' age.
std::string leasesText(const Json& ips, std::int64_t now);
std::string podText(const Json& pod);
std::string policyText(const Json& policy);

// /v1/explain
std::string explainText(const Json& answer);

}  // namespace kpol::kpolctl
