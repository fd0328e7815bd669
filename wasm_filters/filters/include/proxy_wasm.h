// Proxy-Wasm for filters in C++: the ABI 0.2.1 as declarations, and the little that makes it
// pleasant. It is not the official proxy-wasm-cpp-sdk, which needs Bazel and Emscripten or a
// wasi-sdk: one header that any clang for wasm32-wasi compiles, with the same ideas (a root context
// per plugin, a context per request or connection, host memory that frees itself).
//
// A filter defines make_root() and derives from RootContext and Context; what it does not override
// lets everything pass. Include the header in as many files as you like. Left out until a filter
// needs them: gRPC calls, shared data and queues, metadata, trailers' callbacks.
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
#pragma once

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace proxy_wasm {

enum class Status : int32_t { ok, not_found, bad_argument, serialization_failure, parse_failure };
enum class LogLevel : int32_t { trace, debug, info, warn, error, critical };
enum class Map : int32_t { request_headers, request_trailers, response_headers, response_trailers };
enum class Buffer : int32_t {
  request_body, response_body, downstream_data, upstream_data, call_body, grpc_message,
  vm_configuration, plugin_configuration,
};
enum class Stream : int32_t { request, response, downstream, upstream };
enum class Peer : int32_t { unknown, local, remote };
enum class MetricType : int32_t { counter, gauge, histogram };
enum class Action : int32_t { go_on, pause };

using Headers = std::vector<std::pair<std::string, std::string>>;

// The ABI's imports, as the specification spells them.
namespace abi {
#define PROXY_WASM_IMPORT(name) \
  extern "C" __attribute__((import_module("env"), import_name(#name))) Status name
PROXY_WASM_IMPORT(proxy_log)(LogLevel, const char*, size_t);
PROXY_WASM_IMPORT(proxy_get_header_map_value)(Map, const char*, size_t, char**, size_t*);
PROXY_WASM_IMPORT(proxy_add_header_map_value)(Map, const char*, size_t, const char*, size_t);
PROXY_WASM_IMPORT(proxy_replace_header_map_value)(Map, const char*, size_t, const char*, size_t);
PROXY_WASM_IMPORT(proxy_remove_header_map_value)(Map, const char*, size_t);
PROXY_WASM_IMPORT(proxy_get_buffer_bytes)(Buffer, size_t, size_t, char**, size_t*);
PROXY_WASM_IMPORT(proxy_set_buffer_bytes)(Buffer, size_t, size_t, const char*, size_t);
PROXY_WASM_IMPORT(proxy_get_property)(const char*, size_t, char**, size_t*);
PROXY_WASM_IMPORT(proxy_continue_stream)(Stream);
PROXY_WASM_IMPORT(proxy_close_stream)(Stream);
PROXY_WASM_IMPORT(proxy_send_local_response)
(uint32_t, const char*, size_t, const char*, size_t, const char*, size_t, int32_t);
PROXY_WASM_IMPORT(proxy_call_foreign_function)
(const char*, size_t, const char*, size_t, char**, size_t*);
PROXY_WASM_IMPORT(proxy_define_metric)(MetricType, const char*, size_t, uint32_t*);
PROXY_WASM_IMPORT(proxy_increment_metric)(uint32_t, int64_t);
PROXY_WASM_IMPORT(proxy_record_metric)(uint32_t, uint64_t);
PROXY_WASM_IMPORT(proxy_set_tick_period_milliseconds)(uint32_t);
#undef PROXY_WASM_IMPORT
}  // namespace abi

// Bytes that the host put into memory it asked our allocator for: ours to free. False when the host
// had nothing to give (no such header, no such property), which an empty value is not.
class Bytes {
 public:
  Bytes() = default;
  Bytes(Bytes&& other) noexcept
      : status_(other.status_), data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Bytes& operator=(Bytes&&) = delete;
  ~Bytes() { std::free(data_); }

  // What call(address, size) says it put there.
  template <typename Call>
  static Bytes from(Call call) {
    Bytes bytes;
    bytes.status_ = call(&bytes.data_, &bytes.size_);
    return bytes;
  }

  explicit operator bool() const { return status_ == Status::ok; }
  Status status() const { return status_; }
  std::string_view view() const { return {data_, size_}; }
  std::string text() const { return std::string(view()); }

 private:
  Status status_ = Status::not_found;
  char* data_ = nullptr;
  size_t size_ = 0;
};

inline void log(LogLevel level, std::string_view message) {
  abi::proxy_log(level, message.data(), message.size());
}

inline Bytes header(Map map, std::string_view name) {
  return Bytes::from([&](char** data, size_t* size) {
    return abi::proxy_get_header_map_value(map, name.data(), name.size(), data, size);
  });
}
inline Status add_header(Map map, std::string_view name, std::string_view value) {
  return abi::proxy_add_header_map_value(map, name.data(), name.size(), value.data(), value.size());
}
inline Status replace_header(Map map, std::string_view name, std::string_view value) {
  return abi::proxy_replace_header_map_value(map, name.data(), name.size(), value.data(),
                                             value.size());
}
inline Status remove_header(Map map, std::string_view name) {
  return abi::proxy_remove_header_map_value(map, name.data(), name.size());
}

inline Bytes buffer(Buffer kind, size_t start = 0, size_t size = SIZE_MAX) {
  return Bytes::from([&](char** data, size_t* found) {
    return abi::proxy_get_buffer_bytes(kind, start, size, data, found);
  });
}
// Envoy: start 0 replaces the first size bytes, start at or past the end appends, else bad_argument.
inline Status set_buffer(Buffer kind, size_t start, size_t size, std::string_view data) {
  return abi::proxy_set_buffer_bytes(kind, start, size, data.data(), data.size());
}

// The property at this path, such as {"source", "address"}: text, or a number's 8 bytes.
inline Bytes property(std::initializer_list<std::string_view> path) {
  std::string joined;
  for (auto part : path) joined.append(joined.empty() ? "" : std::string(1, '\0')).append(part);
  return Bytes::from([&](char** data, size_t* size) {
    return abi::proxy_get_property(joined.data(), joined.size(), data, size);
  });
}

inline Bytes call_foreign_function(std::string_view name, std::string_view argument = {}) {
  return Bytes::from([&](char** data, size_t* size) {
    return abi::proxy_call_foreign_function(name.data(), name.size(), argument.data(),
                                            argument.size(), data, size);
  });
}

inline Status continue_stream(Stream stream) { return abi::proxy_continue_stream(stream); }
inline Status close_stream(Stream stream) { return abi::proxy_close_stream(stream); }

// Headers as the ABI serialises them: how many, the sizes, then names and values, each NUL-ended.
inline std::string serialized(const Headers& headers) {
  std::string bytes;
  auto number = [&](size_t value) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(value >> shift));
  };
  number(headers.size());
  for (auto& [name, value] : headers) number(name.size()), number(value.size());
  for (auto& [name, value] : headers) bytes.append(name.c_str(), name.size() + 1)
                                           .append(value.c_str(), value.size() + 1);
  return bytes;
}

// Answer the request here; it goes no further once the callback has answered Action::pause.
inline void send_local_response(uint32_t status, std::string_view body, const Headers& headers = {},
                                std::string_view details = {}) {
  auto fields = serialized(headers);
  abi::proxy_send_local_response(status, details.data(), details.size(), body.data(), body.size(),
                                 fields.data(), fields.size(), -1);
}

// A number in Envoy's statistics, under wasmcustom.NAME, shared by all workers.
class Metric {
 public:
  Metric(MetricType type, std::string_view name) {
    abi::proxy_define_metric(type, name.data(), name.size(), &id_);
  }
  // A counter takes what is above 0 only; Envoy refuses the rest.
  void add(int64_t delta) const { abi::proxy_increment_metric(id_, delta); }
  void record(uint64_t value) const { abi::proxy_record_metric(id_, value); }

 private:
  uint32_t id_ = 0;
};

// One request, or one connection.
class Context {
 public:
  virtual ~Context() = default;

  virtual Action on_request_headers(bool /*end_of_stream*/) { return Action::go_on; }
  virtual Action on_request_body(size_t /*size*/, bool /*end_of_stream*/) { return Action::go_on; }
  virtual Action on_response_headers(bool /*end_of_stream*/) { return Action::go_on; }
  virtual Action on_response_body(size_t /*size*/, bool /*end_of_stream*/) { return Action::go_on; }

  virtual Action on_new_connection() { return Action::go_on; }
  virtual Action on_downstream_data(size_t /*size*/, bool /*end_of_stream*/) {
    return Action::go_on;
  }
  virtual void on_downstream_close(Peer /*who*/) {}
  virtual Action on_upstream_data(size_t /*size*/, bool /*end_of_stream*/) { return Action::go_on; }
  virtual void on_upstream_close(Peer /*who*/) {}

  virtual void on_log() {}
  virtual void on_done() {}
};

// One plugin: its configuration, and where its contexts come from.
class RootContext {
 public:
  virtual ~RootContext() = default;
  // False refuses the configuration: Envoy then rejects the whole listener, so log why.
  virtual bool on_configure(std::string_view /*configuration*/) { return true; }
  virtual void on_tick() {}
  virtual std::unique_ptr<Context> make_context() = 0;
};

// The filter defines this one.
std::unique_ptr<RootContext> make_root();

// By the ids that the host gives. A callback for an id that is not there has come after a delete.
inline std::unordered_map<uint32_t, std::unique_ptr<RootContext>> roots;
inline std::unordered_map<uint32_t, std::unique_ptr<Context>> contexts;

template <typename Call>
Action in_context(uint32_t id, Call call) {
  auto found = contexts.find(id);
  return found == contexts.end() ? Action::go_on : call(*found->second);
}
template <typename Call>
void tell_context(uint32_t id, Call call) {
  if (auto found = contexts.find(id); found != contexts.end()) call(*found->second);
}

// The ABI's exports.
#define PROXY_WASM_EXPORT(name) \
  extern "C" inline __attribute__((used, export_name(#name)))
PROXY_WASM_EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1() {}
PROXY_WASM_EXPORT(proxy_on_memory_allocate) void* proxy_on_memory_allocate(size_t size) {
  return std::malloc(size);
}
PROXY_WASM_EXPORT(proxy_on_vm_start) bool proxy_on_vm_start(uint32_t, uint32_t) { return true; }
PROXY_WASM_EXPORT(proxy_on_context_create) void proxy_on_context_create(uint32_t id, uint32_t root) {
  if (root == 0) {
    roots[id] = make_root();
  } else if (auto found = roots.find(root); found != roots.end()) {
    contexts[id] = found->second->make_context();
  }
}
PROXY_WASM_EXPORT(proxy_on_configure) bool proxy_on_configure(uint32_t root, uint32_t) {
  return roots[root]->on_configure(buffer(Buffer::plugin_configuration).view());
}
PROXY_WASM_EXPORT(proxy_on_tick) void proxy_on_tick(uint32_t root) { roots[root]->on_tick(); }
PROXY_WASM_EXPORT(proxy_on_request_headers)
Action proxy_on_request_headers(uint32_t id, uint32_t, bool end) {
  return in_context(id, [=](Context& it) { return it.on_request_headers(end); });
}
PROXY_WASM_EXPORT(proxy_on_request_body)
Action proxy_on_request_body(uint32_t id, uint32_t size, bool end) {
  return in_context(id, [=](Context& it) { return it.on_request_body(size, end); });
}
PROXY_WASM_EXPORT(proxy_on_response_headers)
Action proxy_on_response_headers(uint32_t id, uint32_t, bool end) {
  return in_context(id, [=](Context& it) { return it.on_response_headers(end); });
}
PROXY_WASM_EXPORT(proxy_on_response_body)
Action proxy_on_response_body(uint32_t id, uint32_t size, bool end) {
  return in_context(id, [=](Context& it) { return it.on_response_body(size, end); });
}
PROXY_WASM_EXPORT(proxy_on_new_connection) Action proxy_on_new_connection(uint32_t id) {
  return in_context(id, [](Context& it) { return it.on_new_connection(); });
}
PROXY_WASM_EXPORT(proxy_on_downstream_data)
Action proxy_on_downstream_data(uint32_t id, uint32_t size, bool end) {
  return in_context(id, [=](Context& it) { return it.on_downstream_data(size, end); });
}
PROXY_WASM_EXPORT(proxy_on_downstream_connection_close)
void proxy_on_downstream_connection_close(uint32_t id, Peer who) {
  tell_context(id, [=](Context& it) { it.on_downstream_close(who); });
}
PROXY_WASM_EXPORT(proxy_on_upstream_data)
Action proxy_on_upstream_data(uint32_t id, uint32_t size, bool end) {
  return in_context(id, [=](Context& it) { return it.on_upstream_data(size, end); });
}
PROXY_WASM_EXPORT(proxy_on_upstream_connection_close)
void proxy_on_upstream_connection_close(uint32_t id, Peer who) {
  tell_context(id, [=](Context& it) { it.on_upstream_close(who); });
}
PROXY_WASM_EXPORT(proxy_on_log) void proxy_on_log(uint32_t id) {
  tell_context(id, [](Context& it) { it.on_log(); });
}
PROXY_WASM_EXPORT(proxy_on_done) bool proxy_on_done(uint32_t id) {
  tell_context(id, [](Context& it) { it.on_done(); });
  return true;
}
PROXY_WASM_EXPORT(proxy_on_delete) void proxy_on_delete(uint32_t id) {
  contexts.erase(id);
  roots.erase(id);
}
#undef PROXY_WASM_EXPORT

}  // namespace proxy_wasm
