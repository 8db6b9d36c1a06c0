// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_error.hpp"

#include "tests/conf/expect_config_error.hpp"

#include <gtest/gtest.h>

namespace kpol::conf {
namespace {

TEST(CniError, PrintsInTheSpecifiedFormat) {
  EXPECT_EQ(print(CniError{7, "mtu: must be an integer", "see the manual"}, CniVersion::V0_4_0),
            R"({"cniVersion":"0.4.0","code":7,"details":"see the manual",)"
            R"("msg":"mtu: must be an integer"})");
  EXPECT_EQ(print(CniError{11, "try again", ""}, CniVersion::V1_1_0),
            R"({"cniVersion":"1.1.0","code":11,"msg":"try again"})");
}

TEST(CniError, PrintsAnyBytesAsValidJson) {
  EXPECT_EQ(print(CniError{5, "no file \xff\n", ""}, CniVersion::V1_0_0),
            "{\"cniVersion\":\"1.0.0\",\"code\":5,\"msg\":\"no file \xEF\xBF\xBD\\n\"}");
}

TEST(CniError, ReadsBackWhatItPrints) {
  for (const CniError& error : {CniError{999, "a", "b"}, CniError{0, "", ""}})
    EXPECT_EQ(parseError(print(error, CniVersion::V1_0_0)), error);
}

TEST(CniError, RejectsOtherJson) {
  using test::configErrorOf;
  EXPECT_EQ(configErrorOf([] { (void)parseError("panic: x"); }).first, "");
  EXPECT_EQ(configErrorOf([] { (void)parseError(R"({"ips":[]})"); }).first, "code");
  EXPECT_EQ(configErrorOf([] { (void)parseError(R"({"code":"x"})"); }).first, "code");
  EXPECT_EQ(configErrorOf([] { (void)parseError(R"({"code":-1})"); }).first, "code");
  EXPECT_EQ(configErrorOf([] { (void)parseError(R"({"code":1,"msg":2})"); }).first, "msg");
}

TEST(CniFailure, HasMessageAndDetails) {
  const CniFailure failure(CniCode::TryAgain, "kpold is away", "start it");
  EXPECT_STREQ(failure.what(), "kpold is away; start it");
  EXPECT_EQ(failure.error(), (CniError{11, "kpold is away", "start it"}));
}

TEST(CniCode, HasTheSpecifiedNumber) {
  EXPECT_EQ(static_cast<int>(CniCode::IncompatibleVersion), 1);
  EXPECT_EQ(static_cast<int>(CniCode::UnsupportedField), 2);
  EXPECT_EQ(static_cast<int>(CniCode::UnknownContainer), 3);
  EXPECT_EQ(static_cast<int>(CniCode::InvalidEnvironment), 4);
  EXPECT_EQ(static_cast<int>(CniCode::Io), 5);
  EXPECT_EQ(static_cast<int>(CniCode::Decode), 6);
  EXPECT_EQ(static_cast<int>(CniCode::InvalidConfig), 7);
  EXPECT_EQ(static_cast<int>(CniCode::TryAgain), 11);
  EXPECT_EQ(static_cast<int>(CniCode::NotAvailable), 50);
  EXPECT_EQ(static_cast<int>(CniCode::LimitedConnectivity), 51);
}

}  // namespace
}  // namespace kpol::conf
