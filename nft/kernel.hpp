// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "nft/batch_split.hpp"
#include "nft/change_set.hpp"
#include "nft/counter_value.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace kpol::nft {

// A query or commit failed: socket error, a dump that was interrupted too often, a deadline, or a
// rejected query. A rejected commit is not an exception but the outcome Rejected.
class KernelError : public base::Error {
 public:
  KernelError(const std::string& what, int code) : Error(what), code_(code) {}
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

struct Committed {
  unsigned batches = 0;  // 0: the change set was empty; more than 1: it was split
};
// The kernel rejected the batch as a whole. Earlier batches of a split change set stay committed.
struct Rejected {
  std::optional<std::size_t> change;  // index in ChangeSet::changes, if the kernel reported it
  int code = 0;                       // errno, > 0
  std::string message;                // the rejected change in nft syntax, errno text and extack
};
using CommitOutcome = std::variant<Committed, Rejected>;

// The kernel's nf_tables over one persistent netlink socket, in the network namespace that the
// calling thread is in during construction. If the kernel supports it (Linux 6.9), the socket owns
// the table that it creates (NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST): no other socket can change,
// flush or delete the table while this socket or a duplicate of it is open. The table stays when
// the socket is closed.
//
// One thread at a time. Blocks while the kernel processes a batch (microseconds to tens of
// milliseconds), and then waits at most 10 s per batch for the response.
class Kernel {
 public:
  struct Options {
    std::string table = "kpol";
    bool own = true;  // false: an ordinary table, for tests and tools
    // Larger change sets are split (batch_split.hpp): changes that do not change the verdict of any
    // packet go into batches of about this size.
    std::size_t maxBatchBytes = 48U << 20U;
    std::size_t maxBatchMessages = 1U << 20U;
    // All other changes go into one batch. If it is larger than this, the elements of sets for
    // which `admits` returns true get batches of their own. Then, for a moment, fewer packets pass
    // than before and after.
    std::size_t maxChangeBytes = 48U << 20U;
    // Sends the stages of a change set (BatchSplit) in batches of their own, unless it adds the
    // table. A packet takes the generation of the rules when it enters a base chain, but each
    // lookup reads the generation again (net/netfilter/nf_tables_core.c, nft_do_chain; nft_set_ext
    // and nft_genmask_cur). Without this option, a packet with the old rules that finds a new
    // element would jump to a chain that is still empty for it, or one whose dispatch is old would
    // find itself in a set that only the new dispatch makes harmless, and pass. Some commits then
    // wait for packets on their way (BatchSplit::replaces), 4 to 16 ms.
    bool inStages = false;
    Admits admits = {};
    // A bound NETLINK_NETFILTER socket of another process, which transfers the ownership of the
    // table. If empty, a socket is created.
    base::UniqueFd socket = {};

    // Splits large changes into short batches, so that other users of nf_tables do not wait long
    // (docs/benchmarks.md). Sets `inStages`.
    static Options withShortBatches(Admits admits);
  };
  explicit Kernel(Options options);
  ~Kernel();
  Kernel(Kernel&&) noexcept;
  Kernel& operator=(Kernel&&) noexcept;

  // Applies `changes` in one batch, or in several if they exceed the limits or with `inStages`.
  // No packet that is dropped both before and after the whole change passes in between, except,
  // without `inStages`, a packet that is being processed during the commit.
  CommitOutcome commit(const ChangeSet& changes);

  // Reads the table from the kernel, consistently (one generation); nullopt if it does not exist.
  // If `own` is set, first adopts a persistent table without an owner. This is its only write.
  std::optional<Ruleset> readBack();

  // Whether this socket owns the table. False before the first commit or readBack, on kernels
  // without owned tables, if another process owns it, and if the table does not exist.
  [[nodiscard]] bool owned() const;

  // Batches sent so far, for metrics, and for tests that check that no batch was sent.
  [[nodiscard]] std::uint64_t batchesSent() const;

  // The values of the table's named counters, in one dump. Empty if the table does not exist.
  [[nodiscard]] std::vector<CounterValue> readCounters() const;

  // Whether the table exists, regardless of its owner.
  [[nodiscard]] bool exists() const;

  // The netlink port ID of the table's owner if it is not this socket, else nullopt.
  [[nodiscard]] std::optional<std::uint32_t> foreignOwner() const;

  // Continues with `socket`, as if it had been given in the options: the ownership is unknown until
  // the next readBack. Throws KernelError if the socket cannot be used, and then changes nothing.
  void useSocket(base::UniqueFd socket);

  // The socket's descriptor, for a process that keeps the table owned after this process exits.
  [[nodiscard]] int fd() const;

  // The socket's netlink port ID. The kernel's notifications of our changes contain it.
  [[nodiscard]] std::uint32_t portId() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::nft
