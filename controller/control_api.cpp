// SPDX-License-Identifier: Apache-2.0
#include "controller/control_api.hpp"

#include "base/async/asio.hpp"
#include "conf/config_error.hpp"
#include "conf/control_message.hpp"
#include "controller/health.hpp"
#include "controller/leases_json.hpp"
#include "controller/show_json.hpp"
#include "controller/status_json.hpp"
#include "ipam/lease_store.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using base::Task;
using std::chrono::milliseconds;

constexpr milliseconds kDefaultTimeout = 20s;
constexpr milliseconds kLongestTimeout = 60s;
// The plugin's DEL waits 2 s for a response. The attachment is removed even if the commit takes
// longer.
constexpr milliseconds kRemoveTimeout = 1s;

Response ok(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

std::string parameter(const Call& call, const std::string& name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? std::string() : found->second;
}

// Parses all of `text` as a number; nullopt if it is not one.
template <class Number>
std::optional<Number> parseNumber(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

base::Event::Time deadlineOf(const Call& call) {
  milliseconds timeout = kDefaultTimeout;
  if (const std::string text = parameter(call, "timeout"); !text.empty()) {
    const auto seconds = parseNumber<double>(text);
    // Written so that NaN is rejected too.
    if (!seconds || !(*seconds >= 0 && *seconds < 1e6))
      throw conf::ConfigError("timeout", "must be a number of seconds, not \"" + text + "\"");
    timeout = std::min(kLongestTimeout, milliseconds(static_cast<std::int64_t>(*seconds * 1000)));
  }
  return std::chrono::steady_clock::now() + timeout;
}

// The container ID becomes a file name, so it must not lead out of the directory.
conf::AttachmentId attachmentId(const Call& call) {
  conf::AttachmentId id{call.arguments[0], call.arguments[1]};
  if (id.containerId.find('/') != std::string::npos || id.containerId.front() == '.')
    throw conf::ConfigError("containerID", "is not a CNI container ID");
  if (!base::IfName::parse(id.ifName))
    throw conf::ConfigError("ifName", "is not an interface name");
  return id;
}

// Whether a release of `id` is pending in kpold's state directory. The plugin's path may name
// another directory in kpold's mount namespace.
bool hasDeparted(const std::string& stateDir, const conf::AttachmentId& id) {
  const auto departures = ipam::readLeases(stateDir).departures;
  return std::any_of(departures.begin(), departures.end(),
                     [&](const ipam::Departure& departure) { return departure.lease.id == id; });
}

base::ObjectKey objectKey(const Call& call) {
  return {call.arguments[0], call.arguments[1]};
}

std::optional<std::uint8_t> protocolNumber(const std::string& text) {
  struct Name {
    std::string_view name;
    std::uint8_t number;
  };
  constexpr std::array kNames = {Name{"", 6},       Name{"tcp", 6},  Name{"udp", 17},
                                 Name{"sctp", 132}, Name{"icmp", 1}, Name{"icmpv6", 58}};
  for (const auto& known : kNames)
    if (known.name == text) return known.number;
  return parseNumber<std::uint8_t>(text);
}

Question questionOf(const Call& call) {
  Question question;
  question.from = parameter(call, "from");
  question.to = parameter(call, "to");
  const auto protocol = protocolNumber(parameter(call, "protocol"));
  if (!protocol) throw conf::ConfigError("protocol", "must be tcp, udp, sctp, icmp or a number");
  question.protocol = *protocol;
  const std::string portText = parameter(call, "port");
  if (portText.empty()) return question;
  const auto port = parseNumber<std::uint16_t>(portText);
  if (!port) throw conf::ConfigError("port", "must be 0..65535, not \"" + portText + "\"");
  question.port = *port;
  return question;
}

Response responseTo(const PutOutcome& outcome) {
  if (const auto* enforced = std::get_if<Enforced>(&outcome))
    return ok(generationJson(enforced->generation));
  if (const auto* conflict = std::get_if<Conflict>(&outcome))
    return errorResponse(409, conflict->reason);
  return errorResponse(504, "not enforced in time: " + std::get<TimedOut>(outcome).reason);
}

Response found(std::optional<std::string> body, const char* kind, const base::ObjectKey& key) {
  if (body) return ok(*std::move(body));
  return errorResponse(404, "no " + std::string(kind) + " " + toString(key));
}

Response plainText(unsigned status, std::string text) {
  Response response;
  response.status = status;
  response.contentType = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::move(text);
  return response;
}

Response healthAnswer(const std::string& trouble) {
  return trouble.empty() ? plainText(200, "ok\n") : plainText(503, trouble + "\n");
}

}  // namespace

ControlApi::ControlApi(const NodeState& state, PodStart& podStart, Source& source,
                       ReconcileLoop& loop)
    : state_(state), podStart_(podStart), source_(source), loop_(loop) {}

void ControlApi::addTo(Router& router) {
  addAttachmentRoutes(router);
  addShowRoutes(router);
  router.addPlain("GET", "/v1/status", [this](const Call&) { return ok(statusJson(state_)); });
  router.addPlain("GET", "/v1/explain", [this](const Call& call) { return explain(call); });
  router.add("POST", "/v1/sync", [this](Call call) { return sync(std::move(call)); });
}

void ControlApi::addAttachmentRoutes(Router& router) {
  constexpr const char* kOne = "/v1/attachments/{}/{}";
  router.add("PUT", "/v1/attachments",
             [this](Call call) { return putAttachment(std::move(call)); });
  router.addPlain("GET", "/v1/attachments", [this](const Call&) { return listAttachments(); });
  router.addPlain("GET", kOne, [this](const Call& call) { return getAttachment(call); });
  router.add("DELETE", kOne, [this](Call call) { return deleteAttachment(std::move(call)); });
}

void ControlApi::addShowRoutes(Router& router) {
  const auto list = [&](const char* path, std::string (*body)(const NodeState&)) {
    router.addPlain("GET", path, [this, body](const Call&) { return ok(body(state_)); });
  };
  list("/v1/show/pods", podsJson);
  list("/v1/show/policies", policiesJson);
  list("/v1/show/sets", setsJson);
  list("/v1/show/ruleset", rulesetJson);
  router.addPlain("GET", "/v1/show/ips", [this](const Call&) { return ok(leasesJson(stateDir_)); });
  router.addPlain("GET", "/v1/show/pod/{}/{}", [this](const Call& call) {
    return found(podJson(state_, objectKey(call)), "pod", objectKey(call));
  });
  router.addPlain("GET", "/v1/show/policy/{}/{}", [this](const Call& call) {
    return found(policyJson(state_, objectKey(call)), "network policy", objectKey(call));
  });
}

Task<Response> ControlApi::putAttachment(Call call) {
  const auto deadline = deadlineOf(call);
  conf::Attachment attachment = conf::parseAttachment(call.body);
  const PutOutcome outcome = co_await podStart_.put(std::move(attachment), deadline);
  co_return responseTo(outcome);
}

Task<Response> ControlApi::deleteAttachment(Call call) {
  conf::AttachmentId id = attachmentId(call);
  const bool settling =
      settler_ != nullptr && parameter(call, "stateDir") == stateDir_ && hasDeparted(stateDir_, id);
  // The address is given to another pod only after the settler has released it, so the plugin need
  // not wait for the commit.
  const auto now = std::chrono::steady_clock::now();
  const auto deadline = settling ? now : now + kRemoveTimeout;
  const std::uint64_t generation = co_await podStart_.remove(std::move(id), deadline);
  if (settling) settler_->wake();
  co_return ok(conf::printRemoved(generation, settling));
}

Response ControlApi::getAttachment(const Call& call) const {
  const auto id = attachmentId(call);
  const auto* attachment = state_.store.find(id);
  if (attachment == nullptr)
    return errorResponse(
        404, "no attachment of container " + id.containerId + " interface " + id.ifName);
  return ok(conf::printKnown(conf::print(*attachment), podStart_.isEnforced(*attachment)));
}

Response ControlApi::listAttachments() const {
  std::string items;
  for (const auto& [id, attachment] : state_.store.attachments())
    items += (items.empty() ? "" : ",") + conf::print(attachment);
  return ok("{\"items\":[" + items + "]}");
}

Response ControlApi::explain(const Call& call) const {
  return ok(explainJson(*state_.store.snapshot(), questionOf(call)));
}

Task<Response> ControlApi::sync(Call call) {
  const auto deadline = deadlineOf(call);
  std::string problem = co_await source_.catchUp(deadline);
  const std::uint64_t generation = state_.store.generation();
  const bool committed = co_await loop_.waitCommitted(generation, deadline);
  if (!problem.empty())
    problem = "objects not read in time: " + problem;
  else if (!committed)
    problem = "not committed in time: " +
              (loop_.fault() ? loop_.fault()->message : "the change is not committed yet");
  Response response = ok(syncJson(generation, problem, diagnosticsOf(state_)));
  response.status = problem.empty() ? 200 : 504;
  co_return response;
}

void addHealthRoutes(const NodeState& state, Metrics& metrics, Router& router) {
  router.addPlain("GET", "/metrics", [&metrics](const Call&) {
    return plainText(200, metrics.text(std::chrono::steady_clock::now()));
  });
  router.addPlain("GET", "/livez", [&state](const Call&) {
    return healthAnswer(whyNotAlive(state.loop, std::chrono::steady_clock::now()));
  });
  router.addPlain("GET", "/readyz", [&state](const Call&) {
    return healthAnswer(
        whyNotReady(state.loop, state.objects.trouble(), std::chrono::steady_clock::now()));
  });
}

}  // namespace kpol::controller
