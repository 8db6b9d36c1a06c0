// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/connection.hpp"

#include <memory>

namespace boost::asio::ssl {
class context;
}

namespace kpol::kube {

// What a TLS connection with these settings is made from. Throws ApiError where they are no PEM, or
// the key is encrypted or another certificate's.
std::unique_ptr<base::asio::ssl::context> makeTlsContext(const TlsSettings& tls);

}  // namespace kpol::kube
