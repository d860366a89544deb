#include "identity/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "identity/openssl.h"

namespace octet::identity {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Request = std::unique_ptr<X509_REQ, Free<X509_REQ_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_free>>;

constexpr char kNodeUri[] = "octet://node/";
constexpr char kCurve[] = "P-256";
constexpr char kCurveInCertificates[] = "prime256v1";
constexpr size_t kLongestNode = 253;
constexpr size_t kLongestCommonName = 64;  // ub-common-name of RFC 5280
constexpr long kVersion3 = 2;
constexpr int kSerialBytes = 16;

// What OpenSSL has to say, and an empty queue.
absl::Status OpenSslError(absl::StatusCode code, absl::string_view what) {
  char reason[256] = "";
  if (const unsigned long error = ERR_get_error(); error != 0)
    ERR_error_string_n(error, reason, sizeof(reason));
  ERR_clear_error();
  return absl::Status(code, *reason == '\0' ? std::string(what) : absl::StrCat(what, ": ", reason));
}

absl::Status Refused(absl::string_view what) {
  return OpenSslError(absl::StatusCode::kInvalidArgument, what);
}

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

std::string ToPem(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return Text(bio.get());
}

absl::StatusOr<Key> ReadKey(const std::string& pem) {
  Key key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, NoPassPhrase, nullptr));
  if (key == nullptr) return Refused("not a private key in PEM");
  return key;
}

absl::StatusOr<Certificate> ReadPem(const std::string& pem) {
  Certificate certificate(PEM_read_bio_X509(Reader(pem).get(), nullptr, NoPassPhrase, nullptr));
  if (certificate == nullptr) return Refused("not a certificate in PEM");
  return certificate;
}

absl::Time ToTime(const ASN1_TIME* time) {
  tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

void SetLife(X509* certificate, absl::Time begin, absl::Time end) {
  ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(begin));
  ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(end));
}

// Random, so that serials tell nothing and never meet; the top bit is kept
// clear, as the number is signed.
bool SetSerial(X509* certificate) {
  unsigned char bytes[kSerialBytes];
  if (RAND_bytes(bytes, kSerialBytes) != 1) return false;
  bytes[0] &= 0x7f;
  bytes[0] |= 0x40;
  const BigNumber number(BN_bin2bn(bytes, kSerialBytes, nullptr));
  return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

// For people to read; programs go by the alternative names.
bool SetCommonName(X509_NAME* name, const std::string& text) {
  const std::string shown = text.substr(0, kLongestCommonName);
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(shown.data()),
                                    static_cast<int>(shown.size()), -1, 0) == 1;
}

// value: in the language of openssl's x509v3_config; never holds anything that
// has not been checked.
bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct Wish {
  std::string common_name;
  std::string usage;         // extended key usage; empty: an authority
  std::string alternatives;  // subject alternative names; empty: an authority
  absl::Time begin, end;
};

bool AddExtensions(X509* certificate, X509* issuer, const Wish& wish) {
  const bool authority = wish.usage.empty();
  return AddExtension(certificate, issuer, NID_basic_constraints,
                      authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
         AddExtension(certificate, issuer, NID_key_usage,
                      authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
         AddExtension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
         (authority ||
          (AddExtension(certificate, issuer, NID_ext_key_usage, wish.usage) &&
           AddExtension(certificate, issuer, NID_subject_alt_name, wish.alternatives)));
}

// issuer null: signed by itself.
absl::StatusOr<std::string> Sign(const Wish& wish, EVP_PKEY* subject_key, X509* issuer,
                                 EVP_PKEY* issuer_key) {
  const Certificate certificate(X509_new());
  X509* const by = issuer == nullptr ? certificate.get() : issuer;
  SetLife(certificate.get(), wish.begin, wish.end);
  if (X509_set_version(certificate.get(), kVersion3) != 1 || !SetSerial(certificate.get()) ||
      !SetCommonName(X509_get_subject_name(certificate.get()), wish.common_name) ||
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(by)) != 1 ||
      X509_set_pubkey(certificate.get(), subject_key) != 1 ||
      !AddExtensions(certificate.get(), by, wish) ||
      X509_sign(certificate.get(), issuer_key, EVP_sha256()) == 0)
    return OpenSslError(absl::StatusCode::kInternal,
                        absl::StrCat("cannot sign a certificate for ", wish.common_name));
  return ToPem(certificate.get());
}

bool IsOnOurCurve(const EVP_PKEY* key) {
  char name[64] = "";
  return EVP_PKEY_get_group_name(key, name, sizeof(name), nullptr) == 1 &&
         std::string_view(name) == kCurveInCertificates;
}

// The key that the request proves.
absl::StatusOr<Key> CheckRequest(const std::string& pem) {
  const Request request(PEM_read_bio_X509_REQ(Reader(pem).get(), nullptr, NoPassPhrase, nullptr));
  if (request == nullptr) return Refused("not a certificate request in PEM");
  Key key(X509_REQ_get_pubkey(request.get()));
  if (key == nullptr || X509_REQ_verify(request.get(), key.get()) != 1)
    return Refused("the certificate request does not prove that its sender has the key");
  if (!IsOnOurCurve(key.get()))
    return Refused(
        absl::StrCat("the certificate request is for a key that is not on the curve ", kCurve));
  return key;
}

bool IsAddress(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; }

absl::Status CheckHost(const std::string& host) {
  if (IsAddress(host)) return absl::OkStatus();
  const std::string name = absl::StartsWith(host, "*.") ? host.substr(2) : host;
  if (!name.empty() && host.size() <= kLongestNode &&
      std::all_of(name.begin(), name.end(), IsNameCharacter))
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", host, "\" is neither a host's name, without a port, nor an IP address"));
}

std::string Bytes(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

// Of 4 or 16 bytes; empty: neither.
std::string AddressText(const std::string& bytes) {
  char shown[INET6_ADDRSTRLEN];
  if (bytes.size() != sizeof(in_addr) && bytes.size() != sizeof(in6_addr)) return "";
  const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  return inet_ntop(family, bytes.data(), shown, sizeof(shown)) == nullptr ? "" : shown;
}

void ReadNames(X509* certificate, CertificateInfo& info) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) {
      const std::string uri = Bytes(name->d.uniformResourceIdentifier);
      if (absl::StartsWith(uri, kNodeUri)) info.node = uri.substr(std::strlen(kNodeUri));
    } else if (name->type == GEN_DNS) {
      info.hosts.push_back(Bytes(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      if (std::string address = AddressText(Bytes(name->d.iPAddress)); !address.empty())
        info.hosts.push_back(std::move(address));
    }
  }
}

absl::StatusOr<std::string> SignFor(const KeyPair& authority, const std::string& request,
                                    Wish wish) {
  ASSIGN_OR_RETURN(const Key subject, CheckRequest(request));
  ASSIGN_OR_RETURN(const Certificate issuer, ReadPem(authority.certificate));
  ASSIGN_OR_RETURN(const Key issuer_key, ReadKey(authority.key));
  const absl::Time last = ToTime(X509_get0_notAfter(issuer.get()));
  if (last <= wish.begin + kBackdating)
    return absl::FailedPreconditionError(absl::StrCat(
        "the authority's certificate ended at ", absl::FormatTime(last, absl::UTCTimeZone()),
        "; docs/security.md says how to replace an authority"));
  wish.end = std::min(wish.end, last);
  return Sign(wish, subject.get(), issuer.get(), issuer_key.get());
}

}  // namespace

std::string GenerateKey() {
  const Key key(EVP_EC_gen(kCurve));
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return Text(bio.get());
}

absl::StatusOr<std::string> RequestCertificate(const std::string& key) {
  ASSIGN_OR_RETURN(const Key own, ReadKey(key));
  const Request request(X509_REQ_new());
  if (X509_REQ_set_pubkey(request.get(), own.get()) != 1 ||
      X509_REQ_sign(request.get(), own.get(), EVP_sha256()) == 0)
    return OpenSslError(absl::StatusCode::kInternal, "cannot make a certificate request");
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  return Text(bio.get());
}

absl::StatusOr<CertificateInfo> ReadCertificate(const std::string& pem) {
  ASSIGN_OR_RETURN(const Certificate certificate, ReadPem(pem));
  CertificateInfo info;
  const BigNumber serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr));
  char* digits = BN_bn2hex(serial.get());
  info.serial = absl::AsciiStrToLower(digits);
  OPENSSL_free(digits);
  info.begin = ToTime(X509_get0_notBefore(certificate.get()));
  info.end = ToTime(X509_get0_notAfter(certificate.get()));
  info.issued = info.begin + kBackdating;
  info.authority = X509_check_ca(certificate.get()) == 1;
  ReadNames(certificate.get(), info);
  return info;
}

absl::StatusOr<KeyPair> CertificateAuthority::Create(const std::string& name, absl::Time now,
                                                     absl::Duration life) {
  KeyPair pair{.key = GenerateKey()};
  ASSIGN_OR_RETURN(const Key key, ReadKey(pair.key));
  const Wish wish{.common_name = name, .begin = now - kBackdating, .end = now + life};
  ASSIGN_OR_RETURN(pair.certificate, Sign(wish, key.get(), nullptr, key.get()));
  return pair;
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Load(const KeyPair& authority) {
  ASSIGN_OR_RETURN(const Certificate certificate, ReadPem(authority.certificate));
  ASSIGN_OR_RETURN(const Key key, ReadKey(authority.key));
  if (X509_check_ca(certificate.get()) != 1) return Refused("not the certificate of an authority");
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return Refused("the key is not that of the authority's certificate");
  return CertificateAuthority(authority);
}

absl::StatusOr<std::string> CertificateAuthority::SignNode(const std::string& request,
                                                           const std::string& node, absl::Time now,
                                                           absl::Duration life) const {
  RETURN_IF_ERROR(CheckNodeName(node));
  return SignFor(authority_, request,
                 {.common_name = node,
                  .usage = "clientAuth",
                  .alternatives = absl::StrCat("URI:", kNodeUri, node),
                  .begin = now - kBackdating,
                  .end = now + life});
}

absl::StatusOr<std::string> CertificateAuthority::SignScheduler(
    const std::string& request, const std::vector<std::string>& hosts, absl::Time now,
    absl::Duration life) const {
  if (hosts.empty())
    return absl::InvalidArgumentError(
        "a scheduler's certificate needs a name by which it is dialled");
  std::vector<std::string> names;
  for (const std::string& host : hosts) {
    RETURN_IF_ERROR(CheckHost(host));
    names.push_back(absl::StrCat(IsAddress(host) ? "IP:" : "DNS:", host));
  }
  return SignFor(authority_, request,
                 {.common_name = hosts.front(),
                  .usage = "serverAuth",
                  .alternatives = absl::StrJoin(names, ","),
                  .begin = now - kBackdating,
                  .end = now + life});
}

absl::Status CheckNodeName(const std::string& name) {
  if (!name.empty() && name.size() <= kLongestNode &&
      std::all_of(name.begin(), name.end(), IsNameCharacter))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not a node's name: at most ",
                                                 kLongestNode,
                                                 " letters, digits, '-', '_' and '.'"));
}

}  // namespace octet::identity
