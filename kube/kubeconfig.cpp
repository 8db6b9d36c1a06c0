// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.hpp"
#include "kube/cluster_config.hpp"

#include <yaml-cpp/yaml.h>

namespace kpol::kube {
namespace {

[[noreturn]] void fail(const std::string& field, const std::string& problem) {
  throw ClusterConfigError("kubeconfig: " + field + ": " + problem);
}

constexpr const char* kIsEmpty = "is empty; set it, or remove it";

// One mapping of a kubeconfig, with its path for error messages.
class Section {
 public:
  Section(YAML::Node node, std::string place) : node_(std::move(node)), place_(std::move(place)) {
    if (!node_.IsMap()) fail(place_, "must be a mapping");
  }

  [[nodiscard]] std::string place(const char* field) const { return place_ + "." + field; }
  [[nodiscard]] YAML::Node at(const char* field) const {
    const YAML::Node& node = node_;  // the const operator does not add the key
    return node[field];
  }
  [[nodiscard]] bool has(const char* field) const {
    const YAML::Node value = at(field);
    return value.IsDefined() && !value.IsNull();
  }
  [[nodiscard]] std::string text(const char* field) const {
    if (!has(field)) return {};
    if (!at(field).IsScalar()) fail(place(field), "must be a string");
    return at(field).Scalar();
  }
  [[nodiscard]] std::string required(const char* field) const {
    std::string value = text(field);
    if (value.empty()) fail(place(field), "is required");
    return value;
  }
  [[nodiscard]] bool boolean(const char* field) const {
    const std::string value = text(field);
    if (value.empty() || value == "false") return false;
    if (value != "true") fail(place(field), "must be true or false");
    return true;
  }
  void refuse(const char* field, const char* why) const {
    if (has(field)) fail(place(field), why);
  }

 private:
  YAML::Node node_;
  std::string place_;
};

// The mapping `inner` of the entry in `list` whose name is `name`.
Section named(const Section& root, const char* list, const char* inner, const std::string& name) {
  const YAML::Node entries = root.at(list);
  if (entries.IsDefined() && entries.IsSequence()) {
    for (const YAML::Node& entry : entries) {
      if (!entry.IsMap() || !entry["name"] || !entry["name"].IsScalar()) continue;
      if (entry["name"].Scalar() != name) continue;
      return {entry[inner], std::string(list) + "[" + name + "]." + inner};
    }
  }
  fail(list, "has no entry \"" + name + "\"");
}

std::string absolute(const std::string& file, const std::string& directory) {
  return file.empty() || file.starts_with('/') ? file : directory + "/" + file;
}

PemSource pem(const Section& section, const std::string& field, const std::string& directory) {
  const std::string dataField = field + "-data";
  const std::string data = section.text(dataField.c_str());
  // As in client-go: data takes precedence over a file.
  if (data.empty()) {
    PemSource source{{}, absolute(section.text(field.c_str()), directory)};
    // A template that was not filled in must not mean "the system's authorities" or "anonymous".
    for (const auto& name : {field, dataField})
      if (section.has(name.c_str()) && !source.given()) fail(section.place(name.c_str()), kIsEmpty);
    return source;
  }
  auto text = decodeBase64(data);
  if (!text || text->empty()) fail(section.place(dataField.c_str()), "must be base64");
  return {*std::move(text), {}};
}

void readCluster(const Section& cluster, const std::string& directory, ClusterConfig& config) {
  const auto url = ServerUrl::parse(cluster.required("server"));
  if (!url) fail(cluster.place("server"), "must be a URL such as https://192.0.2.1:6443");
  config.servers = {*url};
  config.authorities = pem(cluster, "certificate-authority", directory);
  config.tlsServerName = cluster.text("tls-server-name");
  config.skipTlsVerify = cluster.boolean("insecure-skip-tls-verify");
  cluster.refuse("proxy-url", "is not supported");
}

std::vector<std::string> readArguments(const Section& exec) {
  std::vector<std::string> arguments;
  if (!exec.has("args")) return arguments;
  const YAML::Node list = exec.at("args");
  if (!list.IsSequence()) fail(exec.place("args"), "must be a list");
  for (const YAML::Node& item : list) {
    if (!item.IsScalar()) fail(exec.place("args"), "must be a list of strings");
    arguments.push_back(item.Scalar());
  }
  return arguments;
}

ExecPlugin readExec(const Section& exec, const std::string& directory) {
  ExecPlugin plugin;
  plugin.apiVersion = exec.required("apiVersion");
  plugin.command = exec.required("command");
  // A command with a slash is a path; any other is searched in PATH.
  if (plugin.command.find('/') != std::string::npos)
    plugin.command = absolute(plugin.command, directory);
  if (exec.text("interactiveMode") == "Always")
    fail(exec.place("interactiveMode"), "must not be Always: kpold has no terminal");
  plugin.arguments = readArguments(exec);
  if (!exec.has("env")) return plugin;
  const YAML::Node list = exec.at("env");
  if (!list.IsSequence()) fail(exec.place("env"), "must be a list");
  for (const YAML::Node& item : list) {
    const Section variable(item, exec.place("env[]"));
    plugin.environment.emplace_back(variable.required("name"), variable.text("value"));
  }
  return plugin;
}

void readUser(const Section& user, const std::string& directory, ClusterConfig& config) {
  config.clientCertificate = pem(user, "client-certificate", directory);
  config.clientKey = pem(user, "client-key", directory);
  if (config.clientCertificate.given() != config.clientKey.given())
    fail(user.place("client-certificate"), "and client-key must both be given, or neither");
  config.token = user.text("token");
  config.tokenFile = absolute(user.text("tokenFile"), directory);
  if (user.has("tokenFile") && config.tokenFile.empty()) fail(user.place("tokenFile"), kIsEmpty);
  for (const char* field : {"username", "password", "auth-provider"})
    user.refuse(
        field,
        "is no longer supported by Kubernetes; use token, tokenFile, a client certificate or exec");
  for (const char* field : {"as", "as-uid", "as-groups", "as-user-extra"})
    user.refuse(field, "is not supported");
  if (user.has("exec"))
    config.exec = readExec(Section(user.at("exec"), user.place("exec")), directory);
}

}  // namespace

ClusterConfig readKubeconfig(std::string_view yaml, const std::string& directory) {
  try {
    const Section root(YAML::Load(std::string(yaml)), "the file");
    const std::string name = root.text("current-context");
    if (name.empty()) fail("current-context", "is required");
    const Section context = named(root, "contexts", "context", name);
    ClusterConfig config;
    readCluster(named(root, "clusters", "cluster", context.required("cluster")), directory, config);
    if (context.has("user"))
      readUser(named(root, "users", "user", context.required("user")), directory, config);
    return config;
  } catch (const YAML::Exception& error) {
    throw ClusterConfigError(std::string("kubeconfig: not valid YAML: ") + error.what());
  }
}

}  // namespace kpol::kube
