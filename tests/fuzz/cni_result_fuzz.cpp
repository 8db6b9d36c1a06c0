// SPDX-License-Identifier: Apache-2.0
// What a delegated IPAM plugin prints: a result or an error.
#include "base/error.hpp"
#include "conf/cni_error.hpp"
#include "conf/cni_result.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

template <class Read>
void readWith(Read read) {
  try {
    read();
  } catch (const kpol::base::Error&) {
    // rejected: a valid result
  }
}

}  // namespace

KPOL_FUZZ_HARNESS(cni_result) {
  const auto text = kpol::fuzz::textOf(data, size);
  readWith([&] {
    const auto result = kpol::conf::parseResult(text, "result");
    for (const auto& ip : result.ips)
      kpol::fuzz::require(!ip.interface || *ip.interface < result.interfaces.size(),
                          "an address is of an interface that there is");
    const auto version = kpol::conf::CniVersion::V1_0_0;
    const auto printed = print(result, version);
    kpol::fuzz::require(print(kpol::conf::parseResult(printed, "result"), version) == printed,
                        "what is printed is read back");
  });
  readWith([&] {
    const auto error = kpol::conf::parseError(text);
    (void)print(error, kpol::conf::CniVersion::V1_0_0);
  });
  return 0;
}
