// SPDX-License-Identifier: Apache-2.0
#include "kube/tls_context.hpp"

#include "kube/api_error.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

namespace kpol::kube {
namespace {

namespace ssl = base::asio::ssl;
using ErrorCode = boost::system::error_code;

void check(const ErrorCode& error, const char* what) {
  if (error) throw ApiError(std::string(what) + ": " + error.message());
}

// Without this callback OpenSSL would prompt for the password at the terminal, and block.
int noPassword(char* /*text*/, int /*room*/, int /*forWriting*/, void* /*unused*/) {
  return -1;
}

void trustGiven(ssl::context& context, const std::string& authorities) {
  ErrorCode error;
  if (authorities.empty()) {
    context.set_default_verify_paths(error);
    return check(error, "cannot load the system's certificate authorities");
  }
  context.add_certificate_authority(base::asio::buffer(authorities), error);
  check(error, "the certificate authorities are not valid PEM");
}

}  // namespace

std::unique_ptr<ssl::context> makeTlsContext(const TlsSettings& tls) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                       ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  ::SSL_CTX_set_default_passwd_cb(context->native_handle(), noPassword);
  trustGiven(*context, tls.authorities);
  if (tls.certificate.empty()) return context;
  ErrorCode error;
  context->use_certificate_chain(base::asio::buffer(tls.certificate), error);
  check(error, "the client certificate is not valid PEM");
  context->use_private_key(base::asio::buffer(tls.key), ssl::context::pem, error);
  check(error, "the client key is not valid PEM, is encrypted, or does not match the certificate");
  return context;
}

}  // namespace kpol::kube
