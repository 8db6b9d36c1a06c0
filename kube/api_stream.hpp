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

// Decoders for the bodies of an API server's responses, which work while the bytes arrive in parts
// of any size. All throw SyntaxError for an invalid body; the rest of the response must then be
// discarded. An object without a usable name is an error too: its identity is unknown, so the list
// it is in must not be used.
namespace kpol::kube {

struct ApiObject {
  WatchEvent::Type type = WatchEvent::Type::Added;
  ObjectId id;
  // nullopt if the object must not be used as it was read: a Pod or Namespace with invalid labels
  // might no longer be selected by a policy. Its previous state then remains in effect.
  std::optional<Object> object;
  std::vector<policy::Diagnostic> diagnostics;
  std::string resourceVersion;
};

struct ApiBookmark {
  std::string resourceVersion;
  bool initialEventsEnd = false;
};

// metav1.Status: why a request was rejected.
struct ApiStatus {
  unsigned code = 0;
  std::string reason;   // "Expired", ...
  std::string message;  // for people
  std::optional<std::chrono::seconds> retryAfter;
};
// Returns nullopt if `json` is not a Status. Does not throw.
std::optional<ApiStatus> readStatus(std::string_view json);

using WatchItem = std::variant<ApiObject, ApiBookmark, ApiStatus>;

class WatchBody {
 public:
  explicit WatchBody(Kind kind) : kind_(kind), splitter_(JsonSplitter::Shape::Sequence) {}

  // Returns the next item in `bytes` from `at` on and advances `at`; nullopt if all bytes were
  // used.
  std::optional<WatchItem> next(std::string_view bytes, std::size_t& at);
  // Whether the last item is complete.
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
  // Valid once the list has ended (atEnd()).
  [[nodiscard]] bool atEnd() const { return splitter_.atEnd(); }
  [[nodiscard]] const Meta& meta() const { return meta_; }

 private:
  Kind kind_;
  JsonSplitter splitter_;
  Meta meta_;
};

}  // namespace kpol::kube
