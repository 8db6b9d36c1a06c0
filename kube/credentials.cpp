// SPDX-License-Identifier: Apache-2.0
#include "kube/credentials.hpp"

#include "base/async/asio.hpp"
#include "kube/api_error.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace kpol::kube {
namespace {

using base::Task;

// The maximum size of a token or certificate file.
constexpr std::size_t kLimit = std::size_t{1} << 20U;

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ApiError("cannot read " + path + ": " + std::strerror(errno));
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > kLimit) throw ApiError(path + " is too large");
  return text;
}

std::string textOf(const PemSource& source) {
  return source.file.empty() ? source.text : readFile(source.file);
}

// Returns a header value: removes line ends and spaces at the end, and rejects characters that
// could end the header line.
std::string tokenIn(std::string text, const std::string& origin) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) throw ApiError(origin + " is not a token");
  }
  if (text.empty()) throw ApiError(origin + " is empty");
  return text;
}

// Sets `flag` during its lifetime, and then notifies the waiters.
class Turn {
 public:
  Turn(bool& flag, base::Event& ended) : flag_(flag), ended_(ended) { flag_ = true; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    flag_ = false;
    ended_.notify();
  }

 private:
  bool& flag_;
  base::Event& ended_;
};

}  // namespace

std::string Credentials::authorities() const {
  auto text = textOf(config_.authorities);
  // Without a text, the system's authorities would be trusted instead.
  if (text.empty() && config_.authorities.given())
    throw ApiError(config_.authorities.file +
                   " is empty: it must contain the certificate authorities of the API server");
  return text;
}

Task<ExecCredential> Credentials::fromPlugin() {
  while (asking_) co_await answered_.waitUntil(base::Event::kNever);
  if (!given_ || expires(*given_, std::chrono::system_clock::now())) {
    const Turn turn(asking_, answered_);
    ExecCredential fresh = co_await askExecPlugin(*config_.exec);
    given_ = std::move(fresh);
  }
  co_return *given_;
}

Task<Identity> Credentials::identity() {
  Identity identity;
  if (!config_.tokenFile.empty()) {
    identity.token = tokenIn(readFile(config_.tokenFile), config_.tokenFile);
  } else if (!config_.token.empty()) {
    identity.token = tokenIn(config_.token, "the kubeconfig's token");
  } else if (config_.exec) {
    const ExecCredential given = co_await fromPlugin();
    if (!given.token.empty()) identity.token = tokenIn(given.token, "the exec plugin's token");
    identity.certificatePem = given.certificatePem;
    identity.keyPem = given.keyPem;
  }
  if (config_.clientCertificate.given()) {
    identity.certificatePem = textOf(config_.clientCertificate);
    identity.keyPem = textOf(config_.clientKey);
  }
  co_return identity;
}

}  // namespace kpol::kube
