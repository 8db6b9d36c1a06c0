// SPDX-License-Identifier: Apache-2.0
#include "tests/support/allocations.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

kpol::test::Allocations& counted() {
  static kpol::test::Allocations allocations;
  return allocations;
}

void* allocate(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  auto& all = counted();
  ++all.count;
  all.bytes += malloc_usable_size(memory);
  all.live += malloc_usable_size(memory);
  return memory;
}

void release(void* memory) noexcept {
  if (memory != nullptr) counted().live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
// std::stable_sort allocates its buffer so.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  release(memory);
}

namespace kpol::test {

Allocations allocations() {
  return counted();
}

}  // namespace kpol::test
