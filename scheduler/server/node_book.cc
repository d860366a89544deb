#include "scheduler/server/node_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/stored.pb.h"

namespace octet::scheduler {
namespace {

constexpr char kTable[] = "node_certificates";

Record ToRecord(const std::string& node, absl::Time end, absl::Time revoked) {
  stored::NodeCertificates certificates;
  *certificates.mutable_end_time() = ToTimestamp(end);
  *certificates.mutable_revoke_time() = ToTimestamp(revoked);
  return {kTable, node, certificates.SerializeAsString()};
}

absl::Status NotLetIn(const std::string& why) {
  return absl::UnauthenticatedError(
      absl::StrCat(why, "; the node joins again with a token from `octet token create --join`"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeBook>> NodeBook::Open(
    Store& store, TokenBook& tokens, std::optional<identity::CertificateAuthority> authority,
    const Clock& clock) {
  std::unique_ptr<NodeBook> book(new NodeBook(store, tokens, std::move(authority), clock));
  ASSIGN_OR_RETURN(const auto records, store.LoadTable(kTable));
  for (const auto& [node, value] : records) {
    stored::NodeCertificates certificates;
    if (!certificates.ParseFromString(value))
      return absl::DataLossError(
          absl::StrCat("the certificate of node ", node, " in the store cannot be read"));
    book->Publish(node, {ToTime(certificates.end_time()), ToTime(certificates.revoke_time())});
  }
  return book;
}

NodeBook::Entry NodeBook::Find(const std::string& node) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = entries_.find(node);
  return found == entries_.end() ? Entry{} : found->second;
}

void NodeBook::Publish(const std::string& node, const Entry& entry) {
  absl::MutexLock lock(&mutex_);
  entries_[node] = entry;
}

absl::StatusOr<v1::NodeCertificate> NodeBook::Sign(const std::string& node,
                                                   const std::string& request, Entry& entry) const {
  if (!authority_)
    return absl::FailedPreconditionError(
        "this scheduler signs no certificates: its --tls folder has no ca.key; use `octet ca "
        "issue node` where the key is");
  // Certificates count whole seconds: one issued in the second of a revocation
  // would not be told from those that it is to end.
  const absl::Time issue = std::max(clock_.Now(), entry.revoked + absl::Seconds(1));
  v1::NodeCertificate signed_;
  ASSIGN_OR_RETURN(*signed_.mutable_certificate(), authority_->SignNode(request, node, issue));
  ASSIGN_OR_RETURN(const auto info, identity::ReadCertificate(signed_.certificate()));
  entry.end = info.end;
  *signed_.mutable_expire_time() = ToTimestamp(info.end);
  return signed_;
}

absl::StatusOr<v1::NodeCertificate> NodeBook::Join(const v1::JoinNodeRequest& request) {
  const std::string& node = request.node();
  RETURN_IF_ERROR(identity::CheckNodeName(node));
  absl::MutexLock changes(&changes_);
  Entry entry = Find(node);
  const bool by_name_only = entry.end > clock_.Now() || entry.revoked > absl::UnixEpoch();
  v1::NodeCertificate certificate;
  const auto sign = [&](const v1::Token& token, Batch& batch) -> absl::Status {
    if (by_name_only && token.node() != node)
      return absl::AlreadyExistsError(absl::StrCat(
          "node ", node,
          " has a certificate that holds, or one that was revoked; name the new "
          "node otherwise, or make a token for this one by name: `octet token create --join "
          "--node ",
          node, "`"));
    ASSIGN_OR_RETURN(certificate, Sign(node, request.certificate_request(), entry));
    batch.puts.push_back(ToRecord(node, entry.end, entry.revoked));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(tokens_.Join(request.join_token(), node, sign));
  Publish(node, entry);
  return certificate;
}

absl::StatusOr<v1::NodeCertificate> NodeBook::Renew(const std::string& node,
                                                    const std::string& certificate_request) {
  absl::MutexLock changes(&changes_);
  Entry entry = Find(node);
  ASSIGN_OR_RETURN(v1::NodeCertificate certificate, Sign(node, certificate_request, entry));
  RETURN_IF_ERROR(store_.Commit({{.puts = {ToRecord(node, entry.end, entry.revoked)}}}));
  Publish(node, entry);
  return certificate;
}

absl::Status NodeBook::Revoke(const std::string& node) {
  RETURN_IF_ERROR(identity::CheckNodeName(node));
  absl::MutexLock changes(&changes_);
  Entry entry = Find(node);
  entry.revoked = clock_.Now();
  entry.end = std::min(entry.end, entry.revoked);
  RETURN_IF_ERROR(store_.Commit({{.puts = {ToRecord(node, entry.end, entry.revoked)}}}));
  Publish(node, entry);
  return absl::OkStatus();
}

absl::StatusOr<v1::Principal> NodeBook::Check(const std::string& certificate) const {
  const auto info = identity::ReadCertificate(certificate);
  if (!info.ok() || info->node.empty()) return NotLetIn("the certificate is not a node's");
  if (info->end <= clock_.Now())
    return NotLetIn(absl::StrCat("the certificate of node ", info->node, " has ended"));
  if (info->issued <= Find(info->node).revoked)
    return NotLetIn(absl::StrCat("the certificate of node ", info->node, " is revoked"));
  v1::Principal principal;
  principal.set_name(info->node);
  principal.set_role(v1::ROLE_NODE);
  *principal.mutable_expire_time() = ToTimestamp(info->end);
  return principal;
}

}  // namespace octet::scheduler
