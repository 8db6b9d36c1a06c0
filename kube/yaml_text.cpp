// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml_text.hpp"

#include "kube/field.hpp"
#include "kube/syntax_error.hpp"
#include "kube/yaml_scalar.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

namespace kpol::kube {
namespace {

// How many values all aliases of a document together may add. Hand-written manifests add dozens;
// nine levels of nine aliases each ("billion laughs") would add 400 million.
constexpr std::size_t kMaxAliased = 100'000;
constexpr std::string_view kMergeKey = "<<";

struct Size {
  std::size_t values = 1;
  std::size_t depth = 0;
};

// The recursion is at most kMaxDepth deep, because the builder limits it.
Size measure(const Json& tree) {
  Size size;
  if (!tree.is_structured()) return size;
  for (const Json& child : tree) {
    const Size part = measure(child);
    size.values += part.values;
    size.depth = std::max(size.depth, part.depth);
  }
  ++size.depth;
  return size;
}

// Adds the members of one merged object that `target` does not have.
void mergeOne(Json::object_t& target, Json& source) {
  if (!source.is_object())
    throw SyntaxError("a merge (<<) must be of an object or a list of objects");
  target.merge(source.get_ref<Json::object_t&>());
}

void mergeAll(Json::object_t& target, Json source) {
  if (!source.is_array()) return mergeOne(target, source);
  for (Json& item : source) mergeOne(target, item);
}

class YamlEvents : public YAML::EventHandler {
 public:
  explicit YamlEvents(std::size_t firstLine) : firstLine_(firstLine) {}

  Json take() { return builder_.take(); }
  // The line of the last event, for errors that yaml-cpp does not detect.
  [[nodiscard]] std::size_t line() const { return line_; }

  void OnDocumentStart(const YAML::Mark& mark) override { note(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    OnScalar(mark, "?", anchor, "");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    note(mark);
    if (keyExpected()) {
      takeKey(tag, value);
      if (anchor != 0) anchored_.insert_or_assign(anchor, yamlScalar(tag, value));
    } else {
      finish(anchor, builder_.value(yamlScalar(tag, value)));
    }
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    note(mark);
    if (keyExpected()) throw SyntaxError("a key must not be an alias");
    const auto it = anchored_.find(anchor);
    if (it == anchored_.end()) throw SyntaxError("an alias inside the value it stands for");
    const Size size = measure(it->second);
    aliased_ += size.values;
    if (aliased_ > kMaxAliased) {
      throw SyntaxError("aliases add more than " + std::to_string(kMaxAliased) + " values");
    }
    finish(0, builder_.value(it->second, size.depth));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, false);
    builder_.beginList();
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, true);
    builder_.beginObject();
  }
  void OnMapEnd() override {
    if (open_.back().merges) {
      auto& members = builder_.innermost().get_ref<Json::object_t&>();
      Json source = std::move(members.extract(std::string(kMergeKey)).mapped());
      mergeAll(members, std::move(source));
    }
    close();
  }

 private:
  struct Collection {
    bool isMap = false;
    bool keyNext = true;  // of a map: the next event is a key
    bool merges = false;
    YAML::anchor_t anchor = 0;
  };

  void note(const YAML::Mark& mark) {
    if (mark.line >= 0) line_ = firstLine_ + static_cast<std::size_t>(mark.line);
  }
  [[nodiscard]] bool keyExpected() const {
    return !open_.empty() && open_.back().isMap && open_.back().keyNext;
  }
  void takeKey(const std::string& tag, const std::string& value) {
    if (tag == "?" && value == kMergeKey) open_.back().merges = true;
    builder_.key(yamlKey(tag, value));
    open_.back().keyNext = false;
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, bool isMap) {
    note(mark);
    if (keyExpected()) throw SyntaxError("a key must be a scalar");
    open_.push_back({isMap, true, false, anchor});
  }
  void close() {
    const auto anchor = open_.back().anchor;
    open_.pop_back();
    const Json& value = builder_.innermost();
    builder_.end();
    finish(anchor, value);
  }
  // A value is complete: from now on it can be aliased, and a key may follow.
  void finish(YAML::anchor_t anchor, const Json& value) {
    if (anchor != 0) anchored_.insert_or_assign(anchor, value);
    if (!open_.empty()) open_.back().keyNext = true;
  }

  TreeBuilder builder_;
  std::vector<Collection> open_;
  std::unordered_map<YAML::anchor_t, Json> anchored_;
  std::size_t aliased_ = 0;
  std::size_t firstLine_;
  std::size_t line_ = firstLine_;
};

}  // namespace

Json parseYaml(std::string_view document, std::size_t firstLine) {
  // yaml-cpp 0.7 accepts the end of the text as the end of a quoted scalar. A document end marker
  // inside a quoted scalar is an error, so append one.
  std::string text(document);
  text += text.ends_with('\n') ? "...\n" : "\n...\n";
  std::istringstream stream(std::move(text));
  YamlEvents events(firstLine);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(events);
    if (parser) throw SyntaxError("more text after the end of the document");
  } catch (const YAML::Exception& error) {
    const auto line = static_cast<std::size_t>(std::max(error.mark.line, 0));
    throw SyntaxError(firstLine + line, "not YAML: " + error.msg);
  } catch (const SyntaxError& error) {
    throw SyntaxError(events.line(), error.what());
  }
  return events.take();
}

}  // namespace kpol::kube
