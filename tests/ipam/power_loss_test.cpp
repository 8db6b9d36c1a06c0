// SPDX-License-Identifier: Apache-2.0
// What is left of the leases when the process is killed after, or within, any of its system calls,
// and when the power fails at any of them. The calls are recorded as the kernel saw them.
#include "ipam/lease_store.hpp"
#include "tests/plugin/temporary_directory.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/traced.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace kpol::ipam {
namespace {

using test::TemporaryDirectory;

// ---- changes of the store --------------------------------------------------------------------

Lease lease(int number) {
  const auto low = std::to_string(number % 250);
  return {{"c" + std::to_string(number), "eth0"},
          "pods",
          {"shop", "web"},
          1700000000,
          {base::IpAddress::parse("10.0." + std::to_string(number / 250) + "." + low).value()}};
}

const std::vector<conf::IpRangeSet>& ranges() {
  static const std::vector<conf::IpRangeSet> kRanges{
      {{base::Prefix::parse("10.0.0.0/16").value(), base::IpAddress::parse("10.0.0.1").value(),
        base::IpAddress::parse("10.0.255.0").value(), std::nullopt}}};
  return kRanges;
}

// Enough changes that the file is rewritten more than once.
constexpr int kSteps = 700;

// Open the store for each change, as each call of the plugin does.
void step(const std::string& directory, int number) {
  auto store = LeaseStore::open(directory);
  switch (number % 5) {
    case 0: store.add(lease(number)); break;
    case 1: store.add(lease(number)); break;
    case 2: store.depart(lease(number - 1).id, {number}); break;
    case 3: store.settle({lease(number - 2), {number - 1}}); break;
    default:
      if (number == 4)
        store.noteRanges("pods", ranges());
      else if (number % 50 != 49)
        store.remove(lease(number - 4).id);
  }
}

// ---- its system calls on the journal, recorded -----------------------------------------------

struct Create {  // or emptied, where the name exists
  std::string name;
  int file;
};
struct Write {
  int file;
  std::string data;  // at the end: the store's files are O_APPEND
};
struct Truncate {
  int file;
  std::size_t size;
};
struct Sync {
  int file;
};
struct Rename {
  std::string from;
  std::string to;
};
struct Acknowledge {};  // a step has returned
using Operation = std::variant<Create, Write, Truncate, Sync, Rename, Acknowledge>;

class Recorder {
 public:
  explicit Recorder(std::string directory) : directory_(std::move(directory) + "/ipam/") {}

  test::Decision operator()(const test::TracedCall& call) {
    const std::string name = call.name();
    if (!call.isExit || call.result < 0) return {};
    const auto fd = static_cast<int>(call.arguments[0]);
    if (name == "openat") opened(call);
    if (name == "close") files_.erase(fd);
    if (name == "rename") renamed(call.text(0), call.text(1));
    if (name == "write" && fd == kAcknowledge) operations_.push_back(Acknowledge{});
    const auto file = files_.find(fd);
    if (file == files_.end()) return {};
    if (name == "write")
      operations_.push_back(Write{
          file->second, call.bytes(call.arguments[1], static_cast<std::size_t>(call.result))});
    if (name == "ftruncate") operations_.push_back(Truncate{file->second, call.arguments[1]});
    if (name == "fdatasync" || name == "fsync") operations_.push_back(Sync{file->second});
    return {};
  }
  [[nodiscard]] const std::vector<Operation>& operations() const { return operations_; }

  static constexpr int kAcknowledge = 900;  // a descriptor of the test's own

 private:
  void opened(const test::TracedCall& call) {
    const auto path = call.text(1);
    if (!path.starts_with(directory_ + "leases")) return;
    const auto name = path.substr(directory_.size());
    const auto flags = call.arguments[2];
    auto known = names_.find(name);
    if (known == names_.end() || (flags & O_TRUNC) != 0) {
      // One that is emptied is as good as another: it was never synced with what it held.
      known = names_.insert_or_assign(name, next_++).first;
      operations_.push_back(Create{name, known->second});
    }
    files_[static_cast<int>(call.result)] = known->second;
  }
  void renamed(const std::string& from, const std::string& to) {
    const auto source = from.substr(directory_.size());
    const auto target = to.substr(directory_.size());
    names_[target] = names_.at(source);
    names_.erase(source);
    operations_.push_back(Rename{source, target});
  }

  std::string directory_;
  std::map<std::string, int> names_;
  std::map<int, int> files_;  // by descriptor
  int next_ = 0;
  std::vector<Operation> operations_;
};

std::vector<Operation> record(const std::string& directory) {
  Recorder recorder(directory);
  const int status = test::runTraced(
      [&] {
        const int null = ::open("/dev/null", O_WRONLY);
        if (::dup2(null, Recorder::kAcknowledge) < 0) ::_exit(2);
        for (int i = 0; i < kSteps; ++i) {
          step(directory, i);
          if (::write(Recorder::kAcknowledge, "x", 1) != 1) ::_exit(3);
        }
      },
      std::ref(recorder));
  EXPECT_EQ(status, 0);
  return recorder.operations();
}

// ---- disks -----------------------------------------------------------------------------------

using Image = std::map<std::string, std::string>;  // contents by name

// All that was done is there, of the last write only the first `torn` bytes.
Image imageAfter(const std::vector<Operation>& operations, std::size_t count,
                 std::optional<std::size_t> torn = std::nullopt) {
  std::map<int, std::string> files;
  std::map<std::string, int> names;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& operation = operations[i];
    if (const auto* create = std::get_if<Create>(&operation)) names[create->name] = create->file;
    if (const auto* write = std::get_if<Write>(&operation))
      files[write->file] += torn && i + 1 == count ? write->data.substr(0, *torn) : write->data;
    if (const auto* truncate = std::get_if<Truncate>(&operation))
      files[truncate->file].resize(truncate->size);
    if (const auto* rename = std::get_if<Rename>(&operation)) {
      names[rename->to] = names.at(rename->from);
      names.erase(rename->from);
    }
  }
  Image image;
  for (const auto& [name, file] : names) image[name] = files[file];
  return image;
}

// The power fails after `count` operations. Names reach the disk in their order, but how many of
// them have is chance. Of a file there is what was synced; of what was written later any part, or
// zeros in its place, or what another file had there.
class PowerFailure {
 public:
  PowerFailure(std::mt19937& random, bool syncs) : random_(random), syncs_(syncs) {}

  Image operator()(const std::vector<Operation>& operations, std::size_t count) {
    std::map<int, std::string> synced;
    std::map<int, std::string> written;
    std::vector<const Operation*> nameChanges;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& operation = operations[i];
      if (std::holds_alternative<Create>(operation) || std::holds_alternative<Rename>(operation))
        nameChanges.push_back(&operation);
      if (const auto* write = std::get_if<Write>(&operation)) written[write->file] += write->data;
      if (const auto* truncate = std::get_if<Truncate>(&operation))
        written[truncate->file].resize(truncate->size);
      if (const auto* sync = std::get_if<Sync>(&operation); sync != nullptr && syncs_)
        synced[sync->file] = written[sync->file];
    }
    Image image;
    for (const auto& [name, file] : namesOf(nameChanges))
      image[name] = rest(synced[file], written[file]);
    return image;
  }

 private:
  std::size_t upTo(std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random_);
  }

  std::map<std::string, int> namesOf(const std::vector<const Operation*>& changes) {
    std::map<std::string, int> names;
    const auto durable = upTo(changes.size());
    for (std::size_t i = 0; i < durable; ++i) {
      if (const auto* create = std::get_if<Create>(changes[i])) names[create->name] = create->file;
      if (const auto* rename = std::get_if<Rename>(changes[i])) {
        names[rename->to] = names.at(rename->from);
        names.erase(rename->from);
      }
    }
    return names;
  }

  std::string rest(const std::string& synced, const std::string& written) {
    if (written.size() <= synced.size()) return synced;
    auto text = synced + written.substr(synced.size(), upTo(written.size() - synced.size()));
    switch (upTo(3)) {
      case 0: return text;
      case 1: return text + std::string(upTo(64), '\0');
      case 2: return text + std::string(upTo(64), 'z');
      default:
        // A block in the middle never came.
        if (text.size() > synced.size()) {
          const auto from = synced.size() + upTo(text.size() - synced.size() - 1);
          const auto size = upTo(text.size() - from);
          text.replace(from, size, size, '\0');
        }
        return text;
    }
  }

  std::mt19937& random_;
  bool syncs_;
};

std::string bootId() {
  auto text = test::readFile("/proc/sys/kernel/random/boot_id");
  return text.substr(0, text.find('\n'));
}

// As the next boot finds it.
Image ofAnEarlierBoot(Image image) {
  const auto boot = bootId();
  for (auto& [name, text] : image)
    for (auto at = text.find(boot); at != text.npos; at = text.find(boot, at + 1))
      text.replace(at, boot.size(), std::string(boot.size() - 1, 'e') + 'f');
  return image;
}

class Disk {
 public:
  explicit Disk(const Image& image) {
    std::filesystem::create_directories(directory_.file("ipam"));
    for (const auto& [name, text] : image) test::writeFile(directory_.file("ipam/" + name), text);
  }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

// Empty when the store works, with no lease; else why not.
std::string faultAfterBoot(const Image& image) {
  const Disk disk(ofAnEarlierBoot(image));
  try {
    {
      auto store = LeaseStore::open(disk.path());
      if (!store.leases().empty() || !store.departures().empty()) return "leases of no pod";
      store.add(lease(0));
    }
    return LeaseStore::open(disk.path()).leases().size() == 1 ? "" : "a lease was lost";
  } catch (const base::Error& error) {
    return error.what();
  }
}

class Crash : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TemporaryDirectory traced;
    operations_ = std::make_unique<std::vector<Operation>>(record(traced.path()));
  }
  static void TearDownTestSuite() { operations_.reset(); }
  static const std::vector<Operation>& operations() { return *operations_; }

 private:
  static std::unique_ptr<std::vector<Operation>> operations_;
};
std::unique_ptr<std::vector<Operation>> Crash::operations_;

// That an address rests is a line of its own, whose time differs from run to run. It may be lost:
// then the address does not rest.
LeaseBook withoutRests(LeaseBook book) {
  book.freed.clear();
  return book;
}

// The contents of the store after each number of steps.
std::vector<LeaseBook> booksOfSteps() {
  const TemporaryDirectory directory;
  std::vector<LeaseBook> books{{}};
  for (int i = 0; i < kSteps; ++i) {
    step(directory.path(), i);
    books.push_back(withoutRests(readLeases(directory.path())));
  }
  return books;
}

TEST_F(Crash, ProcessCrashAtAnyCallLosesNothing) {
  const auto books = booksOfSteps();
  std::size_t acknowledged = 0;
  std::size_t rewritten = 0;
  const auto expectOneOf = [&](const Image& image, const std::string& when) {
    const Disk disk(image);
    const auto read = withoutRests(readLeases(disk.path()));
    const auto& before = books.at(acknowledged);
    const auto& after = books.at(std::min(acknowledged + 1, books.size() - 1));
    EXPECT_TRUE(read == before || read == after) << when << " of step " << acknowledged;
    // The next process can continue.
    auto store = LeaseStore::open(disk.path());
    EXPECT_EQ(store.leases(), read.leases);
    store.add(lease(kSteps + 1));
  };
  for (std::size_t count = 0; count < operations().size(); ++count) {
    const auto& next = operations()[count];
    if (std::holds_alternative<Acknowledge>(next)) {
      ++acknowledged;
      continue;
    }
    if (std::holds_alternative<Rename>(next)) ++rewritten;
    expectOneOf(imageAfter(operations(), count), "before operation " + std::to_string(count));
    if (const auto* write = std::get_if<Write>(&next))
      for (const auto torn : {std::size_t{1}, write->data.size() / 2, write->data.size() - 1})
        expectOneOf(imageAfter(operations(), count + 1, torn),
                    "within write " + std::to_string(count));
    if (HasFailure()) return;
  }
  EXPECT_EQ(acknowledged, std::size_t{kSteps});
  EXPECT_GE(rewritten, 2U) << "the file was not rewritten often enough to prove anything";
}

TEST_F(Crash, PowerLossLeavesAValidStore) {
  const auto seed = test::seedOfThisRun();
  std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
  for (std::size_t count = 0; count <= operations().size(); ++count) {
    PowerFailure fail(random, true);
    const auto image = fail(operations(), count);
    ASSERT_EQ(faultAfterBoot(image), "")
        << "after operation " << count << " seed " << seed << "\n"
        << (image.contains("leases") ? image.at("leases").substr(0, 200) : "no file");
  }
}

// Otherwise the test above would prove nothing.
TEST_F(Crash, PowerLossBreaksAStoreWithoutFsync) {
  std::mt19937 random(1);
  int broken = 0;
  for (std::size_t count = 0; count <= operations().size() && broken < 2; ++count) {
    PowerFailure fail(random, false);
    if (!faultAfterBoot(fail(operations(), count)).empty()) ++broken;
  }
  EXPECT_EQ(broken, 2);
}

}  // namespace
}  // namespace kpol::ipam
