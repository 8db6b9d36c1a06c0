// SPDX-License-Identifier: Apache-2.0
#include "controller/refusal.hpp"

#include "policy/profile.hpp"

#include <set>
#include <string>
#include <variant>

namespace kpol::controller {
namespace {

// Collects the names of the table's objects that a change concerns: the changed object, and the
// chains that its elements lead to.
struct Names {
  void operator()(const nft::AddTable&) {}
  void operator()(const nft::DeleteTable&) {}
  void operator()(const nft::AddCounter& change) { names.insert(change.name); }
  void operator()(const nft::DeleteCounter& change) { names.insert(change.name); }
  void operator()(const nft::AddChain& change) { names.insert(change.name); }
  void operator()(const nft::FlushChain& change) { names.insert(change.name); }
  void operator()(const nft::DeleteChain& change) { names.insert(change.name); }
  void operator()(const nft::AddRule& change) { names.insert(change.chain); }
  void operator()(const nft::AddSet& change) { names.insert(change.declaration.name); }
  void operator()(const nft::DeleteSet& change) { names.insert(change.name); }
  void operator()(const nft::FlushSet& change) { names.insert(change.name); }
  void operator()(const nft::AddElements& change) {
    names.insert(change.set);
    for (const auto& element : change.elements)
      if (const auto* verdict = std::get_if<nft::Verdict>(&element.value))
        names.insert(verdict->chain);
  }
  void operator()(const nft::DeleteElements& change) { names.insert(change.set); }

  std::set<std::string> names;
};

void addProfiles(const policy::Engine& engine, const std::string& object,
                 BlastRadius::Profiles& profiles) {
  for (const auto& profile : engine.profilesWith(object)) profiles.insert(profile);
}

std::string nameOf(const nft::Change& change) {
  Names own;
  if (const auto* added = std::get_if<nft::AddElements>(&change)) return added->set;
  std::visit(own, change);
  return own.names.empty() ? std::string() : *own.names.begin();
}

std::string podsText(const std::vector<base::ObjectKey>& pods) {
  constexpr std::size_t kNamed = 3;
  std::string text;
  for (std::size_t i = 0; i < pods.size() && i < kNamed; ++i)
    text += (i == 0 ? "" : ", ") + toString(pods[i]);
  if (pods.size() > kNamed) text += " and " + std::to_string(pods.size() - kNamed) + " more";
  return text;
}

// What it means that a profile denies everything.
std::string effectText(const policy::Engine& engine, const std::string& profile) {
  const bool ingress = engine.directionOf(profile) == policy::Direction::Ingress;
  return std::string("no packet ") + (ingress ? "reaches " : "leaves ") +
         podsText(engine.podsOf(profile));
}

policy::Diagnostic about(const base::ObjectKey& policy, const std::string& message) {
  return {policy::Diagnostic::Severity::Error, "NetworkPolicy " + toString(policy), "", message};
}

}  // namespace

BlastRadius::Refusal refusalOf(const nft::Rejected& rejected, const nft::ChangeSet& changes,
                               const policy::Engine& engine) {
  BlastRadius::Refusal refusal{rejected.message, {}, {}};
  if (rejected.change)
    addProfiles(engine, nameOf(changes.changes[*rejected.change]), refusal.concerned);
  if (!refusal.concerned.empty()) return refusal;
  Names touched;
  for (const auto& change : changes.changes) std::visit(touched, change);
  for (const auto& name : touched.names) addProfiles(engine, name, refusal.changed);
  return refusal;
}

std::vector<policy::Diagnostic> diagnosticsOf(const BlastRadius& radius,
                                              const policy::Engine& engine) {
  std::vector<policy::Diagnostic> all;
  for (const auto& [profile, why] : radius.blamed()) {
    const auto what =
        "the kernel rejects it, so until it is changed " + effectText(engine, profile) + ": " + why;
    for (const auto& policy : engine.policiesOf(profile)) all.push_back(about(policy, what));
  }
  return all;
}

std::vector<policy::Diagnostic> oversizedDiagnostics(const policy::Engine& engine) {
  std::vector<policy::Diagnostic> all;
  for (const auto& profile : engine.oversizedProfiles()) {
    const auto policies = engine.policiesOf(profile);
    const auto what = "the policies that select the same pods (" + std::to_string(policies.size()) +
                      ") need more than " + std::to_string(policy::kMostProfileEntries) +
                      " entries, so until they have fewer rules with different ports or peers " +
                      effectText(engine, profile);
    for (std::size_t i = 0; i < policies.size() && i < kMostNamedPolicies; ++i)
      all.push_back(about(policies[i], what));
  }
  return all;
}

}  // namespace kpol::controller
