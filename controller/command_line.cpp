// SPDX-License-Identifier: Apache-2.0
#include "controller/command_line.hpp"

#include "base/error.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

namespace kpol::controller {
namespace {

constexpr int kUsageError = 2;

// A flag and the field of the configuration that it overrides.
struct Flag {
  const char* name;
  const char* field;
  const char* help;
};
constexpr std::array kFlags = {
    Flag{"--node-name", "nodeName", "name of this node's Node object (default: the host name)"},
    Flag{"--source", "source",
         "source of objects: api (default), or dir:PATH, a directory of manifests"},
    Flag{"--kubeconfig", "kubeconfig",
         "kubeconfig of the API server (default: connect as a pod of its cluster)"},
    Flag{"--api-servers", "apiServers",
         "comma-separated URLs of the API server, instead of the kubeconfig's"},
    Flag{"--insecure-skip-tls-verify", "insecureSkipTlsVerify",
         "true: allow insecure-skip-tls-verify in the kubeconfig (default false)"},
    Flag{"--socket", "socket", "Unix socket (default /run/kpol/kpold.sock)"},
    Flag{"--state-dir", "stateDir", "directory of leases and attachments (default /var/lib/kpol)"},
    Flag{"--cni-conf-dir", "cniConfDir",
         "directory where kpold writes the runtime's network config when it is ready (default "
         "with source api: /etc/cni/net.d; empty: write none)"},
    Flag{"--cni-bin-dir", "cniBinDir",
         "directory where --install-cni puts the plugin (default /opt/cni/bin)"},
    Flag{"--metrics-listen", "metricsListen",
         "ADDRESS:PORT of /metrics, /livez, /readyz (default 127.0.0.1:9464; empty: none)"},
    Flag{"--collect-after", "collectAfter",
         "how long a pod must seem gone before its attachment and lease are deleted (default 1m)"},
    Flag{"--routing", "routing",
         "how pods of other nodes are reached: auto (default with source api), direct, vxlan or "
         "none (default with source dir:PATH)"},
    Flag{"--node-ip", "nodeIP",
         "this node's address, or one of each family, comma-separated (default: InternalIPs)"},
    Flag{"--log-level", "logLevel", "trace, debug, info, warn or error (default info)"},
    Flag{"--log-format", "logFormat", "text or json (default text)"},
};

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw base::SystemError("cannot open " + path, errno);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void readConfigFile(const std::string& path, conf::DaemonConfig& config) {
  const std::string text = readFile(path);
  try {
    conf::readDaemonConfig(text, config);
  } catch (const conf::ConfigError& error) {
    throw conf::ConfigError("", path + ": " + error.what());
  }
}

void setFlag(const Flag& flag, const std::string& value, conf::DaemonConfig& config) {
  try {
    conf::setField(config, flag.field, value);
  } catch (const conf::ConfigError& error) {
    throw conf::ConfigError("", std::string(flag.name) + ": " + error.what());
  }
}

conf::DaemonConfig makeConfig(const CLI::App& app, const std::string& configFile) {
  conf::DaemonConfig config;
  if (!configFile.empty()) readConfigFile(configFile, config);
  for (const auto& flag : kFlags) {
    const auto* option = app.get_option(flag.name);
    if (option->count() > 0) setFlag(flag, option->as<std::string>(), config);
  }
  conf::checkDaemonConfig(config);
  return config;
}

// The arguments in reverse order, as CLI11 expects them. "--flag=" becomes "--flag" and "", because
// CLI11 would take the next argument as the value.
std::vector<std::string> argumentsLastFirst(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view argument = argv[i];
    const bool hasEmptyValue = argument.starts_with("--") && argument.ends_with('=');
    if (hasEmptyValue) arguments.emplace_back();
    arguments.emplace_back(argument.substr(0, argument.size() - (hasEmptyValue ? 1 : 0)));
  }
  return arguments;
}

}  // namespace

std::variant<Command, Exit> readCommandLine(int argc, const char* const* argv) {
  CLI::App app("The kpol node agent: enforces NetworkPolicy on this node's pods with nftables.",
               "kpold");
  std::string configFile;
  Command command;
  bool installCni = false;
  bool cleanUp = false;
  bool idle = false;
  app.set_version_flag("--version", std::string("kpold ") + KPOL_VERSION);
  app.add_option("--config", configFile, "configuration file; flags override it");
  for (const auto& flag : kFlags) app.add_option(flag.name, flag.help);
  auto* install =
      app.add_flag("--install-cni", installCni, "copy the CNI plugin to --cni-bin-dir, and exit");
  app.add_option("--plugin-binary", command.pluginBinary,
                 "with --install-cni: the plugin to copy (default: kpol beside kpold)")
      ->needs(install);
  auto* cleanup = app.add_flag("--cleanup", cleanUp,
                               "remove everything that kpol created on this node, and exit");
  cleanup->excludes(install);
  app.add_flag("-n,--dry-run", command.dryRun, "with --cleanup: only list what would be removed")
      ->needs(cleanup);
  app.add_flag("--idle", idle, "sleep until SIGTERM or SIGINT (keeps a clean-up pod running)")
      ->excludes(install)
      ->excludes(cleanup);
  auto* hold = app.add_subcommand(
      "hold",
      "keep kpold's netlink socket open, so that other programs cannot delete the table "
      "while kpold does not run");
  hold->fallthrough()->excludes(install)->excludes(cleanup)->excludes(app.get_option("--idle"));
  try {
    app.parse(argumentsLastFirst(argc, argv));
    command.config = makeConfig(app, configFile);
    if (installCni) command.verb = Command::Verb::InstallCni;
    if (cleanUp) command.verb = Command::Verb::CleanUp;
    if (idle) command.verb = Command::Verb::Idle;
    if (hold->parsed()) command.verb = Command::Verb::Hold;
    return command;
  } catch (const CLI::Success& request) {
    std::ostringstream text;
    app.exit(request, text, text);
    return Exit{0, text.str()};
  } catch (const CLI::ParseError& error) {
    return Exit{kUsageError, std::string("kpold: ") + error.what() + "\nSee kpold --help.\n"};
  } catch (const base::Error& error) {
    return Exit{kUsageError, std::string("kpold: ") + error.what() + "\n"};
  }
}

}  // namespace kpol::controller
