// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_version.hpp"

#include "conf/config_error.hpp"

#include <gtest/gtest.h>

namespace kpol::conf {
namespace {

TEST(CniVersion, ReadsBackWhatItPrints) {
  for (const auto version : kCniVersions) EXPECT_EQ(parseCniVersion(toString(version)), version);
}

TEST(CniVersion, RejectsOtherVersions) {
  for (const char* text : {"", "0.1.0", "0.2.0", "0.3.2", "1.0", "1.0.0 ", "1.2.0", "2.0.0"})
    EXPECT_EQ(parseCniVersion(text), std::nullopt) << text;
}

TEST(CniVersion, IsReadFromTheConfig) {
  EXPECT_EQ(versionOf(R"({"cniVersion":"0.4.0","name":7})"), CniVersion::V0_4_0);
}

TEST(CniVersion, MissingVersionIsUnsupported) {
  EXPECT_THROW((void)versionOf("{}"), IncompatibleVersion);
  EXPECT_THROW((void)versionOf(R"({"cniVersion":"0.2.0"})"), IncompatibleVersion);
}

TEST(CniVersion, InvalidConfigIsRejected) {
  for (const char* text : {"", "x", "[]", R"({"cniVersion":1})"})
    EXPECT_THROW((void)versionOf(text), ConfigError) << text;
}

TEST(CniVersion, PrintsSupportedVersions) {
  EXPECT_EQ(
      printSupportedVersions(CniVersion::V1_0_0),
      R"({"cniVersion":"1.0.0","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]})");
}

}  // namespace
}  // namespace kpol::conf
