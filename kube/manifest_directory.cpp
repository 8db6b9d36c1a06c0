// SPDX-License-Identifier: Apache-2.0
#include "kube/manifest_directory.hpp"

#include "base/error.hpp"
#include "kube/definitions.hpp"
#include "kube/directory_watch.hpp"
#include "kube/last_good.hpp"
#include "kube/manifest_file.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace kpol::kube {

using Severity = policy::Diagnostic::Severity;

struct ManifestDirectory::State {
  State(std::filesystem::path path, std::optional<std::filesystem::path> copies)
      : directory(std::move(path)), watch(directory) {
    std::error_code error;
    const auto names = listManifests(directory, error);
    if (error) throw base::SystemError("read directory " + directory.string(), error.value());
    if (!copies) return;
    lastGood.emplace(std::move(*copies));
    lastGood->dropAllBut(names);
  }

  std::map<std::string, ManifestFile> readChanged();
  std::set<std::string> changedNames(const DirectoryWatch::Changes& changes);
  void apply(const std::string& name, ManifestFile file);
  void keepCopy(const std::string& name, ManifestFile& file) const;
  void fallBack(const std::string& name, ManifestFile& file) const;
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const;

  std::filesystem::path directory;
  DirectoryWatch watch;
  Definitions definitions;
  std::optional<LastGood> lastGood;
  // The diagnostics of each known file; usually none.
  std::map<std::string, std::vector<policy::Diagnostic>> files;
  std::error_code listError;
  bool rescanDue = true;  // read all files: at first, and after a failed listing
};

// The names to read: those that changed, or in a rescan all that exist or were known.
std::set<std::string> ManifestDirectory::State::changedNames(
    const DirectoryWatch::Changes& changes) {
  std::set<std::string> names = changes.names;
  if (changes.rescan || rescanDue) {
    const auto listed = listManifests(directory, listError);
    rescanDue = static_cast<bool>(listError);
    names.insert(listed.begin(), listed.end());
    if (!listError) {
      for (const auto& [name, diagnostics] : files) names.insert(name);
    }
  }
  std::erase_if(names, [this](const std::string& name) {
    return !isManifestName(name) || watch.beingWritten().contains(name);
  });
  return names;
}

// An event shows that a file was complete, not that it still is: it may have been opened again
// before it was read here. So the content is used only if no write to the file is reported
// afterwards; otherwise the file is read when its writer closes it.
std::map<std::string, ManifestFile> ManifestDirectory::State::readChanged() {
  constexpr int kRounds = 16;  // then a writer never pauses; the rest stays queued
  std::map<std::string, ManifestFile> fresh;
  for (int round = 0; round < kRounds; ++round) {
    const auto changes = watch.drain();
    if (!watch.attached()) {
      // The files were removed with the directory, but that must not remove the policies.
      rescanDue = true;
      return {};
    }
    for (const std::string& name : watch.beingWritten()) fresh.erase(name);
    const auto names = changedNames(changes);
    if (names.empty()) break;
    for (const std::string& name : names) {
      fresh.insert_or_assign(name, readManifestFile(directory, name));
    }
  }
  return fresh;
}

// Updates the copy if the file is valid, and removes it if the file was removed.
void ManifestDirectory::State::keepCopy(const std::string& name, ManifestFile& file) const {
  try {
    if (file.gone)
      lastGood->drop(name);
    else if (file.objects)
      lastGood->keep(name, file.text);
  } catch (const base::SystemError& error) {
    file.diagnostics.push_back(
        {Severity::Warning,
         {},
         {},
         name + ": cannot store a copy for use if the file becomes invalid: " + error.what()});
  }
}

// A file that is invalid when first read keeps the objects it had before the restart.
void ManifestDirectory::State::fallBack(const std::string& name, ManifestFile& file) const {
  auto copy = lastGood->text(name);
  if (!copy) return;
  auto before = decodeManifestFile(std::move(*copy), name);
  if (!before.objects) return;
  file.objects = std::move(before.objects);
  file.diagnostics.push_back(
      {Severity::Warning, {}, {}, name + ": is invalid, its last valid version stays in effect"});
}

void ManifestDirectory::State::apply(const std::string& name, ManifestFile file) {
  if (lastGood) keepCopy(name, file);
  if (lastGood && !file.gone && !file.objects && !files.contains(name)) fallBack(name, file);
  if (file.gone) {
    files.erase(name);
    definitions.replace(name, {});
    return;
  }
  files.insert_or_assign(name, std::move(file.diagnostics));
  if (file.objects) definitions.replace(name, std::move(*file.objects));
}

std::vector<policy::Diagnostic> ManifestDirectory::State::diagnostics() const {
  std::vector<policy::Diagnostic> result = definitions.conflicts();
  for (const auto& [name, diagnostics] : files) {
    result.insert(result.end(), diagnostics.begin(), diagnostics.end());
  }
  if (!watch.attached()) {
    result.push_back({Severity::Error,
                      {},
                      {},
                      directory.string() + ": is no longer a directory, its last objects stay "
                                           "in effect"});
  } else if (listError) {
    result.push_back({Severity::Error,
                      {},
                      {},
                      directory.string() + ": cannot be listed, its last objects stay in effect: " +
                          listError.message()});
  }
  std::ranges::sort(result);
  return result;
}

ManifestDirectory::ManifestDirectory(std::filesystem::path directory,
                                     std::optional<std::filesystem::path> lastGood)
    : state_(std::make_unique<State>(std::move(directory), std::move(lastGood))) {}
ManifestDirectory::~ManifestDirectory() = default;
ManifestDirectory::ManifestDirectory(ManifestDirectory&&) noexcept = default;
ManifestDirectory& ManifestDirectory::operator=(ManifestDirectory&&) noexcept = default;

int ManifestDirectory::fd() const {
  return state_->watch.fd();
}

ManifestDirectory::Update ManifestDirectory::read() {
  for (auto& [name, file] : state_->readChanged()) state_->apply(name, std::move(file));
  return {state_->definitions.takeEvents(), state_->diagnostics()};
}

}  // namespace kpol::kube
