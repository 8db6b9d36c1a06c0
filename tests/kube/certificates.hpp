// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kpol::kube::testing {

struct Certified {
  std::string certificatePem;
  std::string keyPem;
};

// A new authority, and certificates that it signs. `names` as in openssl's subjectAltName:
// "DNS:api.example,IP:127.0.0.1"; empty: none.
Certified makeAuthority();
Certified issue(const Certified& authority, const std::string& commonName,
                const std::string& names);

// The key, encrypted with a password.
std::string encrypted(const std::string& keyPem, const std::string& password);

}  // namespace kpol::kube::testing
