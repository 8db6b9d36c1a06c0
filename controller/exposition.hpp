// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/histogram.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kpol::controller {

// Builds metrics in the Prometheus text format, version 0.0.4. Each family must be complete before
// the next one begins. A family without samples still prints its HELP and TYPE lines.
class Exposition {
 public:
  // Names and values; a value may be any text.
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  class Family {
   public:
    Family& sample(std::uint64_t value, const Labels& labels = {});
    Family& sample(double value, const Labels& labels = {});
    // The buckets, sum and count of a histogram.
    Family& sample(const base::Histogram& histogram, const Labels& labels = {});

   private:
    friend class Exposition;
    Family(std::string& text, std::string name) : text_(text), name_(std::move(name)) {}
    void line(const char* suffix, const Labels& labels, const std::string& value);
    std::string& text_;
    std::string name_;
  };

  // The Exposition outlives its families.
  Family counter(std::string name, std::string_view help);  // names end in _total
  Family gauge(std::string name, std::string_view help);
  Family histogram(std::string name, std::string_view help);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Family begin(std::string name, const char* type, std::string_view help);
  std::string text_;
};

}  // namespace kpol::controller
