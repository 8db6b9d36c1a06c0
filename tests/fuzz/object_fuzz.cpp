// SPDX-License-Identifier: Apache-2.0
// One object as JSON, as in a file and as from the API server. The first byte selects the kind.
#include "kube/decode.hpp"
#include "kube/prune.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parts.hpp"
#include "tests/support/manifest_text.hpp"

#include <string>

namespace {

using namespace kpol::kube;

bool isJson(const DecodeResult& result) {
  return result.diagnostics.empty() ||
         result.diagnostics.front().message.find("not JSON") == std::string::npos;
}

}  // namespace

KPOL_FUZZ_HARNESS(object) {
  using kpol::fuzz::require;
  auto text = kpol::fuzz::textOf(data, size);
  const auto kind = static_cast<Kind>(kpol::fuzz::cutByte(text) % 4);
  const auto stored = decodeObject(kind, text, Origin::ApiServer);
  const auto written = decodeObject(kind, text, Origin::Manifest);
  if (stored.object)
    require(!idOf(*stored.object).key.name.empty() && idOf(*stored.object).kind == kind,
            "an object has a name and is of the kind that was asked for");
  if (written.object) {
    require(stored.object == written.object, "what has no fault is the same by either door");
    const auto again = decodeObject(kind, kpol::test::toJson(*written.object), Origin::Manifest);
    require(again.object == written.object, "what is printed is read back");
  }
  if (isJson(stored)) {
    const auto needed = decodeObject(kind, pruned(text), Origin::ApiServer);
    require(needed.object == stored.object && needed.diagnostics == stored.diagnostics,
            "nothing is missed of what is left out");
  }
  return 0;
}
