// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/commands.hpp"

#include "conf/control_message.hpp"
#include "kpolctl/connection.hpp"
#include "kpolctl/texts.hpp"

#include <nlohmann/json.hpp>

#include <ostream>

namespace kpol::kpolctl {
namespace {

using namespace std::chrono_literals;

// Wait longer than the timeout in the request, so that kpold itself can report that it has expired.
constexpr auto kGrace = 2s;

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Run {
 public:
  Run(const CommandLine& commandLine, std::ostream& out, std::ostream& remarks)
      : kpold_(commandLine.socket), format_(commandLine.format), out_(out), remarks_(remarks) {}

  ExitCode operator()(const StatusCommand&) const {
    const Json status = kpold_.get("/v1/status");
    print(status, [](const Json& json) { return statusText(json, now()); });
    const bool good = status.at("ready").get<bool>() && status.at("inSync").get<bool>();
    return good ? kDone : kNo;
  }

  ExitCode operator()(const ShowCommand& show) const {
    using What = ShowCommand::What;
    const std::string object = percentEncoded(show.key.ns) + "/" + percentEncoded(show.key.name);
    switch (show.what) {
      case What::Overview: showOverview(); break;
      case What::Policies: print(kpold_.get("/v1/show/policies"), policiesText); break;
      case What::Pods: print(kpold_.get("/v1/show/pods"), podsText); break;
      case What::Sets: print(kpold_.get("/v1/show/sets"), setsText); break;
      case What::Ruleset: print(kpold_.get("/v1/show/ruleset"), rulesetText); break;
      case What::Ips:
        print(kpold_.get("/v1/show/ips"), [](const Json& ips) { return leasesText(ips, now()); });
        break;
      case What::Pod: print(kpold_.get("/v1/show/pod/" + object), podText); break;
      case What::Policy: print(kpold_.get("/v1/show/policy/" + object), policyText); break;
    }
    return kDone;
  }

  ExitCode operator()(const SyncCommand& sync) const {
    const std::string seconds = std::to_string(static_cast<double>(sync.timeout.count()) / 1000);
    const auto answer = kpold_.post("/v1/sync?timeout=" + seconds, sync.timeout + kGrace);
    if (answer.status != 200 && answer.status != 504)
      throw AnswerError(answer.status, conf::errorTextOf(answer.body));
    const Json json = parseAnswer(answer.body);
    print(json, [](const Json& body) {
      if (body.contains("error")) return "not in sync: " + textOf(body, "error") + "\n";
      return "in sync, generation " + body.at("generation").dump() + "\n";
    });
    remarks_ << diagnosticsText(json.at("diagnostics"));
    return answer.status == 200 ? kDone : kNo;
  }

  ExitCode operator()(const ExplainCommand& explain) const {
    const Json answer = kpold_.get(
        "/v1/explain?from=" + percentEncoded(explain.from) + "&to=" + percentEncoded(explain.to) +
        "&port=" + std::to_string(explain.port) + "&protocol=" + percentEncoded(explain.protocol));
    print(answer, explainText);
    return answer.at("allowed").get<bool>() ? kDone : kNo;
  }

 private:
  // Prints the status, the policies and this node's pods.
  void showOverview() const {
    Json overview = Json::object();
    overview["status"] = kpold_.get("/v1/status");
    overview["policies"] = kpold_.get("/v1/show/policies");
    overview["pods"] = kpold_.get("/v1/show/pods");
    print(overview, [](const Json& json) {
      return statusLine(json.at("status")) + "\n\n" + policiesText(json.at("policies")) + "\n" +
             localPodsText(json.at("pods"));
    });
    remarks_ << diagnosticsText(overview.at("status").at("diagnostics"));
  }

  template <class Text>
  void print(const Json& json, Text text) const {
    switch (format_) {
      case Format::Table: out_ << text(json); break;
      case Format::JsonText: out_ << jsonText(json); break;
      case Format::YamlText: out_ << yamlText(json); break;
    }
  }

  Connection kpold_;
  Format format_;
  std::ostream& out_;
  std::ostream& remarks_;
};

}  // namespace

ExitCode run(const CommandLine& commandLine, std::ostream& out, std::ostream& remarks) {
  try {
    return std::visit(Run(commandLine, out, remarks), commandLine.command);
  } catch (const nlohmann::json::exception& error) {
    throw AnswerError(
        0, std::string("cannot parse kpold's response (kpold and kpolctl must have the same "
                       "version): ") +
               error.what());
  }
}

}  // namespace kpol::kpolctl
