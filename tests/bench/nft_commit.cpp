// SPDX-License-Identifier: Apache-2.0
// One element changes: with nft::Kernel, and with bare libmnl that sends the same prebuilt bytes
// (the floor), on an empty table and on one with 2000 sets and chains. Runs alternate, so that both
// see the same state of the machine.
#include "nft/diff.hpp"
#include "nft/encode.hpp"
#include "nft/kernel.hpp"

#include <benchmark/benchmark.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sched.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

namespace kpol::nft {
namespace {

Key address(std::size_t number) {
  const std::array<std::uint8_t, 4> bytes{10, 0, static_cast<std::uint8_t>(number >> 8U),
                                          static_cast<std::uint8_t>(number)};
  return Key(bytes);
}

Set addressSet(std::string name) {
  Set set;
  set.name = std::move(name);
  set.key = {DataType::Ipv4Addr};
  set.size = 1024;
  return set;
}

// The set "members", and `count` others that a chain each refers to.
Ruleset tableOf(std::size_t count) {
  Ruleset table;
  table.add(addressSet("members"));
  for (std::size_t i = 0; i < count; ++i) {
    Set set = addressSet("set" + std::to_string(i));
    set.elements = {element(address(i))};
    const Match match{{Field::IpSaddr}, false, InSet{set.name}};
    table.add(Chain{
        "chain" + std::to_string(i), {}, {{{match, Verdict{Verdict::Kind::Drop, {}}}, "a rule"}}});
    table.add(std::move(set));
  }
  return table;
}

void fill(Kernel& kernel, const Ruleset& table) {
  const auto outcome = kernel.commit(diff(std::nullopt, table));
  if (const auto* rejected = std::get_if<Rejected>(&outcome))
    throw std::runtime_error(rejected->message);
}

void enterFreshNamespace() {
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("cannot make a network namespace");
}

// The element is added and deleted in turn.
std::array<ChangeSet, 2> turns() {
  const std::vector<Element> member{element(address(1))};
  return {ChangeSet{"kpol", {AddElements{"members", member}}},
          ChangeSet{"kpol", {DeleteElements{"members", member}}}};
}

void kernelCommit(benchmark::State& state) {
  enterFreshNamespace();
  Kernel kernel({});
  fill(kernel, tableOf(static_cast<std::size_t>(state.range(0))));
  const auto changes = turns();
  std::size_t turn = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto outcome = kernel.commit(changes[turn++ % 2]);
    if (!std::holds_alternative<Committed>(outcome)) state.SkipWithError("rejected");
  }
}

// A socket that only sends two transactions.
class BareSocket {
 public:
  BareSocket() : socket_(mnl_socket_open(NETLINK_NETFILTER)) {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0)
      throw std::runtime_error("cannot open a netlink socket");
  }

  bool transact(const std::vector<std::uint8_t>& bytes) {
    if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0) return false;
    const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size <= 0) return false;
    const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer_.data());
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer));
    return answer->nlmsg_type == NLMSG_ERROR && error->error == 0;
  }

 private:
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  std::unique_ptr<mnl_socket, Close> socket_;
  alignas(nlmsghdr) std::array<std::uint8_t, 8192> buffer_{};
};

std::vector<std::uint8_t> bytesOf(const ChangeSet& changes, Declarations declarations) {
  Batch batch;
  Encoder encoder(changes.table, declarations, batch);
  for (const Change& change : changes.changes) encoder.encode(change, {});
  std::uint32_t sequence = 0;
  const auto bytes = batch.seal([&] { return ++sequence; });
  return {bytes.begin(), bytes.end()};
}

void floorCommit(benchmark::State& state) {
  enterFreshNamespace();
  Kernel kernel({.own = false});
  fill(kernel, tableOf(static_cast<std::size_t>(state.range(0))));
  const Declarations declarations{{"members", addressSet("members")}};
  const auto changes = turns();
  const std::array transactions{bytesOf(changes[0], declarations),
                                bytesOf(changes[1], declarations)};
  BareSocket socket;
  std::size_t turn = 0;
  for ([[maybe_unused]] auto _ : state)
    if (!socket.transact(transactions[turn++ % 2])) state.SkipWithError("rejected");
}

// The time to read the kernel's table.
void readBack(benchmark::State& state) {
  enterFreshNamespace();
  Ruleset table = tableOf(0);
  Set& members = table.sets["members"];
  members.size = 1U << 17U;
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(i >> 16U),
                                            static_cast<std::uint8_t>(i >> 8U),
                                            static_cast<std::uint8_t>(i)};
    members.elements.push_back(element(Key(bytes)));
  }
  Kernel kernel({});
  fill(kernel, table);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(kernel.readBack());
}

BENCHMARK(kernelCommit)->Arg(0)->Arg(2000)->Repetitions(9)->Unit(benchmark::kMicrosecond);
BENCHMARK(floorCommit)->Arg(0)->Arg(2000)->Repetitions(9)->Unit(benchmark::kMicrosecond);
BENCHMARK(readBack)->Arg(1000)->Arg(100000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kpol::nft

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  std::string interleave = "--benchmark_enable_random_interleaving=true";
  std::string summary = "--benchmark_report_aggregates_only=true";
  arguments.insert(arguments.begin() + 1, {interleave.data(), summary.data()});
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
