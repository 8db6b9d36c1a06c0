// SPDX-License-Identifier: Apache-2.0
// libFuzzer passes its inputs to the harness that KPOL_HARNESS names.
#include "tests/fuzz/fuzz.hpp"

namespace {

kpol::fuzz::Harness chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* name = std::getenv("KPOL_HARNESS");
  chosen = kpol::fuzz::harness(name == nullptr ? "" : name);
  if (chosen == nullptr) std::exit(2);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return chosen(data, size);
}
