// SPDX-License-Identifier: Apache-2.0
#include "plugin/dispatch.hpp"

#include "base/error.hpp"
#include "conf/cni_error.hpp"
#include "conf/config_error.hpp"
#include "conf/network_config.hpp"
#include "netlink/error.hpp"
#include "plugin/verbs.hpp"

#include <exception>
#include <string_view>
#include <utility>

namespace kpol::plugin {
namespace {

using conf::CniCode;
using conf::CniCommand;
using conf::CniError;
using conf::CniVersion;

// The version of the response. The input may be invalid.
CniVersion versionFor(std::string_view input) {
  try {
    return conf::versionOf(input);
  } catch (const base::Error&) {
    return conf::kNewestCniVersion;
  }
}

void requireVersionFor(CniCommand command, CniVersion version) {
  CniVersion since = CniVersion::V0_3_0;
  if (command == CniCommand::Check) since = CniVersion::V0_4_0;
  if (command == CniCommand::Status || command == CniCommand::Gc) since = CniVersion::V1_1_0;
  if (version < since)
    throw conf::IncompatibleVersion(std::string(toString(command)) + " needs cniVersion " +
                                    std::string(toString(since)) + ", the network config has " +
                                    std::string(toString(version)));
}

std::string perform(conf::CniEnv env, std::string input) {
  const auto command = env.command;
  // DEL must succeed even if ADD rejected the runtimeConfig.
  auto config = conf::parseNetworkConfig(
      input, command == CniCommand::Del ? conf::RuntimeConfig::Ignore : conf::RuntimeConfig::Read);
  requireVersionFor(command, config.version);
  const Request request{std::move(env), std::move(config), std::move(input)};
  switch (command) {
    case CniCommand::Add: return add(request);
    case CniCommand::Del: del(request); break;
    case CniCommand::Check: check(request); break;
    case CniCommand::Gc: gc(request); break;
    case CniCommand::Status: status(request); break;
    case CniCommand::Version: break;  // handled in answer()
  }
  return {};
}

// The advice for a failure that carries none.
std::string adviceFor(CniCode code) {
  switch (code) {
    case CniCode::IncompatibleVersion:
      return "set a cniVersion in the network config that the runtime and kpol both support";
    case CniCode::InvalidEnvironment:
      return "the container runtime sets the environment: check its version and configuration";
    case CniCode::Decode:
      return "the network config must be one JSON object: check the files in /etc/cni/net.d";
    case CniCode::InvalidConfig:
      return "correct the named field; runtimeConfig comes from the runtime, prevResult from the "
             "previous plugin, other fields from the files in /etc/cni/net.d";
    case CniCode::Kernel:
      return "see the kernel's error; it can also mean that the pod is being deleted";
    default: return "check the named file or system call: existence, permissions, free space";
  }
}

CniError error(CniCode code, const std::exception& failure) {
  return {static_cast<std::uint32_t>(code), failure.what(), adviceFor(code)};
}

// The one place where failures become error results.
CniError errorOf(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const conf::CniFailure& e) {
    return e.error();
  } catch (const conf::IncompatibleVersion& e) {
    return error(CniCode::IncompatibleVersion, e);
  } catch (const conf::EnvError& e) {
    return error(CniCode::InvalidEnvironment, e);
  } catch (const conf::ConfigError& e) {
    return error(e.field().empty() ? CniCode::Decode : CniCode::InvalidConfig, e);
  } catch (const netlink::Error& e) {
    return error(CniCode::Kernel, e);
  } catch (const std::exception& e) {
    return error(CniCode::Io, e);
  }
}

}  // namespace

Answer answer(const conf::EnvLookup& environment, const std::function<std::string()>& readInput) {
  std::string input;
  CniVersion version = conf::kNewestCniVersion;
  std::string verb = environment("CNI_COMMAND").value_or("?");
  try {
    auto env = conf::parseCniEnv(environment);
    input = readInput();
    version = versionFor(input);
    if (env.command == CniCommand::Version) return {0, conf::printSupportedVersions(version), ""};
    return {0, perform(std::move(env), std::move(input)), ""};
  } catch (const std::exception& failure) {
    return {1, print(errorOf(std::current_exception()), version), verb + ": " + failure.what()};
  }
}

}  // namespace kpol::plugin
