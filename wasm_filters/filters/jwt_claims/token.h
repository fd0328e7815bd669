// What is in a bearer token. Nothing here verifies it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json.h"

namespace jwt_claims {

// The token of an authorization header (RFC 6750, 2.1), "" if it is of another scheme.
inline std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() < scheme.size()) return "";
  for (size_t i = 0; i < scheme.size(); ++i) {
    char one = authorization[i];
    if ((one >= 'A' && one <= 'Z' ? one + ' ' : one) != scheme[i]) return "";
  }
  auto start = authorization.find_first_not_of(' ', scheme.size());
  return start == authorization.npos ? "" : authorization.substr(start);
}

// base64url without padding (RFC 7515, 2), nothing if it is not that.
inline std::optional<std::string> decoded(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  unsigned held = 0;
  int bits = 0;
  for (char one : text) {
    auto digit = digits.find(one);
    if (digit == digits.npos) return std::nullopt;
    held = held << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits >= 8) bytes.push_back(static_cast<char>(held >> (bits -= 8)));
  }
  return bytes;
}

// The claims of a token in the compact form HEADER.CLAIMS.SIGNATURE, nothing if it is malformed.
inline std::optional<json::Value> claims_of(std::string_view token) {
  auto first = token.find('.');
  if (first == token.npos) return std::nullopt;
  auto second = token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  auto payload = decoded(token.substr(first + 1, second - first - 1));
  if (!payload) return std::nullopt;
  json::Reader reader(*payload);
  auto claims = reader.read();
  if (reader.failed() || claims.kind != json::Kind::table) return std::nullopt;
  return claims;
}

}  // namespace jwt_claims
