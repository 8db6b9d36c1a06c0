// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/histogram.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kpol::controller {

// Metrics as Prometheus reads them: its text format, version 0.0.4. Families come whole and one
// after the other; one without samples still says that it exists.
class Exposition {
 public:
  // Name and value; the value may be any text.
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  class Family {
   public:
    Family& sample(std::uint64_t value, const Labels& labels = {});
    Family& sample(double value, const Labels& labels = {});
    // Of a histogram: its buckets, sum and count.
    Family& sample(const base::Histogram& histogram, const Labels& labels = {});

   private:
    friend class Exposition;
    Family(std::string& text, std::string name) : text_(text), name_(std::move(name)) {}
    void line(const char* suffix, const Labels& labels, const std::string& value);
    std::string& text_;
    std::string name_;
  };

  // A family lives no longer than this object.
  Family counter(std::string name, std::string_view help);  // names end in _total
  Family gauge(std::string name, std::string_view help);
  Family histogram(std::string name, std::string_view help);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Family begin(std::string name, const char* type, std::string_view help);
  std::string text_;
};

}  // namespace kpol::controller
