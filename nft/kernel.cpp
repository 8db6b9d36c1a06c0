// SPDX-License-Identifier: Apache-2.0
#include "nft/kernel.hpp"

#include "netlink/socket.hpp"
#include "nft/batch_answer.hpp"
#include "nft/encode.hpp"
#include "nft/grace_period.hpp"
#include "nft/read_back.hpp"
#include "nft/rejection.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <string_view>
#include <utility>

namespace kpol::nft {
namespace {

constexpr std::chrono::seconds kDeadline{10};
// Each rejection is one message. Thousands of them fit into this buffer.
constexpr std::size_t kReceiveBytes = 4U << 20U;
// Number of elements per slice in a split commit. A slice is far smaller than a batch.
constexpr std::size_t kSlice = 1024;

constexpr std::uint32_t kPersist = 0x4;  // NFT_TABLE_F_PERSIST, Linux 6.9; not in older headers
constexpr std::uint32_t kOwnFlags = NFT_TABLE_F_OWNER | kPersist;

netlink::Socket openSocket(base::UniqueFd given) {
  auto socket =
      given ? netlink::Socket::adopt(std::move(given)) : netlink::Socket(NETLINK_NETFILTER);
  socket.growReceiveBuffer(kReceiveBytes);
  return socket;
}

// Converts netlink::Error to KernelError. The text names the operation and the reason.
template <class Operation>
auto asKernelError(Operation operation) {
  try {
    return operation();
  } catch (const netlink::Error& error) {
    throw KernelError(error.what(), error.code());
  }
}

// Calls `take` with slices of the change and the index of each slice's first element, until `take`
// returns false. A change without elements is one slice.
template <class Elements, class Take>
void forEachSliceOf(const Elements& change, const Take& take) {
  const std::span elements(change.elements);
  for (std::size_t first = 0; first < elements.size(); first += kSlice) {
    const auto slice = elements.subspan(first, std::min(kSlice, elements.size() - first));
    if (!take(Elements{change.set, {slice.begin(), slice.end()}}, first)) return;
  }
}
template <class Take>
void forEachSlice(const Change& change, const Take& take) {
  if (const auto* added = std::get_if<AddElements>(&change))
    forEachSliceOf(*added, take);
  else if (const auto* deleted = std::get_if<DeleteElements>(&change))
    forEachSliceOf(*deleted, take);
  else
    take(change, 0);
}

// The set whose declaration is needed to encode `change`; null if there is none.
const std::string* setWithElements(const Change& change) {
  if (const auto* added = std::get_if<AddElements>(&change)) return &added->set;
  if (const auto* deleted = std::get_if<DeleteElements>(&change)) return &deleted->set;
  return nullptr;
}

// No packet is in a table that is only just added.
bool addsTable(const ChangeSet& changes) {
  return std::ranges::any_of(changes.changes, [](const Change& change) {
    return std::holds_alternative<AddTable>(change);
  });
}

}  // namespace

struct Kernel::State {
  explicit State(Options given)
      : options(std::move(given)), socket(openSocket(std::move(options.socket))) {
    if (options.own) tableFlags = kOwnFlags;
  }

  CommitOutcome commit(const ChangeSet& changes);
  std::optional<Ruleset> readBack();
  std::optional<std::uint32_t> foreignOwner();

  Options options;
  netlink::Socket socket;
  Declarations declarations;  // of some sets of the table
  // True after readBack or a successful commit. False during a commit and after a failed one.
  bool declarationsHold = false;
  std::uint32_t tableFlags = 0;
  bool owned = false;
  bool adoptionTried = false;
  std::uint64_t batchesSent = 0;
  // Packets on their way may not meet the next batch (BatchSplit::replaces). True until the outcome
  // of the last batch is known, and at first: another process may have just committed.
  bool packetsMayBeBehind = true;

 private:
  // One pass over a change set, in one batch or several.
  struct Pass {
    Pass(State& state, const ChangeSet& given)
        : changes(given), encoder(state.options.table, state.declarations, batch) {
      encoder.tableFlags(state.tableFlags);
    }
    const ChangeSet& changes;
    Batch batch;
    Encoder encoder;
    unsigned sent = 0;
  };
  void adopt();
  void learn(const ChangeSet& changes);
  CommitOutcome commitOnce(const ChangeSet& changes);
  CommitOutcome commitSplit(const ChangeSet& changes);
  std::optional<Rejected> sendChange(Pass& pass, const BatchSplit& stages);
  std::optional<Rejected> sendTogether(Pass& pass, const BatchSplit& stages);
  std::optional<Rejected> sendOneByOne(Pass& pass, const BatchSplit& stages);
  std::optional<Rejected> sendInPieces(Pass& pass, const std::vector<std::size_t>& stage);
  [[nodiscard]] bool isFull(const Batch& batch) const;
  std::optional<MessageRefusal> send(Batch& batch);
  std::optional<Rejected> flush(Pass& pass);
  Rejected explain(const MessageRefusal& refusal, const Pass& pass);
  void follow(const Change& change);
  [[nodiscard]] bool refusesOwnedTables(const Rejected& rejected, const ChangeSet& changes) const;
};

// ---- ownership

// Adopts the table if its owner has exited. A table owned by a running process is not changed, and
// a table without the persist flag cannot be adopted (nf_tables_updtable).
void Kernel::State::adopt() {
  if (!options.own) return;
  adoptionTried = true;
  owned = false;
  const auto table = readTable(socket, options.table);
  if (!table) return;
  if (table->owner) {
    owned = *table->owner == socket.portId();
    return;
  }
  if ((table->flags & kPersist) == 0) return;
  Batch batch;
  encodeAdoption(options.table, kOwnFlags, batch);
  owned = !send(batch);
}

std::optional<std::uint32_t> Kernel::State::foreignOwner() {
  const auto table = readTable(socket, options.table);
  if (!table || table->owner == socket.portId()) return std::nullopt;
  return table->owner;
}

// ---- commit

// Reads from the kernel the declarations that the changes need but do not contain.
void Kernel::State::learn(const ChangeSet& changes) {
  std::set<std::string_view> added;
  for (const Change& change : changes.changes) {
    if (const auto* set = std::get_if<AddSet>(&change)) added.insert(set->declaration.name);
    const std::string* name = setWithElements(change);
    if (name == nullptr || declarations.contains(*name) || added.contains(*name)) continue;
    if (auto declaration = readDeclaration(socket, options.table, *name))
      declarations.emplace(*name, std::move(*declaration));
  }
}

std::optional<MessageRefusal> Kernel::State::send(Batch& batch) {
  const auto bytes = batch.seal([this] { return socket.nextSequence(); });
  socket.growSendBuffer(bytes.size());
  ++batchesSent;
  socket.send(bytes);
  return receiveAnswer(socket, BatchAnswer(batch.firstSequence(), batch.lastSequence()),
                       std::chrono::steady_clock::now() + kDeadline);
}

// Updates the ownership after a committed change.
void Kernel::State::follow(const Change& change) {
  if (std::holds_alternative<AddTable>(change)) owned = tableFlags == kOwnFlags;
  if (std::holds_alternative<DeleteTable>(change)) owned = false;
}

Rejected Kernel::State::explain(const MessageRefusal& refusal, const Pass& pass) {
  Rejected rejected = describe(refusal, {pass.batch, pass.changes, declarations});
  if (refusal.code != EPERM) return rejected;
  if (const auto owner = foreignOwner())
    rejected.message += "; the table belongs to netlink port " + std::to_string(*owner) +
                        ", another process that is still running";
  return rejected;
}

// Sends the encoded batch and starts an empty one. Waits before, if packets may be behind.
std::optional<Rejected> Kernel::State::flush(Pass& pass) {
  if (pass.batch.empty()) return std::nullopt;
  if (std::exchange(packetsMayBeBehind, true) && options.inStages) waitForPacketsOnTheirWay();
  const auto refusal = send(pass.batch);
  packetsMayBeBehind = false;
  if (refusal) return explain(*refusal, pass);
  pass.batch = Batch();
  ++pass.sent;
  return std::nullopt;
}

bool Kernel::State::isFull(const Batch& batch) const {
  return batch.size() > options.maxBatchBytes || batch.count() > options.maxBatchMessages;
}

CommitOutcome Kernel::State::commitOnce(const ChangeSet& changes) {
  if (options.inStages && !addsTable(changes)) return commitSplit(changes);
  learn(changes);
  Pass pass(*this, changes);
  for (std::size_t i = 0; i < changes.changes.size(); ++i) {
    pass.encoder.encode(changes.changes[i], {i, 0});
    if (!isFull(pass.batch)) continue;
    declarations.clear();  // they contain changes that were encoded but are not sent
    return commitSplit(changes);
  }
  if (auto rejected = flush(pass)) return std::move(*rejected);
  return Committed{pass.sent};
}

CommitOutcome Kernel::State::commitSplit(const ChangeSet& changes) {
  learn(changes);
  const BatchSplit stages = split(changes, options.admits);
  Pass pass(*this, changes);
  auto rejected = sendInPieces(pass, stages.prepare);
  if (!rejected) rejected = sendChange(pass, stages);
  if (!rejected) rejected = sendInPieces(pass, stages.remove);
  if (rejected) return std::move(*rejected);
  return Committed{pass.sent};
}

std::optional<Rejected> Kernel::State::sendChange(Pass& pass, const BatchSplit& stages) {
  return options.inStages ? sendOneByOne(pass, stages) : sendTogether(pass, stages);
}

std::optional<Rejected> Kernel::State::sendTogether(Pass& pass, const BatchSplit& stages) {
  Declarations known = declarations;
  for (const auto* stage : {&stages.tighten, &stages.change, &stages.loosen})
    for (const std::size_t index : *stage)
      pass.encoder.encode(pass.changes.changes[index], {index, 0});
  if (pass.batch.size() <= options.maxChangeBytes) return flush(pass);
  pass.batch = Batch();
  declarations = std::move(known);
  return sendOneByOne(pass, stages);
}

std::optional<Rejected> Kernel::State::sendOneByOne(Pass& pass, const BatchSplit& stages) {
  if (auto rejected = sendInPieces(pass, stages.tighten)) return rejected;
  for (const std::size_t index : stages.change)
    pass.encoder.encode(pass.changes.changes[index], {index, 0});
  if (stages.replaces == Replaces::Rules) packetsMayBeBehind = true;
  if (auto rejected = flush(pass)) return rejected;
  if (stages.replaces != Replaces::Nothing) packetsMayBeBehind = true;
  return sendInPieces(pass, stages.loosen);
}

// Sends a stage in as many batches as necessary.
std::optional<Rejected> Kernel::State::sendInPieces(Pass& pass,
                                                    const std::vector<std::size_t>& stage) {
  std::optional<Rejected> rejected;
  for (const std::size_t index : stage) {
    forEachSlice(pass.changes.changes[index], [&](const Change& slice, std::size_t firstElement) {
      pass.encoder.encode(slice, {index, firstElement});
      if (isFull(pass.batch)) rejected = flush(pass);
      return !rejected;
    });
    if (rejected) return rejected;
  }
  return flush(pass);
}

bool Kernel::State::refusesOwnedTables(const Rejected& rejected, const ChangeSet& changes) const {
  return tableFlags != 0 && rejected.change &&
         std::holds_alternative<AddTable>(changes.changes[*rejected.change]) &&
         (rejected.code == EOPNOTSUPP || rejected.code == EINVAL);
}

CommitOutcome Kernel::State::commit(const ChangeSet& changes) {
  base::expects(changes.table == options.table, "the change set is for this kernel's table");
  if (changes.empty()) return Committed{0};
  if (!adoptionTried) adopt();
  if (!std::exchange(declarationsHold, false)) declarations.clear();
  CommitOutcome outcome = commitOnce(changes);
  const auto* rejected = std::get_if<Rejected>(&outcome);
  if (rejected != nullptr && refusesOwnedTables(*rejected, changes)) {
    tableFlags = 0;
    declarations.clear();
    outcome = commitOnce(changes);
  }
  if (std::holds_alternative<Rejected>(outcome)) return outcome;
  declarationsHold = true;
  for (const Change& change : changes.changes) follow(change);
  return outcome;
}

std::optional<Ruleset> Kernel::State::readBack() {
  adopt();
  auto ruleset =
      readRuleset(socket, options.table, owned ? Writers::OnlyThisSocket : Writers::Anybody);
  declarations.clear();
  declarationsHold = true;
  if (!ruleset) return ruleset;
  for (const auto& [name, set] : ruleset->sets) declarations.emplace(name, declarationOf(set));
  return ruleset;
}

// ---- public interface

Kernel::Options Kernel::Options::withShortBatches(Admits admits) {
  Options options;
  options.maxBatchBytes = 512U << 10U;
  options.maxBatchMessages = 64;
  options.maxChangeBytes = 1U << 20U;
  options.inStages = true;
  options.admits = std::move(admits);
  return options;
}

Kernel::Kernel(Options options)
    : state_(asKernelError([&] { return std::make_unique<State>(std::move(options)); })) {}
Kernel::~Kernel() = default;
Kernel::Kernel(Kernel&&) noexcept = default;
Kernel& Kernel::operator=(Kernel&&) noexcept = default;

CommitOutcome Kernel::commit(const ChangeSet& changes) {
  return asKernelError([&] { return state_->commit(changes); });
}

std::optional<Ruleset> Kernel::readBack() {
  return asKernelError([&] { return state_->readBack(); });
}

bool Kernel::owned() const {
  return state_->owned;
}

std::uint64_t Kernel::batchesSent() const {
  return state_->batchesSent;
}

bool Kernel::exists() const {
  return asKernelError(
      [&] { return readTable(state_->socket, state_->options.table).has_value(); });
}

std::vector<CounterValue> Kernel::readCounters() const {
  return asKernelError([&] { return nft::readCounters(state_->socket, state_->options.table); });
}

std::optional<std::uint32_t> Kernel::foreignOwner() const {
  return asKernelError([&] { return state_->foreignOwner(); });
}

void Kernel::useSocket(base::UniqueFd socket) {
  asKernelError([&] {
    state_->socket = openSocket(std::move(socket));
    state_->owned = false;
    state_->adoptionTried = false;
    state_->declarationsHold = false;
  });
}

int Kernel::fd() const {
  return state_->socket.fd();
}

std::uint32_t Kernel::portId() const {
  return state_->socket.portId();
}

}  // namespace kpol::nft
