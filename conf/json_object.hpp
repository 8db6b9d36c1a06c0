// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "conf/cni_version.hpp"
#include "conf/config_error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Helpers to read JSON with errors that name the field. Private to conf/: not included elsewhere,
// nor by the public headers of conf/.
namespace kpol::conf {

using Json = nlohmann::json;

// The longest text in a network config or a plugin's result: PATH_MAX. Names have smaller bounds.
inline constexpr std::size_t kLongestText = 4096;

// Throws ConfigError without a field: "<what> is not JSON: …", also if it is nested too deep.
Json parseJson(std::string_view text, std::string_view what);

// Throws ConfigError: "<path>: must be <expected>, not <found>".
[[noreturn]] void refuse(const std::string& path, std::string_view expected, const Json& found);

struct IntegerBounds {
  std::int64_t least;
  std::int64_t most;
};

// A JSON object and its path. A field that is absent or null counts as not given. A field of a
// wrong type throws ConfigError. Field names are matched exactly, else case-insensitively like Go's
// encoding/json, because producers rely on that. The object keeps a pointer to the JSON value,
// which must outlive it.
class JsonObject {
 public:
  // Throws ConfigError if `json` is not an object.
  explicit JsonObject(const Json& json, std::string path = {});

  [[nodiscard]] std::string pathOf(std::string_view key) const;
  [[nodiscard]] const Json* find(std::string_view key) const;  // nullptr: not given

  [[nodiscard]] std::optional<JsonObject> object(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> optionalString(std::string_view key) const;
  [[nodiscard]] std::string string(std::string_view key) const;  // required, not empty
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key,
                                                    IntegerBounds bounds) const;
  [[nodiscard]] std::vector<std::string> strings(std::string_view key) const;
  [[nodiscard]] std::optional<base::IpAddress> address(std::string_view key) const;
  [[nodiscard]] base::IfName interface(std::string_view key) const;  // required

  // Calls take(element, path) for each element of the array `key`, if the field is given.
  template <typename Take>
  void each(std::string_view key, Take take) const {
    const Json* array = find(key);
    if (array == nullptr) return;
    forEach(*array, pathOf(key), take);
  }

  template <typename Take>
  static void forEach(const Json& array, const std::string& path, Take take) {
    if (!array.is_array()) refuse(path, "an array", array);
    for (std::size_t i = 0; i < array.size(); ++i)
      take(array[i], path + "[" + std::to_string(i) + "]");
  }

 private:
  const Json* json_;
  std::string path_;
};

// At most kLongestText bytes.
std::string stringAt(const Json& json, const std::string& path);
base::IpAddress addressAt(const Json& json, const std::string& path);

// Like versionOf() in conf/cni_version.hpp, but for a parsed config.
CniVersion versionOf(const JsonObject& networkConfig);

}  // namespace kpol::conf
