// SPDX-License-Identifier: Apache-2.0
#pragma once

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

  // Consumes all of `bytes` and appends the decompressed bytes to `out`.
  void feed(std::string_view bytes, std::string& out);
  [[nodiscard]] bool complete() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
