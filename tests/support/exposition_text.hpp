// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace kpol::test {

// A metric family as a Prometheus server reads it.
struct MetricFamily {
  std::string name;
  std::string type;
  std::string help;
  using Labels = std::map<std::string, std::string>;
  struct Sample {
    std::string name;  // a histogram's have suffixes
    Labels labels;
    double value = 0;
  };
  std::vector<Sample> samples;
};
using MetricFamilies = std::map<std::string, MetricFamily>;

// Parses the text format 0.0.4 more strictly than Prometheus does, and checks the rules for names.
// Throws std::runtime_error with the line for: a family without HELP and TYPE before its samples,
// or twice, or in two parts; a counter without _total or another type with it; invalid names and
// labels; two samples of one name and labels; values that are not numbers, and negative counters; a
// histogram whose buckets decrease, have no +Inf, or whose count differs from it; bytes after the
// end of the last line.
MetricFamilies readExposition(const std::string& text);

// The value of the sample with these labels; throws std::runtime_error where there is none.
double valueOf(const MetricFamilies& families, const std::string& sample,
               const MetricFamily::Labels& labels = {});

}  // namespace kpol::test
