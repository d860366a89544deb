// What the users of OpenSSL's C API here share.
#ifndef OCTET_IDENTITY_OPENSSL_H_
#define OCTET_IDENTITY_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace octet::identity {

/// A deleter: std::unique_ptr<X509, Free<X509_free>>.
template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

/// Reads from `text`, which outlives it.
inline Bio Reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// For every PEM_read_bio_*: OpenSSL would otherwise ask for a pass phrase on
/// the terminal, whoever sent the text.
inline int NoPassPhrase(char*, int, int, void*) { return -1; }

}  // namespace octet::identity

#endif  // OCTET_IDENTITY_OPENSSL_H_
