// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/json_splitter.hpp"
#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The bodies of an API server's answers, decoded while their bytes arrive. Functions of the bytes
// alone, however these are cut. All throw SyntaxError at what is no such body; then the answer is
// of no more use. An object that cannot be named counts as that: what it stands for is unknown, so
// nothing may be concluded from the list that it is in.
namespace kpol::kube {

struct ApiObject {
  WatchEvent::Type type = WatchEvent::Type::Added;
  ObjectId id;
  // Nothing when the object must not be taken as it was read: a Pod or Namespace whose labels are
  // in doubt might slip out of a policy. What was known of it before holds.
  std::optional<Object> object;
  std::vector<policy::Diagnostic> diagnostics;
  std::string resourceVersion;
};

struct ApiBookmark {
  std::string resourceVersion;
  bool initialEventsEnd = false;
};

// metav1.Status: why something was refused.
struct ApiStatus {
  unsigned code = 0;
  std::string reason;   // "Expired", ...
  std::string message;  // for people
  std::optional<std::chrono::seconds> retryAfter;
};
// Nothing when `json` is no Status. Does not throw.
std::optional<ApiStatus> readStatus(std::string_view json);

using WatchItem = std::variant<ApiObject, ApiBookmark, ApiStatus>;

class WatchBody {
 public:
  explicit WatchBody(Kind kind) : kind_(kind), splitter_(JsonSplitter::Shape::Sequence) {}

  // The next item in `bytes` from `at` on, which moves on; nothing when all bytes were used.
  std::optional<WatchItem> next(std::string_view bytes, std::size_t& at);
  // Between two items.
  [[nodiscard]] bool atEnd() const { return splitter_.atEnd(); }

 private:
  Kind kind_;
  JsonSplitter splitter_;
};

class ListBody {
 public:
  explicit ListBody(Kind kind) : kind_(kind), splitter_(JsonSplitter::Shape::List) {}

  std::optional<ApiObject> next(std::string_view bytes, std::size_t& at);

  struct Meta {
    std::string resourceVersion;
    std::string continueToken;
  };
  // Once the list has ended.
  [[nodiscard]] bool atEnd() const { return splitter_.atEnd(); }
  [[nodiscard]] const Meta& meta() const { return meta_; }

 private:
  Kind kind_;
  JsonSplitter splitter_;
  Meta meta_;
};

}  // namespace kpol::kube
