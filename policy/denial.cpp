// SPDX-License-Identifier: Apache-2.0
#include "policy/denial.hpp"

#include "policy/chains.hpp"

namespace kpol::policy {

std::optional<Denial> denialOf(std::string_view counter) {
  using Cause = Denial::Cause;
  if (counter == names::kUnknownCounter) return Denial{Cause::UnknownEndpoint};
  if (counter == names::kMetadataCounter) return Denial{Cause::Metadata};
  if (counter == names::kRevokedCounter) return Denial{Cause::Revoked};
  if (counter.starts_with(names::kIngressPrefix))
    return Denial{Cause::Ingress, std::string(counter)};
  if (counter.starts_with(names::kEgressPrefix)) return Denial{Cause::Egress, std::string(counter)};
  return std::nullopt;
}

}  // namespace kpol::policy
