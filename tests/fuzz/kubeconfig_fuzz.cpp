// SPDX-License-Identifier: Apache-2.0
// A kubeconfig.
#include "kube/cluster_config.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

namespace {

using kpol::fuzz::require;
using namespace kpol::kube;

bool isWord(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

void checkFile(const std::string& path) {
  require(path.empty() || path.front() == '/', "a file's path is absolute");
}

}  // namespace

KPOL_FUZZ_HARNESS(kubeconfig) {
  const auto text = kpol::fuzz::textOf(data, size);
  try {
    const auto config = readKubeconfig(text, "/etc/kpol");
    require(config.servers.size() == 1, "there is one server");
    const auto& url = config.servers.front();
    require(ServerUrl::parse(toString(url)) == url, "what is printed is read back");
    require(isWord(authorityOf(url)) && isWord(url.path), "no URL ends the line it stands in");
    for (const auto* pem : {&config.authorities, &config.clientCertificate, &config.clientKey})
      checkFile(pem->file);
    checkFile(config.tokenFile);
    require(config.clientCertificate.given() == config.clientKey.given(),
            "a certificate has its key");
    require(config == readKubeconfig(text, "/etc/kpol"), "reading is repeatable");
  } catch (const ClusterConfigError&) {
    // rejected: a valid result
  }
  return 0;
}
