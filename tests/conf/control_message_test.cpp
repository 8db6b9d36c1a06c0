// SPDX-License-Identifier: Apache-2.0
#include "conf/control_message.hpp"

#include <gtest/gtest.h>

namespace kpol::conf {
namespace {

TEST(ErrorBody, ReadsBackWhatItPrints) {
  EXPECT_EQ(printErrorBody("pod a/b is not \"known\""), R"({"error":"pod a/b is not \"known\""})");
  EXPECT_EQ(errorTextOf(printErrorBody("pod a/b is not known")), "pod a/b is not known");
}

TEST(ErrorBody, NonJsonBodyIsTheMessage) {
  EXPECT_EQ(errorTextOf("<html>"), "<html>");
  EXPECT_EQ(errorTextOf(R"({"error":1})"), R"({"error":1})");
  EXPECT_EQ(errorTextOf(""), "");
  EXPECT_EQ(errorTextOf(std::string(1000, 'x')), std::string(200, 'x'));
}

TEST(StatusBody, IsReadyOnlyIfTheFieldIsTrue) {
  EXPECT_TRUE(saysReady(R"({"ready":true,"generation":4})"));
  for (const char* body : {R"({"ready":false})", R"({"ready":1})", R"({"ready":"true"})", "{}",
                           "[true]", "true", "", "no json"})
    EXPECT_FALSE(saysReady(body)) << body;
}

TEST(StatusBody, ReturnsTheFault) {
  EXPECT_EQ(faultIn(R"({"ready":true,"fault":{"message":"refused","at":1}})"), "refused");
  for (const char* body : {R"({"ready":true,"fault":null})", R"({"fault":"x"})",
                           R"({"fault":{"message":1}})", R"({"fault":{}})", "{}", "[]", "x"})
    EXPECT_EQ(faultIn(body), "") << body;
}

TEST(KnownBody, IsTheAttachmentAndWhetherItIsEnforced) {
  EXPECT_EQ(printKnown(R"({"ifName":"eth0"})", true), R"({"enforced":true,"ifName":"eth0"})");
  EXPECT_TRUE(saysEnforced(printKnown("{}", true)));
  EXPECT_FALSE(saysEnforced(printKnown("{}", false)));
  EXPECT_FALSE(saysEnforced("{}"));
}

TEST(RemovedBody, ReturnsWhoDeletesPendingReleases) {
  EXPECT_EQ(printRemoved(7, true), R"({"generation":7,"settling":true})");
  EXPECT_TRUE(saysSettling(printRemoved(7, true)));
  EXPECT_FALSE(saysSettling(printRemoved(7, false)));
  EXPECT_FALSE(saysSettling(R"({"generation":7})")) << "a kpold without this field";
}

}  // namespace
}  // namespace kpol::conf
