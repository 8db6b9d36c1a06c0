// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "kpolctl/output.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace kpol::kpolctl {

// kpold responded with an error, or its response cannot be read.
class AnswerError : public base::Error {
 public:
  AnswerError(unsigned status, const std::string& text) : Error(text), status_(status) {}
  [[nodiscard]] unsigned status() const noexcept { return status_; }  // 0: not readable

 private:
  unsigned status_;
};

// Sends requests to kpold's socket, one for each call. Throws AnswerError, and control::Unreachable
// with advice for the operator.
class Connection {
 public:
  explicit Connection(std::string socket) : socket_(std::move(socket)) {}

  [[nodiscard]] Json get(const std::string& target) const;
  struct Answer {
    unsigned status = 0;
    std::string body;
  };
  // Returns the response, whatever its status is.
  [[nodiscard]] Answer post(const std::string& target, std::chrono::milliseconds deadline) const;

 private:
  [[nodiscard]] Answer request(const char* method, const std::string& target,
                               std::chrono::milliseconds deadline) const;
  std::string socket_;
};

// Throws AnswerError.
Json parseAnswer(const std::string& body);

// Encodes any text for use as one segment or query value of a request's target.
std::string percentEncoded(const std::string& text);

}  // namespace kpol::kpolctl
