// SPDX-License-Identifier: Apache-2.0
#include "controller/exposition.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

namespace kpol::controller {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result;
}

std::string print(const Exposition::Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels)
    text += fmt::format(R"({}{}="{}")", text.empty() ? "" : ",", name, escaped(value));
  return text.empty() ? text : "{" + text + "}";
}

}  // namespace

Exposition::Family Exposition::begin(std::string name, const char* type, std::string_view help) {
  text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  return {text_, std::move(name)};
}

Exposition::Family Exposition::counter(std::string name, std::string_view help) {
  base::expects(name.ends_with("_total"), "a counter's name ends in _total");
  return begin(std::move(name), "counter", help);
}

Exposition::Family Exposition::gauge(std::string name, std::string_view help) {
  return begin(std::move(name), "gauge", help);
}

Exposition::Family Exposition::histogram(std::string name, std::string_view help) {
  return begin(std::move(name), "histogram", help);
}

void Exposition::Family::line(const char* suffix, const Labels& labels, const std::string& value) {
  text_ += name_ + suffix + print(labels) + " " + value + "\n";
}

Exposition::Family& Exposition::Family::sample(std::uint64_t value, const Labels& labels) {
  line("", labels, std::to_string(value));
  return *this;
}

Exposition::Family& Exposition::Family::sample(double value, const Labels& labels) {
  line("", labels, fmt::format("{}", value));
  return *this;
}

Exposition::Family& Exposition::Family::sample(const base::Histogram& histogram,
                                               const Labels& labels) {
  std::uint64_t below = 0;
  auto bucket = labels;
  bucket.emplace_back("le", "");
  for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
    below += histogram.counts()[i];
    const bool last = i == histogram.bounds().size();
    bucket.back().second = last ? "+Inf" : fmt::format("{}", histogram.bounds()[i]);
    line("_bucket", bucket, std::to_string(below));
  }
  line("_sum", labels, fmt::format("{}", histogram.sum()));
  line("_count", labels, std::to_string(histogram.count()));
  return *this;
}

}  // namespace kpol::controller
