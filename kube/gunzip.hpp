// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kpol::kube {

// Unpacks one gzip stream (RFC 1952) from its bytes, in parts cut anywhere. Throws ApiError at what
// is none, or when length or checksum differ at its end.
class Gunzip {
 public:
  Gunzip();
  ~Gunzip();
  Gunzip(Gunzip&&) noexcept;
  Gunzip& operator=(Gunzip&&) noexcept;

  // Takes all of `bytes` in and appends to `out` what they unpack to.
  void feed(std::string_view bytes, std::string& out);
  [[nodiscard]] bool complete() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
