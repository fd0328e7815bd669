// A claim as a header's value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json.h"

namespace jwt_claims {

// One that would end the header and start another is no value.
inline bool fits_in_a_header(std::string_view text) {
  for (unsigned char one : text) {
    if (one < ' ' || one == 0x7f) return false;
  }
  return true;
}

inline std::optional<std::string> scalar(const json::Value& value) {
  bool has_text = value.kind == json::Kind::text || value.kind == json::Kind::number ||
                  value.kind == json::Kind::boolean;
  if (!has_text || !fits_in_a_header(value.text)) return std::nullopt;
  return value.text;
}

// Joined by commas; nothing if a member has a comma of its own, since ["user,admin"] would then read
// as two roles.
inline std::optional<std::string> joined(const std::vector<json::Value>& list) {
  std::string all;
  for (auto& member : list) {
    auto one = scalar(member);
    if (!one || one->find(',') != one->npos) return std::nullopt;
    if (&member != &list.front()) all += ',';
    all += *one;
  }
  return all;
}

// The value of the claim at this path, nothing if there is none that a header can hold.
inline std::optional<std::string> header_value(const json::Value& claims,
                                               const std::vector<std::string>& path) {
  const json::Value* value = &claims;
  for (auto& key : path) {
    value = value->find(key);
    if (!value) return std::nullopt;
  }
  return value->kind == json::Kind::list ? joined(value->list) : scalar(*value);
}

}  // namespace jwt_claims
