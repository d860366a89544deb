#include "scheduler/server/token_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "identity/access.h"
#include "identity/certificate.h"
#include "identity/token.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/stored.pb.h"

namespace octet::scheduler {
namespace {

constexpr char kTable[] = "tokens";
constexpr absl::Duration kLongestLife = absl::Hours(24 * 366);
constexpr absl::Duration kLongestJoin = absl::Hours(24 * 30);
constexpr int kMostUses = 10000;
constexpr size_t kMostName = 63, kMostNote = 200;

bool MaySee(const v1::Principal& by, const v1::Token& token) {
  return by.team().empty() || by.team() == token.team();
}

absl::Status CheckName(absl::string_view field, const std::string& name) {
  const bool good = !name.empty() && name.size() <= kMostName &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return absl::ascii_isalnum(c) || absl::StrContains("-_.@", c);
                    });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": \"", name, "\" is not a name: at most ",
                                                 kMostName,
                                                 " letters, digits, '-', '_', '.' and '@'"));
}

absl::Status CheckExpiry(const v1::CreateTokenRequest& request, absl::Time now) {
  const absl::Duration most = request.role() == v1::ROLE_NODE ? kLongestJoin : kLongestLife;
  if (!request.has_expire_time())
    return absl::InvalidArgumentError("expire_time: every token needs an end");
  const absl::Time end = ToTime(request.expire_time());
  if (end <= now) return absl::InvalidArgumentError("expire_time: has passed");
  if (end > now + most)
    return absl::InvalidArgumentError(
        absl::StrCat("expire_time: is more than ", absl::ToInt64Hours(most) / 24, " days away"));
  return absl::OkStatus();
}

absl::Status CheckJoinFields(const v1::CreateTokenRequest& request) {
  if (!request.user().empty() || !request.team().empty())
    return absl::InvalidArgumentError("user, team: a join token has neither; it is for a node");
  if (!request.node().empty()) RETURN_IF_ERROR(identity::CheckNodeName(request.node()));
  if (request.uses() < 0 || request.uses() > kMostUses)
    return absl::InvalidArgumentError(absl::StrCat("uses: from 1 to ", kMostUses));
  if (!request.node().empty() && request.uses() > 1)
    return absl::InvalidArgumentError("uses: a join token for one node is used once");
  return absl::OkStatus();
}

absl::Status CheckRequest(const v1::CreateTokenRequest& request, absl::Time now) {
  RETURN_IF_ERROR(CheckExpiry(request, now));
  if (request.note().size() > kMostNote)
    return absl::InvalidArgumentError(
        absl::StrCat("note: has more than ", kMostNote, " characters"));
  switch (request.role()) {
    case v1::ROLE_NODE:
      return CheckJoinFields(request);
    case v1::ROLE_VIEWER:
    case v1::ROLE_USER:
    case v1::ROLE_OPERATOR:
    case v1::ROLE_ADMIN:
      RETURN_IF_ERROR(CheckName("user", request.user()));
      if (!request.team().empty()) RETURN_IF_ERROR(CheckName("team", request.team()));
      if (request.node().empty() && request.uses() == 0) return absl::OkStatus();
      return absl::InvalidArgumentError("node, uses: only a join token has them");
    default:
      return absl::InvalidArgumentError("role: viewer, user, operator, admin, or node to join");
  }
}

absl::Status NotLetIn() {
  return absl::UnauthenticatedError(
      "the token is unknown, revoked or past its end; ask an admin for another");
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenBook>> TokenBook::Open(Store& store, const Clock& clock) {
  std::unique_ptr<TokenBook> book(new TokenBook(store, clock));
  ASSIGN_OR_RETURN(const auto records, store.LoadTable(kTable));
  absl::MutexLock lock(&book->mutex_);
  for (const auto& [id, value] : records) {
    stored::Token token;
    if (!token.ParseFromString(value))
      return absl::DataLossError(absl::StrCat("token ", id, " in the store cannot be read"));
    book->entries_[id] = {token.token(), token.secret_sha256()};
  }
  return book;
}

absl::Status TokenBook::Keep(const Entry& entry, Batch batch) {
  stored::Token token;
  *token.mutable_token() = entry.token;
  token.set_secret_sha256(entry.hash);
  batch.puts.push_back({kTable, entry.token.id(), token.SerializeAsString()});
  RETURN_IF_ERROR(store_.Commit({std::move(batch)}));
  absl::MutexLock lock(&mutex_);
  entries_[entry.token.id()] = entry;
  return absl::OkStatus();
}

absl::StatusOr<v1::CreateTokenResponse> TokenBook::Create(const v1::CreateTokenRequest& request,
                                                          const v1::Principal& by) {
  const absl::Time now = clock_.Now();
  RETURN_IF_ERROR(CheckRequest(request, now));
  if (!by.team().empty() && request.team() != by.team())
    return absl::PermissionDeniedError(absl::StrCat(
        "your rights end at team ", by.team(), ": make tokens with this team, and none to join"));
  const identity::TokenText text = identity::NewToken();
  Entry entry{.hash = identity::HashSecret(text.secret)};
  v1::Token& token = entry.token;
  token.set_id(text.id);
  token.set_user(request.user());
  token.set_role(request.role());
  token.set_team(request.team());
  token.set_node(request.node());
  token.set_note(request.note());
  token.set_created_by(by.name());
  *token.mutable_create_time() = ToTimestamp(now);
  *token.mutable_expire_time() = request.expire_time();
  if (request.role() == v1::ROLE_NODE) token.set_uses_left(std::max(1, request.uses()));
  absl::MutexLock lock(&changes_);
  RETURN_IF_ERROR(Keep(entry, {}));
  v1::CreateTokenResponse response;
  *response.mutable_token() = token;
  response.set_text(text.ToString());
  return response;
}

std::vector<v1::Token> TokenBook::List(const v1::Principal& by) const {
  std::vector<v1::Token> tokens;
  {
    absl::ReaderMutexLock lock(&mutex_);
    for (const auto& [id, entry] : entries_)
      if (MaySee(by, entry.token)) tokens.push_back(entry.token);
  }
  std::stable_sort(tokens.begin(), tokens.end(), [](const v1::Token& a, const v1::Token& b) {
    return ToTime(a.create_time()) > ToTime(b.create_time());
  });
  return tokens;
}

absl::StatusOr<v1::Token> TokenBook::Revoke(const std::string& id, const v1::Principal& by) {
  absl::MutexLock changes(&changes_);
  Entry entry;
  {
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || !MaySee(by, found->second.token))
      return absl::NotFoundError(
          absl::StrCat("there is no token ", id, "; `octet token list` shows them"));
    entry = found->second;
  }
  if (!entry.token.has_revoke_time()) {
    *entry.token.mutable_revoke_time() = ToTimestamp(clock_.Now());
    RETURN_IF_ERROR(Keep(entry, {}));
  }
  return entry.token;
}

absl::StatusOr<TokenBook::Entry> TokenBook::Find(std::string_view text) const {
  const auto parsed = identity::ParseToken(text);
  if (!parsed.ok()) return NotLetIn();
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = entries_.find(parsed->id);
  if (found == entries_.end()) return NotLetIn();
  const Entry& entry = found->second;
  if (!identity::SecretMatches(parsed->secret, entry.hash) || entry.token.has_revoke_time() ||
      ToTime(entry.token.expire_time()) <= clock_.Now())
    return NotLetIn();
  return entry;
}

absl::StatusOr<v1::Principal> TokenBook::Check(std::string_view authorization) const {
  absl::string_view text(authorization.data(), authorization.size());
  if (!absl::ConsumePrefix(&text, "Bearer "))
    return absl::UnauthenticatedError("authorization: write `Bearer` and a token");
  ASSIGN_OR_RETURN(const Entry entry, Find({text.data(), text.size()}));
  // A join token is good for joining alone.
  if (entry.token.role() == v1::ROLE_NODE) return NotLetIn();
  v1::Principal principal;
  principal.set_name(entry.token.user());
  principal.set_role(entry.token.role());
  principal.set_team(entry.token.team());
  principal.set_token_id(entry.token.id());
  *principal.mutable_expire_time() = entry.token.expire_time();
  return principal;
}

absl::Status TokenBook::Join(const std::string& text, const std::string& node,
                             const std::function<absl::Status(const v1::Token&, Batch&)>& then) {
  absl::MutexLock changes(&changes_);
  auto found = Find(text);
  if (!found.ok() || found->token.role() != v1::ROLE_NODE || found->token.uses_left() == 0 ||
      (!found->token.node().empty() && found->token.node() != node))
    return absl::UnauthenticatedError(
        absl::StrCat("node ", node,
                     " may not join: the join token is unknown, used, revoked, past its end, or "
                     "made for another node; make one with `octet token create --join`"));
  Entry entry = *std::move(found);
  Batch batch;
  RETURN_IF_ERROR(then(entry.token, batch));
  entry.token.set_uses_left(entry.token.uses_left() - 1);
  return Keep(entry, std::move(batch));
}

}  // namespace octet::scheduler
