// SPDX-License-Identifier: Apache-2.0
#include "tests/kube/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

namespace kpol::kube::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::string textIn(const Memory& memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Memory memoryOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate makeCertificate(const std::string& commonName, EVP_PKEY* key) {
  static long serial = 1;
  Certificate certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(commonName.c_str()), -1, -1, 0);
  return certificate;
}

Certified pemOf(X509* certificate, EVP_PKEY* key) {
  const Memory certificateText(BIO_new(BIO_s_mem()), BIO_free);
  const Memory keyText(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(certificateText.get(), certificate);
  PEM_write_bio_PrivateKey(keyText.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return {textIn(certificateText), textIn(keyText)};
}

}  // namespace

Certified makeAuthority() {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  static int made = 0;  // OpenSSL finds an issuer by its name
  const std::string name = "authority " + std::to_string(++made);
  const Certificate certificate = makeCertificate(name, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  extend(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return pemOf(certificate.get(), key.get());
}

Certified issue(const Certified& authority, const std::string& commonName,
                const std::string& names) {
  const Memory certificateText = memoryOf(authority.certificatePem);
  const Memory keyText = memoryOf(authority.keyPem);
  const Certificate issuer(PEM_read_bio_X509(certificateText.get(), nullptr, nullptr, nullptr),
                           X509_free);
  const Key issuerKey(PEM_read_bio_PrivateKey(keyText.get(), nullptr, nullptr, nullptr),
                      EVP_PKEY_free);
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate certificate = makeCertificate(commonName, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
  if (!names.empty()) extend(certificate.get(), issuer.get(), NID_subject_alt_name, names);
  X509_sign(certificate.get(), issuerKey.get(), EVP_sha256());
  return pemOf(certificate.get(), key.get());
}

std::string encrypted(const std::string& keyPem, const std::string& password) {
  const Memory given = memoryOf(keyPem);
  const Key key(PEM_read_bio_PrivateKey(given.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const Memory text(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PKCS8PrivateKey(text.get(), key.get(), EVP_aes_128_cbc(), password.data(),
                                static_cast<int>(password.size()), nullptr, nullptr);
  return textIn(text);
}

}  // namespace kpol::kube::testing
