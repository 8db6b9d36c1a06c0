// SPDX-License-Identifier: Apache-2.0
#include "nft/change_set.hpp"

#include "nft/chain_graph.hpp"
#include "nft/shape.hpp"
#include "nft/uses.hpp"
#include "nft/visit.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

// clang-format off
// The kernel's behaviour, tried on Linux 6.18 with nft 1.0.6, one batch each:
//   delete a chain with rules                     accepted, deletes the rules too
//   delete a chain used by a rule or verdict map  EBUSY
//   delete a set, map or counter used by a rule   EBUSY
//   delete a map whose elements refer to chains   accepted, releases the chains
//   add an existing object (NLM_F_EXCL)           EEXIST, also for an element with another verdict
//   delete a missing element                      ENOENT; the given value is ignored
//   one element more than `size`                  ENFILE, unless an earlier change deleted one;
//                                                 a range counts as one element
//   verdict to a missing chain / to a base chain  ENOENT / EOPNOTSUPP
//   overlapping ranges                            EEXIST or ENOTEMPTY; adjacent ones are accepted
//   a loop reachable from a base chain            EMLINK; other loops are accepted
// clang-format on
// The model is stricter for overlaps in a concatenation: it rejects all of them, but the kernel
// only those in which a corner of the new element lies in an old one.
namespace kpol::nft {

namespace {

bool byFirst(const Element& a, const Element& b) {
  return a.first < b.first;
}

bool sameRange(const Element& a, const Element& b) {
  return a.first == b.first && a.last == b.last;
}

std::vector<Element> sorted(std::vector<Element> elements) {
  if (!std::is_sorted(elements.begin(), elements.end(), byFirst))
    std::sort(elements.begin(), elements.end(), byFirst);
  return elements;
}

// Whether elements of `added` (sorted) overlap each other or elements of `set`.
bool anyOverlap(const Set& set, const std::vector<Element>& added) {
  const auto& present = set.elements;
  const auto parts = partsOf(set.key);
  const bool boxes = set.interval && parts.size() > 1;
  const auto meets = [&](const Element& a) {
    return [&](const Element& b) { return overlap(a, b, parts); };
  };
  for (auto element = added.begin(); element != added.end(); ++element) {
    // Elements that start after the end of `element` do not overlap it. The others end in the order
    // in which they start, so checking the last one is enough. Boxes have no such order.
    const auto starts = [&](const Key& last, const Element& other) { return last < other.first; };
    const auto end = std::upper_bound(present.begin(), present.end(), element->last, starts);
    const auto from = boxes || end == present.begin() ? present.begin() : std::prev(end);
    if (std::any_of(from, end, meets(*element))) return true;
    const auto rest = std::upper_bound(element, added.end(), element->last, starts);
    if (std::any_of(std::next(element), rest, meets(*element))) return true;
  }
  return false;
}

// The table while changes are applied to it, with one method per kind of change.
class Model {
 public:
  Model(std::string name, std::optional<Ruleset> table)
      : name_(std::move(name)), table_(std::move(table)) {}

  void operator()(const AddTable&) {
    require(!table_, "add table", name_, "it exists");
    table_.emplace().table = name_;
    uses_.reset();
  }
  void operator()(const DeleteTable&) {
    require(table_.has_value(), "delete table", name_, "it does not exist");
    table_.reset();
  }
  void operator()(const AddCounter& change) {
    const bool fresh = table("add counter", change.name).counters.insert(change.name).second;
    require(fresh, "add counter", change.name, "it exists");
  }
  void operator()(const DeleteCounter& change);
  void operator()(const AddChain& change);
  void operator()(const FlushChain& change);
  void operator()(const DeleteChain& change);
  void operator()(const AddRule& change);
  void operator()(const AddSet& change);
  void operator()(const DeleteSet& change);
  void operator()(const AddElements& change);
  void operator()(const DeleteElements& change);
  void operator()(const FlushSet& change);

  std::optional<Ruleset> finish() &&;

 private:
  using Text = std::string_view;

  static void require(bool fits, Text what, Text name, Text why) {
    if (fits) return;
    throw std::invalid_argument(std::string(what) + ' ' + std::string(name) + ": " +
                                std::string(why));
  }
  static void refuse(const std::optional<std::string>& fault, Text what, Text name) {
    if (fault) require(false, what, name, *fault);
  }

  Ruleset& table(Text what, Text name) {
    require(table_.has_value(), what, name, "there is no table");
    return *table_;
  }
  Chain& chain(Text what, const std::string& name) {
    auto& chains = table(what, name).chains;
    const auto place = chains.find(name);
    require(place != chains.end(), what, name, "there is no such chain");
    return place->second;
  }
  Set& set(Text what, const std::string& name) {
    auto& sets = table(what, name).sets;
    const auto place = sets.find(name);
    require(place != sets.end(), what, name, "there is no such set or map");
    return place->second;
  }

  // Counted on first use, because most change sets only add and delete elements.
  Uses& uses() { return uses_ ? *uses_ : uses_.emplace(*table_); }
  template <class Counted>
  void count(const std::vector<Counted>& counted, int change) {
    if (!uses_) return;
    for (const Counted& one : counted) uses_->count(one, change);
  }

  std::string name_;
  std::optional<Ruleset> table_;
  std::optional<Uses> uses_;
  bool graphGrew_ = false;
};

void Model::operator()(const DeleteCounter& change) {
  const char* what = "delete counter";
  Ruleset& ruleset = table(what, change.name);
  require(ruleset.counters.contains(change.name), what, change.name, "it does not exist");
  require(!uses().ofCounter(change.name), what, change.name, "a rule still refers to it");
  ruleset.counters.erase(change.name);
}

void Model::operator()(const AddChain& change) {
  const char* what = "add chain";
  auto& chains = table(what, change.name).chains;
  const bool policyFits = !change.base || change.base->policy == Verdict::Kind::Accept ||
                          change.base->policy == Verdict::Kind::Drop;
  require(policyFits, what, change.name, "its policy must be accept or drop");
  const bool fresh = chains.try_emplace(change.name, Chain{change.name, change.base, {}}).second;
  require(fresh, what, change.name, "it exists");
}

void Model::operator()(const FlushChain& change) {
  Chain& flushed = chain("flush chain", change.name);
  count(flushed.rules, -1);
  flushed.rules.clear();
}

void Model::operator()(const DeleteChain& change) {
  const char* what = "delete chain";
  const Chain& deleted = chain(what, change.name);
  // The kernel deletes the chain's own rules first (nf_tables_delchain), so their references to the
  // chain do not count.
  uses();
  count(deleted.rules, -1);
  require(!uses().ofChain(change.name), what, change.name, "rules or elements still refer to it");
  table_->chains.erase(change.name);
}

void Model::operator()(const AddRule& change) {
  const char* what = "add rule to chain";
  Chain& grown = chain(what, change.chain);
  refuse(faultOf(change.rule, *table_), what, change.chain);
  grown.rules.push_back(change.rule);
  if (uses_) uses_->count(change.rule, 1);
  graphGrew_ = true;
}

void Model::operator()(const AddSet& change) {
  const Set& declaration = change.declaration;
  const char* what = "add set";
  auto& sets = table(what, declaration.name).sets;
  refuse(faultOf(declaration), what, declaration.name);
  require(declaration.elements.empty(), what, declaration.name,
          "its elements must be added by a separate change");
  const bool fresh = sets.try_emplace(declaration.name, declaration).second;
  require(fresh, what, declaration.name, "it exists");
}

void Model::operator()(const DeleteSet& change) {
  const char* what = "delete set";
  const Set& deleted = set(what, change.name);
  require(!uses().ofSet(change.name), what, change.name, "a rule still refers to it");
  count(deleted.elements, -1);
  table_->sets.erase(change.name);
}

void Model::operator()(const AddElements& change) {
  const char* what = "add elements to";
  Set& grown = set(what, change.set);
  require(!change.elements.empty(), what, change.set, "no elements are given");
  for (const Element& element : change.elements) {
    refuse(faultOf(element, grown), what, change.set);
    if (const auto* verdict = std::get_if<Verdict>(&element.value))
      refuse(faultOf(*verdict, *table_), what, change.set);
  }
  std::vector<Element> added = sorted(change.elements);
  require(!anyOverlap(grown, added), what, change.set,
          "an element exists, or a range overlaps another");
  require(!grown.size || grown.elements.size() + added.size() <= *grown.size, what, change.set,
          "the set is full");
  count(added, 1);
  graphGrew_ = graphGrew_ || grown.kind == Set::Kind::VerdictMap;

  auto& elements = grown.elements;
  const auto from = std::lower_bound(elements.begin(), elements.end(), added.front(), byFirst);
  const auto unmoved = from - elements.begin();
  const auto middle = static_cast<std::ptrdiff_t>(elements.size());
  elements.insert(elements.end(), std::make_move_iterator(added.begin()),
                  std::make_move_iterator(added.end()));
  std::inplace_merge(elements.begin() + unmoved, elements.begin() + middle, elements.end(),
                     byFirst);
}

void Model::operator()(const DeleteElements& change) {
  const char* what = "delete elements from";
  Set& shrunk = set(what, change.set);
  require(!change.elements.empty(), what, change.set, "no elements are given");
  const std::vector<Element> deleted = sorted(change.elements);

  auto& elements = shrunk.elements;
  auto next = deleted.begin();
  const auto goes = [&](const Element& element) {
    if (next == deleted.end() || !sameRange(element, *next)) return false;
    if (uses_) uses_->count(element, -1);
    ++next;
    return true;
  };
  const auto from = std::lower_bound(elements.begin(), elements.end(), deleted.front(), byFirst);
  // Not std::remove_if, which may call the predicate in any order: `goes` needs ascending order.
  auto kept = from;
  for (auto element = from; element != elements.end(); ++element) {
    if (goes(*element)) continue;
    if (kept != element) *kept = std::move(*element);
    ++kept;
  }
  elements.erase(kept, elements.end());
  require(next == deleted.end(), what, change.set, "an element does not exist");
}

void Model::operator()(const FlushSet& change) {
  Set& flushed = set("flush set", change.name);
  count(flushed.elements, -1);
  flushed.elements.clear();
}

std::optional<Ruleset> Model::finish() && {
  if (table_ && graphGrew_) refuse(faultOfGraph(*table_), "changes to table", name_);
  return std::move(table_);
}

}  // namespace

std::optional<Ruleset> apply(const ChangeSet& changes, std::optional<Ruleset> from) {
  if (from && from->table != changes.table)
    throw std::invalid_argument("changes to table " + changes.table + " applied to " + from->table);
  Model model(changes.table, std::move(from));
  for (const Change& change : changes.changes) std::visit(model, change);
  return std::move(model).finish();
}

}  // namespace kpol::nft
