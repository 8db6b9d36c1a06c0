// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/connection.hpp"

#include <memory>

namespace boost::asio::ssl {
class context;
}

namespace kpol::kube {

// Creates the context for TLS connections with these settings. Throws ApiError if they are not PEM,
// or if the key is encrypted or does not belong to the certificate.
std::unique_ptr<base::asio::ssl::context> makeTlsContext(const TlsSettings& tls);

}  // namespace kpol::kube
