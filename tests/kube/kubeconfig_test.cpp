// SPDX-License-Identifier: Apache-2.0
#include "kube/api_error.hpp"
#include "kube/base64.hpp"
#include "kube/cluster_config.hpp"
#include "kube/exec_credential.hpp"

#include <gtest/gtest.h>

namespace kpol::kube {
namespace {

std::string kubeconfig(const std::string& cluster, const std::string& user = "{}") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
         "contexts: [{name: other, context: {cluster: x}}, "
         "{name: c, context: {cluster: k, user: u}}]\n"
         "clusters: [{name: k, cluster: " +
         cluster + "}]\nusers: [{name: u, user: " + user + "}]\n";
}

std::string refusal(const std::string& text) {
  try {
    readKubeconfig(text, "/etc/kpol");
  } catch (const ClusterConfigError& error) {
    return error.what();
  }
  return "none";
}

TEST(Kubeconfig, FilesAreRelativeToTheKubeconfig) {
  const auto config = readKubeconfig(
      kubeconfig("{server: 'https://[fd00::1]:6443/base/', certificate-authority: ca.crt, "
                 "tls-server-name: kubernetes}",
                 "{client-certificate: /abs/c.crt, client-key: c.key, tokenFile: t}"),
      "/etc/kpol");
  ASSERT_EQ(config.servers.size(), 1U);
  EXPECT_EQ(config.servers[0], (ServerUrl{true, "fd00::1", 6443, "/base"}));
  EXPECT_EQ(toString(config.servers[0]), "https://[fd00::1]:6443/base");
  EXPECT_EQ(config.authorities.file, "/etc/kpol/ca.crt");
  EXPECT_EQ(config.tlsServerName, "kubernetes");
  EXPECT_EQ(config.clientCertificate.file, "/abs/c.crt");
  EXPECT_EQ(config.clientKey.file, "/etc/kpol/c.key");
  EXPECT_EQ(config.tokenFile, "/etc/kpol/t");
  EXPECT_FALSE(config.skipTlsVerify);
}

TEST(Kubeconfig, DataIsInline) {
  const auto config =
      readKubeconfig(kubeconfig("{server: 'https://a', certificate-authority-data: SGVsbG8=, "
                                "certificate-authority: ignored, insecure-skip-tls-verify: true}",
                                "{token: t0k}"),
                     "/");
  EXPECT_EQ(config.authorities, (PemSource{"Hello", ""}));
  EXPECT_TRUE(config.skipTlsVerify);
  EXPECT_EQ(config.token, "t0k");
}

TEST(Kubeconfig, ExecPlugin) {
  const auto config = readKubeconfig(
      kubeconfig("{server: 'http://a'}",
                 "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/get, "
                 "args: [a, 'b c'], env: [{name: N, value: v}], interactiveMode: IfAvailable}}"),
      "/etc/kpol");
  EXPECT_EQ(
      config.exec,
      (ExecPlugin{
          "client.authentication.k8s.io/v1", "/etc/kpol/./bin/get", {"a", "b c"}, {{"N", "v"}}}));
  EXPECT_EQ(config.servers[0].port, 80);
}

TEST(Kubeconfig, MissingAndUnsupportedFieldsAreErrors) {
  const std::string good = "{server: 'https://a'}";
  EXPECT_EQ(refusal(kubeconfig(good)), "none");
  const std::pair<std::string, std::string> cases[] = {
      {"", "the file: must be a mapping"},
      {"[1]", "the file: must be a mapping"},
      {"a: {", "not valid YAML"},
      {"kind: Config", "current-context: is required"},
      {"current-context: x", "contexts: has no entry \"x\""},
      {kubeconfig("{}"), "clusters[k].cluster.server: is required"},
      {kubeconfig("[]"), "clusters[k].cluster: must be a mapping"},
      {kubeconfig("{server: a}"), "clusters[k].cluster.server: must be a URL"},
      {kubeconfig("{server: 'https://a', proxy-url: 'http://p'}"), "proxy-url: is not supported"},
      {kubeconfig("{server: 'https://a', certificate-authority-data: '%'}"),
       "certificate-authority-data: must be base64"},
      {kubeconfig("{server: 'https://a', certificate-authority: ''}"),
       "clusters[k].cluster.certificate-authority: is empty"},
      {kubeconfig("{server: 'https://a', certificate-authority-data: ''}"),
       "clusters[k].cluster.certificate-authority-data: is empty"},
      {kubeconfig(good, "{client-certificate: '', client-key: ''}"),
       "users[u].user.client-certificate: is empty"},
      {kubeconfig(good, "{tokenFile: ''}"), "users[u].user.tokenFile: is empty"},
      {kubeconfig("{server: 'https://a', insecure-skip-tls-verify: maybe}"),
       "must be true or false"},
      {kubeconfig(good, "{client-key: k}"), "client-certificate: and client-key"},
      {kubeconfig(good, "{username: admin}"), "username: is no longer supported"},
      {kubeconfig(good, "{as: admin}"), "as: is not supported"},
      {kubeconfig(good, "{auth-provider: {name: gcp}}"), "auth-provider: is no longer supported"},
      {kubeconfig(good, "{exec: {command: x}}"), "users[u].user.exec.apiVersion: is required"},
      {kubeconfig(good, "{exec: {apiVersion: a, command: x, interactiveMode: Always}}"),
       "interactiveMode: must not be Always"},
      {kubeconfig(good, "{exec: {apiVersion: a, command: x, args: {}}}"), "args: must be a list"},
  };
  for (const auto& [text, reason] : cases)
    EXPECT_NE(refusal(text).find(reason), std::string::npos) << refusal(text) << "\nof " << text;
}

// Every prefix of a kubeconfig gives a value or a ClusterConfigError.
TEST(Kubeconfig, AnyPrefixIsParsedOrRejected) {
  const std::string text =
      kubeconfig("{server: 'https://a', certificate-authority-data: SGVsbG8=}",
                 "{exec: {apiVersion: a, command: x, args: [a], env: [{name: N, value: v}]}}");
  for (std::size_t size = 0; size < text.size(); ++size) refusal(text.substr(0, size));
}

TEST(ServerUrl, RejectsOtherText) {
  EXPECT_EQ(ServerUrl::parse("https://10.0.0.1"), (ServerUrl{true, "10.0.0.1", 443, ""}));
  EXPECT_EQ(ServerUrl::parse("https://[::1]"), (ServerUrl{true, "::1", 443, ""}));
  EXPECT_EQ(authorityOf({true, "::1", 6443, ""}), "[::1]:6443");
  for (const char* text :
       {"", "a", "ftp://a", "https://", "https://:1", "https://a:", "https://a:0",
        "https://a:70000", "https://a:1x", "https://a b", "https://a\r\nX: y", "https://u@a",
        "https://a?b", "https://[::1", "https://[a]", "https://::1"})
    EXPECT_EQ(ServerUrl::parse(text), std::nullopt) << text;
}

TEST(InCluster, UsesTheEnvironmentOfAPod) {
  const auto config = inClusterConfig("fd00::1", "443", "/sa");
  EXPECT_EQ(config.servers, (std::vector<ServerUrl>{{true, "fd00::1", 443, ""}}));
  EXPECT_EQ(config.authorities.file, "/sa/ca.crt");
  EXPECT_EQ(config.tokenFile, "/sa/token");
  EXPECT_THROW(inClusterConfig("", "443", "/sa"), ClusterConfigError);
  EXPECT_THROW(inClusterConfig("10.0.0.1", "x", "/sa"), ClusterConfigError);
}

TEST(Base64, OfAllLengths) {
  EXPECT_EQ(decodeBase64(""), "");
  EXPECT_EQ(decodeBase64("YQ=="), "a");
  EXPECT_EQ(decodeBase64("YWI="), "ab");
  EXPECT_EQ(decodeBase64("YW\nJj"), "abc");
  EXPECT_EQ(decodeBase64("+/+/"), "\xfb\xff\xbf");
  for (const char* text : {"Y", "YQ", "YQ=", "YQ==YQ==", "Y*==", "====", "YQ===", "="})
    EXPECT_EQ(decodeBase64(text), std::nullopt) << text;
}

TEST(ExecCredential, IsReadAndExpires) {
  const auto credential = readExecCredential(
      R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t","expirationTimestamp":"2026-01-31T12:00:00+02:00"}})");
  EXPECT_EQ(credential.token, "t");
  const auto end = *parseRfc3339("2026-01-31T10:00:00Z");
  EXPECT_EQ(credential.expiresAt, end);
  EXPECT_FALSE(expires(credential, end - std::chrono::minutes(1)));
  EXPECT_TRUE(expires(credential, end - std::chrono::seconds(10)));
  EXPECT_TRUE(expires(credential, end + std::chrono::hours(24)));  // the clock jumped
  EXPECT_FALSE(expires({"t", "", "", {}}, end));
  // Some plugins use it for "never"; no nanosecond clock can represent it.
  const ExecCredential never{"t", "", "", parseRfc3339("9999-12-31T23:59:59Z")};
  ASSERT_TRUE(never.expiresAt);
  EXPECT_FALSE(expires(never, std::chrono::system_clock::now()));
}

TEST(ExecCredential, InvalidCredentialIsRejectedWithoutPrintingIt) {
  for (
      const char* text :
      {"", "[]", "{}", R"({"kind":"ExecCredential","apiVersion":"v1","status":{"token":"secret"}})",
       R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1"})",
       R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}})",
       R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"secret","clientKeyData":"secret"}})",
       R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"secret","expirationTimestamp":"soon secret"}})"}) {
    try {
      readExecCredential(text);
      ADD_FAILURE() << text;
    } catch (const ApiError& error) {
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

TEST(Rfc3339, Forms) {
  EXPECT_EQ(parseRfc3339("1970-01-01T00:00:01Z")->time_since_epoch(), std::chrono::seconds(1));
  EXPECT_EQ(parseRfc3339("1970-01-01T00:00:01.5Z")->time_since_epoch(), std::chrono::seconds(1));
  EXPECT_EQ(parseRfc3339("1970-01-01T01:00:00+01:00")->time_since_epoch(), std::chrono::seconds(0));
  for (const char* text : {"", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z",
                           "1970-01-01T00:00:00X", "1970-01-01T00:00:00.", "x970-01-01T00:00:00Z"})
    EXPECT_FALSE(parseRfc3339(text)) << text;
}

}  // namespace
}  // namespace kpol::kube
