// SPDX-License-Identifier: Apache-2.0
#include "controller/daemon.hpp"

#include "base/async/asio.hpp"
#include "base/async/readable.hpp"
#include "base/async/supervise.hpp"
#include "base/async/task_group.hpp"
#include "base/log.hpp"
#include "controller/cni_config.hpp"
#include "controller/collector.hpp"
#include "controller/control_api.hpp"
#include "controller/control_socket.hpp"
#include "controller/event_reporter.hpp"
#include "controller/forwarding.hpp"
#include "controller/holder_link.hpp"
#include "controller/http_server.hpp"
#include "controller/make_source.hpp"
#include "controller/metrics.hpp"
#include "controller/metrics_port.hpp"
#include "controller/network_condition.hpp"
#include "controller/node_addresses.hpp"
#include "controller/node_network.hpp"
#include "controller/pod_routes.hpp"
#include "controller/third_party_pods.hpp"
#include "netlink/route_socket.hpp"
#include "nft/table_watch.hpp"
#include "policy/peer_sets.hpp"

#include <boost/asio/signal_set.hpp>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <set>

namespace kpol::controller {
namespace {

std::string nodeNameOf(const conf::DaemonConfig& config) {
  if (!config.nodeName.empty()) return config.nodeName;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0)
    throw base::SystemError("cannot read the host name; set --node-name", errno);
  return name.data();
}

policy::PodToNode podToNodeOf(const conf::DaemonConfig& config) {
  return config.podToNode == conf::DaemonConfig::PodToNode::Allow ? policy::PodToNode::Allow
                                                                  : policy::PodToNode::Policy;
}

policy::DefaultPolicy defaultPolicyOf(const conf::DaemonConfig& config) {
  switch (config.defaultPolicy) {
    case conf::DaemonConfig::DefaultPolicy::Allow: return policy::DefaultPolicy::Allow;
    case conf::DaemonConfig::DefaultPolicy::DenyIngress: return policy::DefaultPolicy::DenyIngress;
    case conf::DaemonConfig::DefaultPolicy::Deny: break;
  }
  return policy::DefaultPolicy::Deny;
}

// Without the known addresses that are within clusterCIDRs, because those are pods' addresses.
policy::MetadataGuard metadataGuardOf(const conf::DaemonConfig& config,
                                      const std::set<std::string>& exempt) {
  policy::MetadataGuard guard{config.metadataGuard, exempt};
  if (config.metadataAddresses) {
    guard.addresses = *config.metadataAddresses;
    return guard;
  }
  std::erase_if(guard.addresses, [&](const auto& address) {
    return std::any_of(config.clusterCidrs.begin(), config.clusterCidrs.end(),
                       [&](const auto& cidr) { return cidr.contains(address); });
  });
  return guard;
}

Store::Settings settingsOf(const conf::DaemonConfig& config) {
  const std::set<std::string> exempt(config.systemNamespaces.begin(),
                                     config.systemNamespaces.end());
  return {podToNodeOf(config),
          {defaultPolicyOf(config), exempt},
          metadataGuardOf(config, exempt),
          nodeNameOf(config)};
}

Revoker::Mode revokerModeOf(const conf::DaemonConfig& config) {
  return config.established == conf::DaemonConfig::Established::Cut ? Revoker::Mode::Cut
                                                                    : Revoker::Mode::Keep;
}

Reconciler makeReconciler(const conf::DaemonConfig& config) {
  Reconciler::Options options;
  options.auditInterval = config.auditInterval;
  return Reconciler(options, base::systemRandom());
}

// With the holder's socket, which may own the table. No other kpold uses it, because this one has
// the lock of its control socket.
nft::Kernel::Options kernelOptionsOf(const conf::DaemonConfig& config) {
  auto options = nft::Kernel::Options::withShortBatches(policy::holdsPods);
  options.socket = node::fetchTableSocket(node::holderPath(config.socket));
  return options;
}

NodeNetwork::Options networkOptionsOf(const conf::DaemonConfig& config) {
  NodeNetwork::Options options;
  options.masquerade = conf::masqueradeOf(config);
  options.nonMasqueradeCidrs = config.nonMasqueradeCidrs;
  options.checkPodAddresses = conf::checkPodAddressesOf(config);
  auto& settings = options.settings;
  settings.nodeName = nodeNameOf(config);
  settings.routing = conf::routingOf(config);
  settings.nodeIps = config.nodeIps;
  settings.vxlanId = config.vxlanId;
  settings.vxlanPort = config.vxlanPort;
  settings.mtu = config.mtu;
  settings.clusterCidrs = config.clusterCidrs;
  settings.nodeCidrs = config.nodeCidrs;
  return options;
}

// Host ports are translated before local delivery, so a pod would take what is for kpold.
std::vector<ReservedPort> reservedPortsOf(const conf::DaemonConfig& config) {
  std::vector<ReservedPort> ports;
  const auto routing = conf::routingOf(config);
  if (routing == conf::Routing::Auto || routing == conf::Routing::Vxlan)
    ports.push_back({{base::Protocol::Udp, config.vxlanPort, {}, config.vxlanPort},
                     "kpold's VXLAN device (vxlanPort)"});
  if (const auto& listen = config.metricsListen)
    ports.push_back({{base::Protocol::Tcp, listen->port, listen->address, listen->port},
                     "kpold's metrics and health (metricsListen)"});
  return ports;
}

CniConfig::Options cniOptionsOf(const conf::DaemonConfig& config, const NodeNetwork& network) {
  return {conf::cniConfDirOf(config), nodeNameOf(config), config.stateDir, config.socket,
          [&network] { return network.podMtu(); }};
}

bool linkExists(const base::IfName& name) {
  return netlink::RouteSocket().findLink(name).has_value();
}

std::vector<policy::Diagnostic> attachmentDiagnostics(const std::vector<std::string>& problems) {
  std::vector<policy::Diagnostic> diagnostics;
  for (const auto& problem : problems)
    diagnostics.push_back({policy::Diagnostic::Severity::Error, "", "", problem});
  return diagnostics;
}

// Repairs third-party changes to a table that kpold does not own. Returns at once if kpold owns the
// table: no other process can then change it, and a watch would cost every commit. The owner is
// known after the first commit.
base::Task<> repairForeignChanges(ReconcileLoop& loop, const nft::Kernel& kernel) {
  while (!loop.committed()) co_await loop.progress().waitUntil(base::Event::kNever);
  if (kernel.owned()) co_return;
  base::logWarn("table not owned, third-party changes are repaired after they happen",
                {{"reason", "needs Linux 6.9 and a table that kpold created"}});
  nft::TableWatch watch(nft::Kernel::Options().table, kernel.portId());
  base::Readable readable(co_await base::asio::this_coro::executor, watch.fd());
  loop.doubt();  // the table may have changed between the commit and the watch
  for (;;) {
    co_await readable.wait();
    if (watch.drain() && !kernel.owned()) loop.doubt();
  }
}

}  // namespace

// Members are in dependency order: each may use those before it.
struct Daemon::Parts {
  explicit Parts(const conf::DaemonConfig& configuration)
      : config(configuration),
        socket(config.socket),
        store(settingsOf(config)),
        files(config.stateDir),
        kernel(kernelOptionsOf(config)),
        loop(store, kernel, makeReconciler(config)),
        holder(node::holderPath(config.socket), kernel, loop),
        source(makeSource(config, store, [this] { objectsChanged(); })),
        podStart(store, files, loop, linkExists),
        settler(config.stateDir),
        collector({config.stateDir, config.collectAfter}, store, podStart, settler),
        network(networkOptionsOf(config), store, [this] { networkChanged(); }),
        podRoutes(config.stateDir, store),
        cniConfig(cniOptionsOf(config, network), store, loop),
        hostFirewalls(nodeNameOf(config), store, loop, [this] { return network.vxlanPackets(); }),
        thirdPartyPods(store, loop),
        revoker(store, loop, revokerModeOf(config)),
        tasks(io.get_executor()),
        metricsPort(
            config.metricsListen,
            [this](Request request) { return healthRoutes.handle(std::move(request)); }, tasks),
        state{KPOL_VERSION,
              nodeNameOf(config),
              toString(config.source),
              std::chrono::system_clock::now(),
              store,
              loop,
              kernel,
              holder,
              *source,
              cniConfig,
              network,
              hostFirewalls,
              metricsPort,
              revoker,
              {}},
        events(state, *source),
        condition(state, *source),
        api(state, podStart, *source, loop),
        metrics(state, podStart, config.stateDir),
        signals(io, SIGTERM, SIGINT) {
    readNodeAddresses(store);
    network.observe([this](const auto& event) { podRoutes.handle(event); });
    podStart.reserve(reservedPortsOf(config));
    podStart.explainBy([this] { return source->trouble(); });
    state.startDiagnostics = attachmentDiagnostics(podStart.restore());
    api.settleWith(settler, config.stateDir);
    api.addTo(controlRoutes);
    addHealthRoutes(state, metrics, healthRoutes);
  }

  void start();
  void objectsChanged() {
    network.objectsChanged();
    loop.wake();
  }
  // The table depends on the node network, and the CNI config waits for this notification.
  void networkChanged() {
    loop.wake();
    loop.progress().notify();
  }
  void supervised(std::string name, std::function<base::Task<>()> run) {
    tasks.spawn(base::supervise(std::move(name), std::move(run)));
  }

  conf::DaemonConfig config;
  base::asio::io_context io{1};
  ControlSocket socket;
  Store store;
  AttachmentStore files;
  nft::Kernel kernel;
  ReconcileLoop loop;
  HolderLink holder;
  std::unique_ptr<Source> source;
  PodStart podStart;
  Settler settler;
  Collector collector;
  NodeNetwork network;
  PodRoutes podRoutes;
  CniConfig cniConfig;
  HostFirewalls hostFirewalls;
  ThirdPartyPods thirdPartyPods;
  Revoker revoker;
  base::TaskGroup tasks;
  MetricsPort metricsPort;
  NodeState state;
  EventReporter events;
  NetworkCondition condition;
  ControlApi api;
  Metrics metrics;
  Router controlRoutes;
  Router healthRoutes;
  base::asio::signal_set signals;
};

void Daemon::Parts::start() {
  signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    base::logInfo("stopping, the kernel keeps the policy", {{"signal", signal}});
    tasks.cancel();
  });
  tasks.spawn(metricsPort.run());
  tasks.spawn(serve(
      socket.takeListener(),
      [this](Request request) { return controlRoutes.handle(std::move(request)); }, tasks,
      kMostLocalConnections));
  supervised("reconcile loop", [this] { return loop.run(); });
  supervised("table watch", [this] { return repairForeignChanges(loop, kernel); });
  supervised("holder", [this] { return holder.run(); });
  supervised("node addresses",
             [this] { return followNodeAddresses(store, [this] { loop.wake(); }); });
  supervised("release of addresses", [this] { return settler.run(); });
  supervised("collector", [this] { return collector.run(); });
  supervised("node network", [this] { return network.run(); });
  supervised("node network watch", [this] { return network.watch(); });
  supervised("routes of pods", [this] { return podRoutes.run(); });
  supervised("network config", [this] { return cniConfig.run(); });
  supervised("established flows", [this] { return revoker.run(); });
  supervised("host firewalls", [this] { return hostFirewalls.run(); });
  supervised("third-party pods", [this] { return thirdPartyPods.run(); });
  supervised("source", [this] { return source->run(); });
  if (config.source.kind == conf::Source::Kind::Api)
    supervised("events", [this] { return events.run(); });
  if (config.clearNetworkUnavailable)
    supervised("node condition", [this] { return condition.run(); });
}

Daemon::Daemon(const conf::DaemonConfig& config) : parts_(std::make_unique<Parts>(config)) {}
Daemon::~Daemon() = default;

void Daemon::run() {
  base::logInfo("kpold started", {{"version", parts_->state.version},
                                  {"node", parts_->state.nodeName},
                                  {"source", parts_->state.source},
                                  {"socket", parts_->config.socket},
                                  {"attachments", parts_->store.attachments().size()}});
  if (parts_->config.manageSysctls) enableForwarding();
  parts_->start();
  parts_->io.run();
}

}  // namespace kpol::controller
