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

// The kernel could not be asked (socket trouble, interrupted dumps without end, a deadline). Not
// for refusals: those are outcomes.
class KernelError : public base::Error {
 public:
  KernelError(const std::string& what, int code) : Error(what), code_(code) {}
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

struct Committed {
  unsigned batches = 0;  // 0: nothing was to be done; more than 1: the change set was split
};
// The kernel took none of it (of the batch that failed; earlier batches of a split one stay).
struct Rejected {
  std::optional<std::size_t> change;  // the index in ChangeSet::changes, where the kernel said
  int code = 0;                       // errno, > 0
  std::string message;                // what was refused, in nft words, with errno text and extack
};
using CommitOutcome = std::variant<Committed, Rejected>;

// The kernel's nf_tables through one persistent netlink socket, in the network namespace the
// calling thread was in when it was made. It owns the table it makes where the kernel supports that
// (NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST, Linux 6.9): nobody else can change, flush or delete it
// while this socket (or a duplicate of it) is open, and it outlives the socket.
//
// One thread at a time. Blocks for as long as the kernel takes (microseconds to tens of
// milliseconds), never longer than the deadline of 10 s per batch.
class Kernel {
 public:
  struct Options {
    std::string table = "kpol";
    bool own = true;  // false: an ordinary table, for tests and tools
    // Larger change sets are split where that is safe (batch_split.hpp): what changes no packet's
    // verdict into batches of this size.
    std::size_t maxBatchBytes = 48U << 20U;
    std::size_t maxBatchMessages = 1U << 20U;
    // All else goes in one batch; only when that is larger than this are the elements of sets that
    // admit taken out of it, so that for a moment less passes than before and after.
    std::size_t maxChangeBytes = 48U << 20U;
    // New chains get a batch of their own before the elements and rules that lead to them, and what
    // nothing leads to any more goes in one after. A packet takes the generation of the rules when
    // it enters a base chain, but each lookup reads the generation again: a packet with the old
    // rules that finds a new element would meet a chain that is still empty for it, and pass
    // (net/netfilter/nf_tables_core.c, nft_do_chain; nft_set_ext and nft_genmask_cur).
    bool chainsFirst = false;
    Admits admits = {};
    // A bound NETLINK_NETFILTER socket of another process (with it comes the ownership of the
    // table); empty: one is made.
    base::UniqueFd socket = {};

    // No batch of a large change keeps other users of nf_tables waiting for long
    // (docs/benchmarks.md).
    static Options withShortBatches(Admits admits);
  };
  explicit Kernel(Options options);
  ~Kernel();
  Kernel(Kernel&&) noexcept;
  Kernel& operator=(Kernel&&) noexcept;

  // Applies `changes` in one batch, or in several when they are larger than a batch may be: at no
  // time does a packet pass that passes neither before nor after the whole.
  CommitOutcome commit(const ChangeSet& changes);

  // The table as the kernel has it, consistent (one generation); nothing when there is none.
  // Adopts an orphaned table of ours first when `own` is set, which is its only write.
  std::optional<Ruleset> readBack();

  // Whether the table now belongs to this socket. False before the first commit or readBack, on
  // kernels without owned tables, or when another live process owns it.
  [[nodiscard]] bool owned() const;

  // Batches sent so far; for metrics and for tests that nothing was written.
  [[nodiscard]] std::uint64_t batchesSent() const;

  // What the table's named counters stand at, in one dump; none when there is no table.
  [[nodiscard]] std::vector<CounterValue> readCounters() const;

  // Whether there is such a table, whoever made it.
  [[nodiscard]] bool exists() const;

  // Names the process (netlink port ID) that owns the table when it is not this one.
  [[nodiscard]] std::optional<std::uint32_t> foreignOwner() const;

  // The socket's descriptor, for a holder that keeps the table owned when this process is gone.
  [[nodiscard]] int fd() const;

  // The kernel's name for the socket; our changes are announced to others under it.
  [[nodiscard]] std::uint32_t portId() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::nft
