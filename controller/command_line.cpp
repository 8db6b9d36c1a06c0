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
    Flag{"--node-name", "nodeName", "this node's name (default: the host's name)"},
    Flag{"--source", "source",
         "where objects come from: api (the default), or dir:PATH, a directory of manifests"},
    Flag{"--kubeconfig", "kubeconfig",
         "how to reach the API server (default: as a pod of its cluster)"},
    Flag{"--api-servers", "apiServers", "URLs of the API server, with commas between them"},
    Flag{"--insecure-skip-tls-verify", "insecureSkipTlsVerify",
         "true: do as a kubeconfig with insecure-skip-tls-verify says (default false)"},
    Flag{"--socket", "socket", "Unix socket (default /run/kpol/kpold.sock)"},
    Flag{"--state-dir", "stateDir", "where attachments are kept (default /var/lib/kpol)"},
    Flag{"--cni-conf-dir", "cniConfDir",
         "where the runtime's network config is written once kpold is ready (default with source "
         "api: /etc/cni/net.d; empty: nowhere)"},
    Flag{"--cni-bin-dir", "cniBinDir", "where --install-cni puts it (default /opt/cni/bin)"},
    Flag{"--metrics-listen", "metricsListen",
         "ADDRESS:PORT of /metrics, /livez, /readyz (default 127.0.0.1:9464; empty: none)"},
    Flag{"--collect-after", "collectAfter",
         "how long a pod must seem gone before what it left is collected (default 1m)"},
    Flag{"--routing", "routing",
         "how pods of other nodes are reached: auto (the default), direct, vxlan or none (with "
         "source dir:PATH the default)"},
    Flag{"--node-ip", "nodeIP",
         "this node's address, or one of each family with a comma between (default: InternalIPs)"},
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
  auto* install = app.add_flag("--install-cni", installCni,
                               "copy the CNI plugin to where the runtime looks for it, and end");
  app.add_option("--plugin-binary", command.pluginBinary,
                 "of --install-cni (default: kpol beside kpold)")
      ->needs(install);
  auto* cleanup = app.add_flag("--cleanup", cleanUp,
                               "take away everything that kpol made on this node, and end");
  cleanup->excludes(install);
  app.add_flag("-n,--dry-run", command.dryRun, "of --cleanup: only say what would be taken away")
      ->needs(cleanup);
  app.add_flag("--idle", idle,
               "do nothing until told to end: keeps a pod whose init container did the work")
      ->excludes(install)
      ->excludes(cleanup);
  try {
    app.parse(argumentsLastFirst(argc, argv));
    command.config = makeConfig(app, configFile);
    if (installCni) command.verb = Command::Verb::InstallCni;
    if (cleanUp) command.verb = Command::Verb::CleanUp;
    if (idle) command.verb = Command::Verb::Idle;
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
