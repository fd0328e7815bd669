// What the configuration asks for, checked once when the filter is configured.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "json.h"

namespace jwt_claims {

// A claim, and the header that it goes into.
struct Rule {
  std::vector<std::string> path;  // one key per level
  std::string header;             // in lower case
  bool required = false;

  std::string claim() const {
    std::string joined;
    for (auto& key : path) joined += (joined.empty() ? "" : ".") + key;
    return joined;
  }
};

class Policy {
 public:
  std::vector<Rule> rules;
  bool remove_authorization = false;
  bool clear_route_cache = false;

  // Nothing is read after the first thing that is wrong.
  explicit Policy(std::string_view source = "") {
    if (source.empty()) return;
    json::Reader reader(source);
    auto document = reader.read();
    error_ = reader.error();
    if (error_.empty()) fill(document);
  }

  // What is wrong and where, "" if nothing is.
  const std::string& error() const { return error_; }

 private:
  void fill(const json::Value& document) {
    if (!is_table(document, "the configuration",
                  {"claims", "remove_authorization", "clear_route_cache"})) {
      return;
    }
    fill_switch(remove_authorization, document, "remove_authorization", "");
    fill_switch(clear_route_cache, document, "clear_route_cache", "");
    auto claims = document.find("claims");
    if (!claims) return;
    if (claims->kind != json::Kind::list) return refuse("claims", "a list");
    for (size_t i = 0; i < claims->list.size() && error_.empty(); ++i) {
      fill_rule(claims->list[i], "claims[" + std::to_string(i) + "]");
    }
  }

  void fill_rule(const json::Value& value, const std::string& place) {
    if (!is_table(value, place, {"claim", "header", "required"})) return;
    Rule rule;
    fill_path(rule.path, value.find("claim"), place + ".claim");
    fill_header(rule.header, value.find("header"), place + ".header");
    fill_switch(rule.required, value, "required", place + ".");
    rules.push_back(rule);
  }

  // "realm_access.roles", or a list of keys for those with dots in them.
  void fill_path(std::vector<std::string>& path, const json::Value* value, const std::string& place) {
    if (value && value->kind == json::Kind::text) {
      for (size_t start = 0, dot = 0; dot != std::string::npos; start = dot + 1) {
        dot = value->text.find('.', start);
        path.push_back(value->text.substr(start, dot - start));
      }
    } else if (value && value->kind == json::Kind::list) {
      for (auto& key : value->list) {
        if (key.kind != json::Kind::text) return refuse(place, "strings");
        path.push_back(key.text);
      }
    }
    for (auto& key : path) {
      if (key.empty()) return refuse(place, "no empty name");
    }
    if (path.empty()) refuse(place, "a string, or a list of strings");
  }

  void fill_header(std::string& header, const json::Value* value, const std::string& place) {
    if (!value || value->kind != json::Kind::text) return refuse(place, "a string");
    for (char one : value->text) header.push_back(one >= 'A' && one <= 'Z' ? one + ' ' : one);
    if (header.empty() || header.find_first_not_of(name_characters) != header.npos) {
      return refuse(place, "a header's name");
    }
    if (header == "host" || header == "authorization") refuse(place, "a header of your own");
    for (auto& rule : rules) {
      if (rule.header == header) refuse(place, "each header once");
    }
  }

  void fill_switch(bool& value, const json::Value& table, std::string_view key,
                   const std::string& place) {
    auto found = table.find(key);
    if (!found) return;
    if (found->kind != json::Kind::boolean) refuse(place + std::string(key), "true or false");
    value = found->text == "true";
  }

  bool is_table(const json::Value& value, const std::string& place,
                const std::vector<std::string>& keys) {
    if (value.kind != json::Kind::table) return refuse(place, "an object"), false;
    for (auto& [key, ignored] : value.table) {
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      std::string known;
      for (auto& each : keys) known += (known.empty() ? "" : ", ") + each;
      return refuse(place + ": unknown key '" + key + "'", "one of " + known), false;
    }
    return true;
  }

  void refuse(const std::string& place, const std::string& wanted) {
    if (error_.empty()) error_ = place + ": expected " + wanted;
  }

  // RFC 9110, 5.6.2: token
  static constexpr std::string_view name_characters =
      "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
  std::string error_;
};

}  // namespace jwt_claims
