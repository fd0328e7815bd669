// jwt_claims: copies claims of the bearer token into request headers. It decodes the token and does
// not verify it; its configuration is described in README.md.

#include "header_value.h"
#include "policy.h"
#include "proxy_wasm.h"
#include "token.h"

namespace {

using namespace jwt_claims;
using namespace proxy_wasm;

class Request : public Context {
 public:
  explicit Request(const Policy& policy) : policy_(policy) {}

  Action on_request_headers(bool /*end_of_stream*/) override {
    // First of all, whatever comes: what the upstream reads there is never the client's word.
    for (auto& rule : policy_.rules) remove_header(Map::request_headers, rule.header);
    auto authorization = header(Map::request_headers, "authorization");
    auto token = bearer_token(authorization.view());
    auto claims = claims_of(token);
    if (policy_.remove_authorization) remove_header(Map::request_headers, "authorization");
    for (auto& rule : policy_.rules) {
      auto value = claims ? header_value(*claims, rule.path) : std::nullopt;
      if (value) {
        add_header(Map::request_headers, rule.header, *value);
      } else if (rule.required) {
        return deny(rule, token.empty(), claims.has_value());
      }
    }
    if (policy_.clear_route_cache) call_foreign_function("clear_route_cache");
    return Action::go_on;
  }

 private:
  Action deny(const Rule& rule, bool no_token, bool well_formed) {
    std::string reason = no_token       ? "no bearer token"
                         : !well_formed ? "the bearer token is malformed"
                                        : "the bearer token has no usable claim " + rule.claim();
    log(LogLevel::info, "jwt_claims: 401, " + reason);
    // RFC 6750, 3.1: a request without a token is not told of an error in it.
    auto challenge = no_token ? "Bearer" : "Bearer error=\"invalid_token\"";
    send_local_response(401, "{\"error\": " + json::quoted(reason) + "}\n",
                        {{"content-type", "application/json"}, {"www-authenticate", challenge}},
                        "jwt_claims");
    return Action::pause;
  }

  const Policy& policy_;
};

class Plugin : public RootContext {
 public:
  bool on_configure(std::string_view configuration) override {
    policy_ = Policy(configuration);
    if (!policy_.error().empty()) log(LogLevel::error, "jwt_claims: " + policy_.error());
    return policy_.error().empty();
  }

  std::unique_ptr<Context> make_context() override { return std::make_unique<Request>(policy_); }

 private:
  Policy policy_;
};

}  // namespace

std::unique_ptr<RootContext> proxy_wasm::make_root() { return std::make_unique<Plugin>(); }
