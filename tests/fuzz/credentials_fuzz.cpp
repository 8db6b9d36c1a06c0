// SPDX-License-Identifier: Apache-2.0
// kpold's credentials. The first byte selects the kind of the rest: a token, the output of an exec
// plugin, the certificates of authorities, or a client's certificate and, after a zero byte, key.
#include "base/async/asio.hpp"
#include "kube/api_error.hpp"
#include "kube/credentials.hpp"
#include "kube/tls_context.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parts.hpp"

#include <boost/asio/ssl/context.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>

namespace {

using kpol::fuzz::require;
using namespace kpol::kube;

kpol::base::Task<> ask(Credentials& credentials, std::optional<Identity>& identity) {
  try {
    Identity answer = co_await credentials.identity();
    identity = std::move(answer);
  } catch (const ApiError&) {
    // rejected: a valid result
  }
}

void readToken(std::string_view text) {
  ClusterConfig config;
  config.token = text;
  Credentials credentials(std::move(config));
  std::optional<Identity> identity;
  kpol::base::asio::io_context io;
  kpol::base::asio::co_spawn(io, ask(credentials, identity), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  io.run();
  if (!identity || text.empty()) return;
  require(!identity->token.empty() && std::all_of(identity->token.begin(), identity->token.end(),
                                                  [](char c) { return c > ' ' && c < 0x7f; }),
          "no token ends the line it stands in");
}

void readPlugin(std::string_view text) {
  const auto credential = readExecCredential(text);
  require(!credential.token.empty() || !credential.certificatePem.empty(), "it is a credential");
  require(credential.certificatePem.empty() == credential.keyPem.empty(),
          "a certificate has its key");
  (void)expires(credential, std::chrono::system_clock::now());
}

void readClient(std::string_view text) {
  const auto zero = std::min(text.find('\0'), text.size());
  TlsSettings tls;
  tls.certificate = text.substr(0, zero);
  tls.key = text.substr(std::min(zero + 1, text.size()));
  tls.authorities = tls.certificate;  // not the system's, which take long to load
  if (!tls.certificate.empty()) (void)makeTlsContext(tls);
}

void readAuthorities(std::string_view text) {
  TlsSettings tls;
  tls.authorities = text;
  if (!text.empty()) (void)makeTlsContext(tls);
}

}  // namespace

KPOL_FUZZ_HARNESS(credentials) {
  auto text = kpol::fuzz::textOf(data, size);
  const auto choice = kpol::fuzz::cutByte(text) % 4;
  try {
    if (choice == 0) readToken(text);
    if (choice == 1) readPlugin(text);
    if (choice == 2) readAuthorities(text);
    if (choice == 3) readClient(text);
  } catch (const ApiError&) {
    // rejected: a valid result
  }
  return 0;
}
