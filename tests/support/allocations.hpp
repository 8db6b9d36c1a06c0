// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

// Counts what a program allocates with operator new, so that tests can compare the work and the
// memory of two inputs without a clock. Link kpol_test_allocations, which replaces the operators.
namespace kpol::test {

struct Allocations {
  std::size_t count = 0;  // calls of operator new so far
  std::size_t bytes = 0;  // allocated so far
  std::size_t live = 0;   // bytes allocated and not freed
};

Allocations allocations();

// The bytes that `run` allocates, freed or not.
template <class Run>
std::size_t bytesAllocatedBy(Run run) {
  const auto before = allocations().bytes;
  run();
  return allocations().bytes - before;
}

}  // namespace kpol::test
