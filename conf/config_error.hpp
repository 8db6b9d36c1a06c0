// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <string>

namespace kpol::conf {

// A text given to us is not what it must be. field(): the path of the offending field,
// "ipam.ranges[0][1].subnet", or "" when the text as a whole cannot be read.
class ConfigError : public base::Error {
 public:
  ConfigError(std::string field, const std::string& problem)
      : Error(field.empty() ? problem : field + ": " + problem), field_(std::move(field)) {}
  [[nodiscard]] const std::string& field() const noexcept { return field_; }

 private:
  std::string field_;
};

}  // namespace kpol::conf
