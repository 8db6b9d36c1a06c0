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

// Returns the PEM text of `source`. An object of it ends its first line with `mark`. `field` is the
// kubeconfig's field with the text, for error messages.
std::string pemOf(const PemSource& source, const char* field, const char* mark, const char* what) {
  auto text = source.file.empty() ? source.text : readFile(source.file);
  if (text.find(mark) != text.npos) return text;
  const auto origin = source.file.empty() ? "the kubeconfig's " + std::string(field) : source.file;
  throw ApiError(origin + (text.empty() ? " is empty" : " is not PEM") + ": it must contain " +
                 what);
}

constexpr const char* kCertificate = "CERTIFICATE-----";
constexpr const char* kKey = "PRIVATE KEY-----";

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
  if (!config_.authorities.given()) return {};
  // Without a text, the system's authorities would be trusted instead.
  return pemOf(config_.authorities, "certificate-authority-data", kCertificate,
               "the certificate authorities of the API server");
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
    // Without a text, the server would see an anonymous client.
    identity.certificatePem = pemOf(config_.clientCertificate, "client-certificate-data",
                                    kCertificate, "the client's certificate");
    identity.keyPem = pemOf(config_.clientKey, "client-key-data", kKey, "the client's key");
  }
  co_return identity;
}

}  // namespace kpol::kube
