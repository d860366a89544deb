#include "client/ca.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/files.h"
#include "common/status.h"
#include "identity/certificate.h"
#include "identity/tls.h"

namespace octet::client {
namespace {

using identity::CertificateAuthority;
using identity::KeyPair;
using identity::TlsFolder;

struct CaOptions {
  std::string ca, out, kind, file;
  std::vector<std::string> names;
  absl::Duration life = absl::ZeroDuration();
};

std::string Day(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

absl::StatusOr<int> Init(Context& context, const CaOptions& options) {
  const TlsFolder folder{options.ca};
  for (const std::string& path : {folder.authority(), folder.authority_key()})
    if (std::filesystem::exists(path))
      return absl::AlreadyExistsError(absl::StrCat(
          path,
          ": there is an authority here, and everything that it signed would be worthless "
          "without it; choose another folder"));
  ASSIGN_OR_RETURN(const KeyPair pair,
                   CertificateAuthority::Create("Octet cluster authority", context.clock.Now()));
  RETURN_IF_ERROR(identity::WriteKeyPair(folder.authority(), folder.authority_key(), pair));
  context.out << "authority in " << options.ca << ": ca.crt is for everybody, ca.key for nobody\n"
              << "Next: octet ca issue scheduler --ca " << options.ca << " --name HOST\n";
  return kOk;
}

absl::StatusOr<CertificateAuthority> LoadAuthority(const std::string& dir) {
  const TlsFolder folder{dir};
  auto pair = identity::ReadKeyPair(folder.authority(), folder.authority_key());
  RETURN_IF_ERROR(Annotate(pair.status(), "the authority's files, which `octet ca init` makes"));
  return CertificateAuthority::Load(*pair);
}

// ca.crt of `folder` will be replaced, which would orphan another's ca.key.
absl::Status CheckNoOtherAuthority(const TlsFolder& folder, const CertificateAuthority& authority) {
  const auto there = ReadFile(folder.authority());
  if (!std::filesystem::exists(folder.authority_key()) || !there.ok() ||
      *there == authority.certificate())
    return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(folder.dir, ": another authority is here; choose another folder with --out"));
}

absl::StatusOr<KeyPair> Sign(const CertificateAuthority& authority, const std::string& node,
                             const std::vector<std::string>& hosts, absl::Time now,
                             absl::Duration life) {
  KeyPair pair{.key = identity::GenerateKey()};
  ASSIGN_OR_RETURN(const std::string request, identity::RequestCertificate(pair.key));
  if (node.empty()) {
    ASSIGN_OR_RETURN(pair.certificate, authority.SignScheduler(request, hosts, now, life));
  } else {
    ASSIGN_OR_RETURN(pair.certificate, authority.SignNode(request, node, now, life));
  }
  return pair;
}

absl::StatusOr<int> Issue(Context& context, const CaOptions& options) {
  const bool scheduler = options.kind == "scheduler";
  if (!scheduler && options.names.size() != 1)
    return absl::InvalidArgumentError("--name: a node has one name");
  ASSIGN_OR_RETURN(const CertificateAuthority authority, LoadAuthority(options.ca));
  const TlsFolder folder{options.out.empty() ? options.ca : options.out};
  RETURN_IF_ERROR(CheckNoOtherAuthority(folder, authority));
  const absl::Duration life = options.life > absl::ZeroDuration() ? options.life
                              : scheduler                         ? identity::kSchedulerLife
                                                                  : identity::kNodeLife;
  ASSIGN_OR_RETURN(const KeyPair pair, Sign(authority, scheduler ? "" : options.names[0],
                                            options.names, context.clock.Now(), life));
  const std::string path = scheduler ? folder.scheduler() : folder.node();
  RETURN_IF_ERROR(
      identity::WriteKeyPair(path, scheduler ? folder.scheduler_key() : folder.node_key(), pair));
  if (folder.dir != options.ca)
    RETURN_IF_ERROR(WriteFileAtomic(folder.authority(), authority.certificate()));
  ASSIGN_OR_RETURN(const auto info, identity::ReadCertificate(pair.certificate));
  context.out << path << ": " << options.kind << " " << absl::StrJoin(options.names, ", ")
              << ", until " << Day(info.end) << "\n";
  if (scheduler && folder.dir != options.ca)
    context.out << "For nodes to join there, it needs ca.key in " << folder.dir << " too.\n";
  return kOk;
}

absl::StatusOr<int> Renew(Context& context, const CaOptions& options) {
  if (!absl::EndsWith(options.file, ".crt"))
    return absl::InvalidArgumentError(
        absl::StrCat(options.file, ": name the certificate, a file that ends in .crt"));
  ASSIGN_OR_RETURN(const std::string old, ReadFile(options.file));
  auto info = identity::ReadCertificate(old);
  RETURN_IF_ERROR(Annotate(info.status(), options.file));
  if (info->authority)
    return absl::InvalidArgumentError(absl::StrCat(
        options.file, ": is the authority itself; docs/security.md says how to replace it"));
  ASSIGN_OR_RETURN(const CertificateAuthority authority, LoadAuthority(options.ca));
  const absl::Duration life =
      options.life > absl::ZeroDuration() ? options.life : info->end - info->issued;
  ASSIGN_OR_RETURN(const KeyPair pair,
                   Sign(authority, info->node, info->hosts, context.clock.Now(), life));
  const std::string key = options.file.substr(0, options.file.size() - 3) + "key";
  RETURN_IF_ERROR(identity::WriteKeyPair(options.file, key, pair));
  ASSIGN_OR_RETURN(const auto renewed, identity::ReadCertificate(pair.certificate));
  context.out << options.file << ": until " << Day(renewed.end)
              << "; who uses it notices within 10 s\n";
  return kOk;
}

}  // namespace

void AddCa(Commands& commands) {
  CLI::App* group = commands.AddGroup("ca", "The cluster's certificate authority, on files");
  auto options = std::make_shared<CaOptions>();
  commands.AddTo(group, "init", "Make an authority", [=](Context& c) { return Init(c, *options); })
      ->add_option("--dir", options->ca, "Folder to make it in")
      ->required();
  CLI::App* issue = commands.AddTo(group, "issue", "Sign a certificate for a new key",
                                   [=](Context& c) { return Issue(c, *options); });
  issue->add_option("KIND", options->kind, "scheduler or node")
      ->required()
      ->check(CLI::IsMember({"scheduler", "node"}));
  issue
      ->add_option("--name", options->names,
                   "Host name or address of the scheduler, repeatable; the node's name")
      ->required();
  CLI::App* renew = commands.AddTo(group, "renew", "Replace a certificate and its key",
                                   [=](Context& c) { return Renew(c, *options); });
  renew->add_option("FILE", options->file, "The certificate, such as scheduler.crt")->required();
  for (CLI::App* app : {issue, renew}) {
    app->add_option("--ca", options->ca, "Folder of the authority")->required();
    AddDuration(*app, "--for", options->life,
                "How long it holds (default: scheduler 90d, node 24h; renewed: as before)");
  }
  issue->add_option("--out", options->out, "Folder to write to (default: the authority's)");
}

}  // namespace octet::client
