// SPDX-License-Identifier: Apache-2.0
#include "plugin/kpold.hpp"

#include "conf/cni_error.hpp"
#include "conf/control_message.hpp"
#include "control/client.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace kpol::plugin {
namespace {

using conf::CniCode;
using conf::CniFailure;
using std::chrono::milliseconds;

constexpr milliseconds kShortDeadline{2000};
constexpr const char* kAttachments = "/v1/attachments";
constexpr const char* kLookAtKpold =
    "check that kpold runs on this node (`kpolctl status`), and read its log";

bool isAsked(const conf::NetworkConfig& config) {
  return config.policy == conf::PolicyMode::Required;
}

// Percent-encodes a part of the request target. Container IDs need no encoding (CNI specification),
// but interface names may contain any byte except '/', ':' and white space.
std::string escaped(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      result += c;
    else
      result.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return result;
}

std::string pathOf(const conf::AttachmentId& id) {
  return std::string(kAttachments) + "/" + escaped(id.containerId) + "/" + escaped(id.ifName);
}

// kpold's timeout is shorter than ours, so that its reason for the failure arrives.
std::string putTarget(const conf::NetworkConfig& config) {
  const auto seconds = config.policyTimeout.count();
  return std::string(kAttachments) + "?timeout=" + std::to_string(seconds > 1 ? seconds - 1 : 1);
}

std::string says(const control::Response& response) {
  return "kpold returned " + std::to_string(response.status) + ": " +
         conf::errorTextOf(response.body);
}

}  // namespace

void enforce(const conf::NetworkConfig& config, const conf::Attachment& attachment) {
  if (!isAsked(config)) return;
  const std::string what = "the policy of pod " + toString(attachment.pod) + " is not enforced";
  const auto deadline = std::chrono::duration_cast<milliseconds>(config.policyTimeout);
  control::Response response;
  try {
    response = control::request(config.socket, "PUT", putTarget(config), print(attachment),
                                deadline + milliseconds(500));
  } catch (const control::Unreachable& error) {
    throw CniFailure(CniCode::TryAgain, what + ": " + error.what(), kLookAtKpold);
  }
  if (response.status == 200) return;
  if (response.status == 400)
    throw CniFailure(CniCode::InvalidConfig, what + ": " + says(response),
                     "the plugin and kpold must have the same version");
  if (response.status == 409)
    throw CniFailure(CniCode::Conflict, what + ": " + says(response),
                     "it is free when the other pod is deleted (`kpolctl show pods`); pods with "
                     "the same host port cannot run on the same node, and a reserved port needs "
                     "another hostPort");
  throw CniFailure(CniCode::TryAgain, what + ": " + says(response), kLookAtKpold);
}

bool forget(const conf::NetworkConfig& config, const conf::AttachmentId& id) {
  if (!isAsked(config)) return false;
  try {
    const auto target = pathOf(id) + "?stateDir=" + escaped(config.stateDir);
    const auto response = control::request(config.socket, "DELETE", target, "", kShortDeadline);
    if (response.status == 200) return conf::saysSettling(response.body);
    std::fprintf(stderr, "kpol: %s\n", says(response).c_str());
  } catch (const control::Unreachable& error) {
    std::fprintf(stderr, "kpol: %s\n", error.what());
  }
  const auto file = config.stateDir + "/" + conf::fileOf(id);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
    throw base::SystemError("remove " + file, errno);
  return false;
}

void verifyKnown(const conf::NetworkConfig& config, const conf::AttachmentId& id) {
  if (!isAsked(config)) return;
  control::Response response;
  try {
    response = control::request(config.socket, "GET", pathOf(id), "", kShortDeadline);
  } catch (const control::Unreachable& error) {
    throw CniFailure(CniCode::TryAgain, error.what(), kLookAtKpold);
  }
  if (response.status == 404)
    throw CniFailure(CniCode::CheckFailed,
                     "kpold does not know container " + id.containerId + " interface " + id.ifName,
                     "delete and recreate the pod");
  if (response.status != 200) throw CniFailure(CniCode::TryAgain, says(response), kLookAtKpold);
  if (!conf::saysEnforced(response.body))
    throw CniFailure(CniCode::CheckFailed,
                     "the kernel does not enforce the policies of container " + id.containerId +
                         " interface " + id.ifName,
                     kLookAtKpold);
}

void verifyReady(const conf::NetworkConfig& config) {
  if (!isAsked(config)) return;
  control::Response response;
  try {
    response = control::request(config.socket, "GET", "/v1/status", "", kShortDeadline);
  } catch (const control::Unreachable& error) {
    throw CniFailure(CniCode::NotAvailable, error.what(), kLookAtKpold);
  }
  if (response.status != 200) throw CniFailure(CniCode::NotAvailable, says(response), kLookAtKpold);
  if (!conf::saysReady(response.body))
    throw CniFailure(CniCode::NotAvailable,
                     "kpold is not ready: it has not committed its first table yet", kLookAtKpold);
  // New pods cannot be programmed, and later changes are not in effect for running pods.
  if (const auto fault = conf::faultIn(response.body); !fault.empty())
    throw CniFailure(CniCode::LimitedConnectivity, fault, kLookAtKpold);
}

}  // namespace kpol::plugin
