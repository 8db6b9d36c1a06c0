// SPDX-License-Identifier: Apache-2.0
#include "tests/support/exposition_text.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace kpol::test {
namespace {

[[noreturn]] void refuse(const std::string& line, const std::string& why) {
  throw std::runtime_error(why + ": " + line);
}

double number(const std::string& text, const std::string& line) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    refuse(line, "no number");
  return value;
}

// Of "NAME{LABEL="VALUE",…} VALUE".
class SampleLine {
 public:
  explicit SampleLine(const std::string& line) : line_(line) {}

  MetricFamily::Sample read() {
    MetricFamily::Sample sample;
    sample.name = word();
    if (peek() == '{') readLabels(sample.labels);
    if (take() != ' ') refuse(line_, "no space before the value");
    sample.value = number(line_.substr(at_), line_);
    return sample;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < line_.size() ? line_[at_] : '\0'; }
  char take() { return at_ < line_.size() ? line_[at_++] : '\0'; }

  std::string word() {
    static const std::regex name("[a-z_][a-z0-9_]*");
    std::smatch match;
    const std::string rest = line_.substr(at_);
    if (!std::regex_search(rest, match, name, std::regex_constants::match_continuous))
      refuse(line_, "no name");
    at_ += match[0].length();
    return match[0];
  }

  std::string quoted() {
    std::string text;
    if (take() != '"') refuse(line_, "no quote");
    for (char c = take(); c != '"'; c = take()) {
      if (c == '\0') refuse(line_, "no end of the label");
      if (c != '\\') {
        text += c;
        continue;
      }
      const char next = take();
      if (next != '\\' && next != '"' && next != 'n') refuse(line_, "an unknown escape");
      text += next == 'n' ? '\n' : next;
    }
    return text;
  }

  void readLabels(MetricFamily::Labels& labels) {
    for (char c = take(); c != '}'; c = take()) {
      if (c != '{' && c != ',') refuse(line_, "labels that make no sense");
      const std::string name = word();
      if (take() != '=') refuse(line_, "no =");
      if (!labels.emplace(name, quoted()).second) refuse(line_, "a label twice");
    }
  }

  const std::string& line_;
  std::size_t at_ = 0;
};

void checkNames(const MetricFamily& family) {
  static const std::set<std::string> types{"counter", "gauge", "histogram"};
  if (!types.contains(family.type)) refuse(family.name, "an unknown type");
  if (family.help.empty() || !family.help.ends_with('.'))
    refuse(family.name, "no sentence of help");
  const bool total = family.name.ends_with("_total");
  if (total != (family.type == "counter")) refuse(family.name, "_total is for counters");
  for (const char* unit : {"_milliseconds", "_ms", "_microseconds", "_kb", "_percent", "_count",
                           "_sum", "_bucket", "_minutes", "_info_total"})
    if (family.name.ends_with(unit)) refuse(family.name, "no base unit, or a reserved suffix");
}

struct Series {  // of a histogram
  std::vector<std::pair<double, double>> buckets;
  std::optional<double> sum, count;
};

void checkHistogram(const MetricFamily& family) {
  std::map<MetricFamily::Labels, Series> all;
  for (const auto& sample : family.samples) {
    auto labels = sample.labels;
    const auto bound = labels.extract("le");
    auto& series = all[labels];
    if (sample.name == family.name + "_bucket") {
      if (bound.empty()) refuse(family.name, "a bucket without le");
      series.buckets.emplace_back(number(bound.mapped(), family.name), sample.value);
    } else {
      (sample.name.ends_with("_sum") ? series.sum : series.count) = sample.value;
    }
  }
  for (const auto& [labels, series] : all) {
    if (series.buckets.empty() || !series.sum || !series.count)
      refuse(family.name, "a histogram that is not whole");
    for (std::size_t i = 1; i < series.buckets.size(); ++i)
      if (series.buckets[i].first <= series.buckets[i - 1].first ||
          series.buckets[i].second < series.buckets[i - 1].second)
        refuse(family.name, "buckets that do not grow");
    if (!std::isinf(series.buckets.back().first)) refuse(family.name, "no bucket +Inf");
    if (series.buckets.back().second != *series.count) refuse(family.name, "+Inf is not the count");
    if (*series.count == 0 && *series.sum != 0) refuse(family.name, "a sum of nothing");
  }
}

class Reader {
 public:
  MetricFamilies read(const std::string& text) {
    if (!text.ends_with('\n')) refuse(text.substr(text.rfind('\n') + 1), "no end of line");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("# HELP "))
        begin(line);
      else if (line.starts_with("# TYPE "))
        setType(line);
      else
        add(line);
    }
    for (const auto& [name, family] : families_) {
      checkNames(family);
      if (family.type == "histogram") checkHistogram(family);
    }
    return std::move(families_);
  }

 private:
  static std::pair<std::string, std::string> split(const std::string& line) {
    const std::string rest = line.substr(7);
    const auto space = rest.find(' ');
    if (space == rest.npos) refuse(line, "nothing after the name");
    return {rest.substr(0, space), rest.substr(space + 1)};
  }

  void begin(const std::string& line) {
    if (family_ != nullptr && family_->type.empty()) refuse(line, "no TYPE before");
    auto [name, help] = split(line);
    const auto [place, fresh] = families_.try_emplace(name);
    if (!fresh) refuse(line, "a family twice");
    family_ = &place->second;
    family_->name = name;
    family_->help = help;
  }

  void setType(const std::string& line) {
    const auto [name, type] = split(line);
    if (family_ == nullptr || family_->name != name || !family_->type.empty())
      refuse(line, "TYPE does not follow its HELP");
    family_->type = type;
  }

  void add(const std::string& line) {
    auto sample = SampleLine(line).read();
    if (family_ == nullptr || family_->type.empty()) refuse(line, "no TYPE before");
    std::set<std::string> names{family_->name};
    if (family_->type == "histogram")
      names = {family_->name + "_bucket", family_->name + "_sum", family_->name + "_count"};
    if (!names.contains(sample.name)) refuse(line, "of another family");
    if (family_->type != "gauge" && sample.value < 0) refuse(line, "a negative count");
    if (!seen_.emplace(sample.name, sample.labels).second) refuse(line, "a sample twice");
    family_->samples.push_back(std::move(sample));
  }

  MetricFamilies families_;
  MetricFamily* family_ = nullptr;
  std::set<std::pair<std::string, MetricFamily::Labels>> seen_;
};

}  // namespace

MetricFamilies readExposition(const std::string& text) {
  return Reader().read(text);
}

double valueOf(const MetricFamilies& families, const std::string& sample,
               const MetricFamily::Labels& labels) {
  for (const auto& [name, family] : families)
    for (const auto& each : family.samples)
      if (each.name == sample && each.labels == labels) return each.value;
  throw std::runtime_error("no sample " + sample + " with these labels");
}

}  // namespace kpol::test
