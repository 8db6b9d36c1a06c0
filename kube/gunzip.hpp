// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kpol::kube {

// Decompresses one gzip stream (RFC 1952), whose bytes arrive in parts of any size. Throws ApiError
// if it is invalid, has a wrong length or checksum, or is followed by more bytes.
class Gunzip {
 public:
  Gunzip();
  ~Gunzip();
  Gunzip(Gunzip&&) noexcept;
  Gunzip& operator=(Gunzip&&) noexcept;

  // Consumes bytes from the start of `bytes`, appends the decompressed bytes to `out` and returns
  // the number consumed. Stops after kMostAtOnce decompressed bytes, because gzip can make a byte a
  // thousand; then hasMore() is true and the next call, with the rest of `bytes`, continues.
  [[nodiscard]] std::size_t feed(std::string_view bytes, std::string& out);
  [[nodiscard]] bool hasMore() const;
  [[nodiscard]] bool complete() const;

  static constexpr std::size_t kMostAtOnce = 256 * 1024;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
