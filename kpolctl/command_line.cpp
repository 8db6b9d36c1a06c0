// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/command_line.hpp"

#include "conf/duration.hpp"
#include "kpolctl/completion.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace kpol::kpolctl {
namespace {

constexpr const char* kExamples = R"(Examples:
  kpolctl status
  kpolctl show                               kpold's status, the policies, this node's pods
  kpolctl show pod shop/web                  a pod and the policies that apply to it
  kpolctl show policy shop/allow-web -o yaml
  kpolctl show ruleset                       the table as nft prints it
  kpolctl sync --timeout 10s                 wait until all changes are enforced
  kpolctl explain shop/web bank/vault 5432   may web connect to vault, and why
  kpolctl explain 192.0.2.7 shop/dns 53/udp

Exit codes: 0 done or allowed, 1 error, 2 usage, 3 denied or not in sync.
)";

const std::map<std::string, std::string> kCompletions = {
    {"bash", kBashCompletion}, {"fish", kFishCompletion}, {"zsh", kZshCompletion}};

[[noreturn]] void refuse(const std::string& problem) {
  throw CLI::ValidationError(problem);
}

base::ObjectKey parseKey(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == text.size() ||
      text.find('/', slash + 1) != std::string::npos)
    refuse("must be NAMESPACE/NAME, not \"" + text + "\"");
  return {text.substr(0, slash), text.substr(slash + 1)};
}

std::string lowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Parses "80", "53/udp" or "icmp".
void parsePort(const std::string& text, ExplainCommand& explain) {
  const std::string lower = lowerCase(text);
  explain.protocol = "tcp";
  if (lower == "icmp" || lower == "icmpv6") {
    explain.protocol = lower;
    return;
  }
  const auto slash = lower.find('/');
  if (slash != std::string::npos) explain.protocol = lower.substr(slash + 1);
  constexpr std::array<std::string_view, 3> kProtocols{"tcp", "udp", "sctp"};
  const std::string port = lower.substr(0, slash);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), explain.port);
  const bool isNumber = error == std::errc() && end == port.data() + port.size();
  const bool isKnown =
      std::find(kProtocols.begin(), kProtocols.end(), explain.protocol) != kProtocols.end();
  if (!isNumber || explain.port == 0 || !isKnown)
    refuse("must be PORT[/tcp|udp|sctp] or icmp, not \"" + text + "\"");
}

// The commands and the variables for their arguments, which CLI11 sets while it parses.
class Arguments {
 public:
  Arguments() {
    app_.footer(kExamples);
    app_.set_version_flag("--version", std::string("kpolctl ") + KPOL_VERSION);
    app_.add_option("--socket", line_.socket, "kpold's socket")->capture_default_str();
    app_.add_option("-o,--output", line_.format, "table, json or yaml")
        ->transform(
            CLI::CheckedTransformer(std::map<std::string, Format>{{"table", Format::Table},
                                                                  {"json", Format::JsonText},
                                                                  {"yaml", Format::YamlText}})
                .description(""));
    app_.fallthrough();
    app_.require_subcommand(1);
    addStatus();
    addShow();
    addSync();
    addExplain();
    addCompletion();
  }

  std::variant<CommandLine, Exit> parse(int argc, const char* const* argv) {
    app_.parse(argc, argv);
    if (!shell_.empty()) return Exit{kDone, kCompletions.at(shell_)};
    return line_;
  }
  int exit(const CLI::ParseError& end, std::ostream& text) const {
    return app_.exit(end, text, text);
  }

 private:
  void addStatus() {
    app_.add_subcommand("status", "kpold's status; exit code 3 if it is not ready or not in sync")
        ->callback([this] { line_.command = StatusCommand{}; });
  }

  void addShow() {
    auto* show = app_.add_subcommand("show", "kpold's status and objects, and the kernel's table");
    show->fallthrough();
    show->require_subcommand(0, 1);
    show->callback([this, show] {
      if (show->get_subcommands().empty()) line_.command = ShowCommand{};
    });
    using What = ShowCommand::What;
    addList(*show, What::Policies, "policies", "all network policies");
    addList(*show, What::Pods, "pods", "all pods");
    addList(*show, What::Sets, "sets", "the table's sets and maps (their elements with -o json)");
    addList(*show, What::Ruleset, "ruleset", "the table as nft prints it");
    addList(*show, What::Ips, "ips",
            "the ranges, how many addresses are free, and which pod has which");
    addObject(*show, What::Pod, "pod", "one pod and the policies that apply to it");
    addObject(*show, What::Policy, "policy", "one network policy in words");
  }

  void addList(CLI::App& show, ShowCommand::What what, const char* name, const char* help) {
    show.add_subcommand(name, help)->callback([this, what] {
      line_.command = ShowCommand{what, {}};
    });
  }

  void addObject(CLI::App& show, ShowCommand::What what, const char* name, const char* help) {
    auto* command = show.add_subcommand(name, help);
    command->add_option("NAMESPACE/NAME", object_)->required();
    command->callback([this, what] { line_.command = ShowCommand{what, parseKey(object_)}; });
  }

  void addSync() {
    auto* sync = app_.add_subcommand(
        "sync", "wait until all changes up to now are in the kernel; exit code 3 if they are not");
    sync->add_option("--timeout", timeout_, "how long to wait, at most 60s")->capture_default_str();
    sync->callback([this] {
      const auto timeout = conf::parseDuration(timeout_);
      if (!timeout) refuse("--timeout: must be a duration such as 10s, not \"" + timeout_ + "\"");
      line_.command = SyncCommand{*timeout};
    });
  }

  void addExplain() {
    auto* explain = app_.add_subcommand(
        "explain",
        "whether FROM may connect to TO, and which policies decide; exit code 3 if denied");
    explain->add_option("FROM", explain_.from, "NAMESPACE/POD or an IP address")->required();
    explain->add_option("TO", explain_.to, "NAMESPACE/POD or an IP address")->required();
    explain->add_option("PORT", port_, "PORT[/tcp|udp|sctp] or icmp")->required();
    explain->callback([this] {
      parsePort(port_, explain_);
      line_.command = explain_;
    });
  }

  void addCompletion() {
    auto* completion = app_.add_subcommand("completion", "print the completion script of a shell");
    completion
        ->add_option("SHELL", shell_,
                     "bash, fish or zsh; to try it: source <(kpolctl completion bash)")
        ->required()
        ->check([](const std::string& shell) {
          return kCompletions.contains(shell) ? ""
                                              : "must be bash, fish or zsh, not \"" + shell + "\"";
        });
  }

  CLI::App app_{"Shows what kpold, the kpol node agent, enforces and why.", "kpolctl"};
  CommandLine line_{"/run/kpol/kpold.sock", Format::Table, StatusCommand{}};
  std::string object_;
  std::string timeout_ = "20s";
  std::string port_;
  ExplainCommand explain_;
  std::string shell_;  // argument of `completion`
};

}  // namespace

std::variant<CommandLine, Exit> readCommandLine(int argc, const char* const* argv) {
  Arguments arguments;
  try {
    return arguments.parse(argc, argv);
  } catch (const CLI::Success& request) {
    std::ostringstream text;
    arguments.exit(request, text);
    return Exit{kDone, text.str()};
  } catch (const CLI::ParseError& error) {
    return Exit{kUsage, std::string("kpolctl: ") + error.what() + "\nSee kpolctl --help.\n"};
  }
}

}  // namespace kpol::kpolctl
