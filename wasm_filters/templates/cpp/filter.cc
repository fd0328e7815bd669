// A Proxy-Wasm filter that marks each response with a header.

#include "proxy_wasm.h"

namespace {

using namespace proxy_wasm;

// One request and its response.
class Request : public Context {
 public:
  explicit Request(const std::string& mark) : mark_(mark) {}

  Action on_response_headers(bool) override {
    replace_header(Map::response_headers, "x-filter", mark_);
    return Action::go_on;
  }

 private:
  std::string mark_;
};

// The plugin: one per worker. Its configuration is the header's value.
class Plugin : public RootContext {
 public:
  bool on_configure(std::string_view configuration) override {
    if (!configuration.empty()) mark_ = configuration;
    log(LogLevel::info, "marks responses with " + mark_);
    return true;
  }

  std::unique_ptr<Context> make_context() override { return std::make_unique<Request>(mark_); }

 private:
  std::string mark_ = "{{name}}";
};

}  // namespace

std::unique_ptr<RootContext> proxy_wasm::make_root() { return std::make_unique<Plugin>(); }
