// SPDX-License-Identifier: Apache-2.0
#include "conf/attachment.hpp"

#include "tests/conf/expect_config_error.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::conf {
namespace {

using test::configErrorOf;
using test::ip;

base::IfName interface(const char* name) {
  return base::IfName::parse(name).value();
}

Attachment sampleAttachment() {
  return {"0a1b-c2",
          interface("eth0"),
          interface("kpol0123456789a"),
          {"shop", "web-1"},
          "uid-1",
          "/run/netns/cni-1",
          {ip("10.244.1.5"), ip("fd00:10:244:1::5")}};
}

TEST(Attachment, PrintsInTheDocumentedFormat) {
  EXPECT_EQ(print(sampleAttachment()),
            R"({"containerID":"0a1b-c2","hostInterface":"kpol0123456789a","ifName":"eth0",)"
            R"("ips":["10.244.1.5","fd00:10:244:1::5"],"netns":"/run/netns/cni-1",)"
            R"("pod":{"name":"web-1","namespace":"shop","uid":"uid-1"}})");
}

TEST(Attachment, ReadsBackWhatItPrints) {
  EXPECT_EQ(parseAttachment(print(sampleAttachment())), sampleAttachment());
  auto bare = sampleAttachment();
  bare.podUid.clear();
  bare.netns.clear();
  EXPECT_EQ(parseAttachment(print(bare)), bare);
}

TEST(Attachment, PrintsHostPortsIfPresent) {
  auto attachment = sampleAttachment();
  EXPECT_TRUE(attachment.hostPorts.empty());
  EXPECT_EQ(print(attachment).find("hostPorts"), std::string::npos);
  attachment.hostPorts = {{base::Protocol::Tcp, 8080, {}, 80},
                          {base::Protocol::Udp, 53, base::IpAddress::parse("fd00::1"), 5353}};
  EXPECT_EQ(parseAttachment(print(attachment)), attachment);
}

TEST(Attachment, PrintsTheMacAddressIfPresent) {
  auto attachment = sampleAttachment();
  EXPECT_EQ(print(attachment).find("mac"), std::string::npos);
  attachment.mac = base::MacAddress::parse("02:00:5e:10:00:01");
  EXPECT_NE(print(attachment).find(R"("mac":"02:00:5e:10:00:01")"), std::string::npos);
  EXPECT_EQ(parseAttachment(print(attachment)), attachment);
}

TEST(Attachment, SortsAddressesAndDropsDoubles) {
  const auto read = parseAttachment(
      R"({"containerID":"c","ifName":"eth0","hostInterface":"veth1","pod":{"namespace":"n","name":"p"},
          "ips":["fd00::1","10.0.0.2","10.0.0.1","10.0.0.2"],"later":[1]})");
  EXPECT_EQ(read.ips, (std::vector{ip("10.0.0.1"), ip("10.0.0.2"), ip("fd00::1")}));
}

TEST(Attachment, ErrorsNameTheField) {
  struct Case {
    const char* json;
    const char* field;
  };
  for (const auto& [json, field] : {
           Case{"{", ""},
           Case{"[]", ""},
           Case{R"({})", "containerID"},
           Case{R"({"containerID":7})", "containerID"},
           Case{R"({"containerID":"c"})", "ifName"},
           Case{R"({"containerID":"c","ifName":"a/b"})", "ifName"},
           Case{R"({"containerID":"c","ifName":"eth0","hostInterface":"much-too-long-name"})",
                "hostInterface"},
           Case{R"({"containerID":"../x","ifName":"e","hostInterface":"h"})", "containerID"},
           Case{R"({"containerID":"..","ifName":"e","hostInterface":"h"})", "containerID"},
           Case{R"({"containerID":"c","ifName":"e","hostInterface":"h"})", "pod"},
           Case{R"({"containerID":"c","ifName":"e","hostInterface":"h","pod":[]})", "pod"},
           Case{R"({"containerID":"c","ifName":"e","hostInterface":"h","pod":{"name":"p"}})",
                "pod.namespace"},
           Case{R"({"containerID":"c","ifName":"e","hostInterface":"h",
                    "pod":{"namespace":"n","name":""}})",
                "pod.name"},
           Case{R"({"containerID":"c","ifName":"e","hostInterface":"h",
                    "pod":{"namespace":"n","name":"p"}})",
                "ips"},
           Case{R"({"containerID":"c","ifName":"e","hostInterface":"h",
                    "pod":{"namespace":"n","name":"p"},"ips":["10.0.0.1","10.0.0.1/32"]})",
                "ips[1]"},
           Case{R"({"containerID":"c","ifName":"e","hostInterface":"h",
                    "pod":{"namespace":"n","name":"p"},"ips":{"0":"10.0.0.1"}})",
                "ips"},
       })
    EXPECT_EQ(configErrorOf([&] { (void)parseAttachment(json); }).first, field) << json;
}

TEST(Attachment, FileNameIsUniquePerId) {
  EXPECT_EQ(fileOf(idOf(sampleAttachment())), "attachments/0a1b-c2-eth0.json");
}

}  // namespace
}  // namespace kpol::conf
