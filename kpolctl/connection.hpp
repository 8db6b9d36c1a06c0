// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "kpolctl/output.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace kpol::kpolctl {

// kpold refused, or its answer cannot be read.
class AnswerError : public base::Error {
 public:
  AnswerError(unsigned status, const std::string& text) : Error(text), status_(status) {}
  [[nodiscard]] unsigned status() const noexcept { return status_; }  // 0: not readable

 private:
  unsigned status_;
};

// kpold's socket. Each call is one request. Throws AnswerError, and control::Unreachable with what
// to do about it.
class Connection {
 public:
  explicit Connection(std::string socket) : socket_(std::move(socket)) {}

  [[nodiscard]] Json get(const std::string& target) const;
  struct Answer {
    unsigned status = 0;
    std::string body;
  };
  // The answer whatever its status is.
  [[nodiscard]] Answer post(const std::string& target, std::chrono::milliseconds deadline) const;

 private:
  [[nodiscard]] Answer request(const char* method, const std::string& target,
                               std::chrono::milliseconds deadline) const;
  std::string socket_;
};

// Throws AnswerError.
Json parseAnswer(const std::string& body);

// Anything into one segment or value of a request's target.
std::string percentEncoded(const std::string& text);

}  // namespace kpol::kpolctl
