// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "control/client.hpp"

#include <memory>
#include <string_view>

namespace kpol::control {

// The bytes are not a valid HTTP response.
class NoAnswer : public base::Error {
 public:
  using Error::Error;
};

// Parses one HTTP/1.1 response from chunks of any size. Throws NoAnswer if it is invalid, its head
// is larger than 64 KiB or its body larger than 256 MiB; after that the reader must not be used.
class AnswerReader {
 public:
  AnswerReader();
  ~AnswerReader();
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  // Adds the next bytes. Must not be called when the response is complete.
  void feed(std::string_view bytes);
  // Call it when the connection was closed, which ends a body without a length. Throws NoAnswer if
  // the response is incomplete.
  void close();
  [[nodiscard]] bool complete() const;
  // Returns the response. Call it once, when the response is complete.
  Response take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::control
