// SPDX-License-Identifier: Apache-2.0
#include "controller/exposition.hpp"

#include "tests/support/exposition_text.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using test::readExposition;
using test::valueOf;

TEST(Exposition, WritesWhatPrometheusReads) {
  Exposition exposition;
  exposition.counter("a_total", "Some.").sample(std::uint64_t{3}, {{"kind", "x"}, {"by", "y"}});
  exposition.gauge("b_seconds", "More.").sample(1.5).sample(2e-7, {{"kind", "z"}});
  exposition.gauge("c", "None yet.");
  EXPECT_EQ(exposition.text(),
            "# HELP a_total Some.\n# TYPE a_total counter\na_total{kind=\"x\",by=\"y\"} 3\n"
            "# HELP b_seconds More.\n# TYPE b_seconds gauge\nb_seconds 1.5\n"
            "b_seconds{kind=\"z\"} 2e-07\n"
            "# HELP c None yet.\n# TYPE c gauge\n");
  const auto families = readExposition(exposition.text());
  EXPECT_EQ(families.size(), 3U);
  EXPECT_EQ(valueOf(families, "b_seconds", {{"kind", "z"}}), 2e-7);
}

TEST(Exposition, AnyTextCanBeALabelValue) {
  const std::string odd = "a\"b\\c\nd}{ ,\xff";
  Exposition exposition;
  exposition.gauge("a", "Some.").sample(std::uint64_t{1}, {{"kind", odd}});
  EXPECT_EQ(valueOf(readExposition(exposition.text()), "a", {{"kind", odd}}), 1);
}

TEST(Exposition, BucketsOfAHistogramAreCumulative) {
  base::Histogram histogram{.001, .01, 1};
  histogram.observe(1ms);
  histogram.observe(2ms, 3);
  histogram.observe(5s);
  Exposition exposition;
  exposition.histogram("h_seconds", "Some.")
      .sample(histogram, {{"kind", "x"}})
      .sample(base::Histogram{.5}, {{"kind", "y"}});
  const auto families = readExposition(exposition.text());
  const auto bucket = [&](const char* bound) {
    return valueOf(families, "h_seconds_bucket", {{"kind", "x"}, {"le", bound}});
  };
  EXPECT_EQ(bucket("0.001"), 1);
  EXPECT_EQ(bucket("0.01"), 4);
  EXPECT_EQ(bucket("1"), 4);
  EXPECT_EQ(bucket("+Inf"), 5);
  EXPECT_EQ(valueOf(families, "h_seconds_count", {{"kind", "x"}}), 5);
  EXPECT_DOUBLE_EQ(valueOf(families, "h_seconds_sum", {{"kind", "x"}}), 5.007);
  EXPECT_EQ(valueOf(families, "h_seconds_count", {{"kind", "y"}}), 0);
}

// The reader that the tests of metrics rely on.
TEST(ExpositionText, IsReadStrictly) {
  const std::string a = "# HELP a Some.\n# TYPE a gauge\n";
  const std::string h = "# HELP h Some.\n# TYPE h histogram\n";
  EXPECT_EQ(readExposition(a + "a 1\na{b=\"c\"} -2e3\n").at("a").samples.size(), 2U);
  for (const std::string& text : {
           a + "a 1",
           a + "a 1\na 2\n",
           a + "a{b=\"c\"} 1\na{b=\"c\"} 2\n",
           a + "a{b=\"c\",b=\"d\"} 1\n",
           a + "a{b=\"c} 1\n",
           a + "a{b=\"\\t\"} 1\n",
           a + "a{B=\"c\"} 1\n",
           a + "a NaN\n",
           a + "a 1x\n",
           a + "a  1\n",
           a + "a 1 1700000000\n",
           a + "b 1\n",
           a + "A 1\n",
           a + "\n",
           a + a,
           std::string("a 1\n"),
           std::string("# HELP a Some.\na 1\n"),
           std::string("# TYPE a gauge\na 1\n"),
           std::string("# HELP a Some\n# TYPE a gauge\n"),
           std::string("# HELP a Some.\n# TYPE a number\n"),
           std::string("# HELP a Some.\n# TYPE a counter\n"),
           std::string("# HELP a_total Some.\n# TYPE a_total gauge\n"),
           std::string("# HELP a_ms Some.\n# TYPE a_ms gauge\n"),
           std::string("# HELP a_total Some.\n# TYPE a_total counter\na_total -1\n"),
           h + "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
           h + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
           h + "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\n"
               "h_count 1\n",
           h + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
           h + "h_bucket{le=\"+Inf\"} 1\nh_count 1\n",
           h + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\n",
           h + "h 1\n",
       })
    EXPECT_THROW((void)readExposition(text), std::runtime_error) << text;
}

}  // namespace
}  // namespace kpol::controller
