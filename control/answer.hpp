// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "control/client.hpp"

#include <memory>
#include <string_view>

namespace kpol::control {

// Bytes that are no answer.
class NoAnswer : public base::Error {
 public:
  using Error::Error;
};

// Reads one HTTP/1.1 answer from its bytes, in parts cut anywhere. Keeps no more than 64 KiB of its
// head and 256 MiB of its body. Throws NoAnswer; after that it is of no more use.
class AnswerReader {
 public:
  AnswerReader();
  ~AnswerReader();
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  // Not once it is complete.
  void feed(std::string_view bytes);
  // The connection was closed: ends a body without a length.
  void close();
  [[nodiscard]] bool complete() const;
  // The answer; once, when it is complete.
  Response take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::control
