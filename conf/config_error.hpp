// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <string>

namespace kpol::conf {

// An input text is invalid. field() is the path of the invalid field, such as
// "ipam.ranges[0][1].subnet", or "" if the text as a whole is invalid.
class ConfigError : public base::Error {
 public:
  ConfigError(std::string field, const std::string& problem)
      : Error(field.empty() ? problem : field + ": " + problem), field_(std::move(field)) {}
  [[nodiscard]] const std::string& field() const noexcept { return field_; }

 private:
  std::string field_;
};

}  // namespace kpol::conf
