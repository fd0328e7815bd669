// tcp_counter: counts connections and their bytes, tells of each at its end, and closes those that
// send more than the configuration allows. What it counts is described in README.md.

#include "json.h"
#include "proxy_wasm.h"

namespace {

using namespace proxy_wasm;

struct Limits {
  uint64_t max_downstream_bytes = UINT64_MAX;
};

// What to say about a configuration that is refused, "" if it is good.
std::string read_limits(std::string_view configuration, Limits& limits) {
  if (configuration.empty()) return "";
  json::Reader reader(configuration);
  auto document = reader.read();
  if (reader.failed()) return reader.error();
  if (document.kind != json::Kind::table) return "the configuration: expected an object";
  for (auto& [key, value] : document.table) {
    if (key != "max_downstream_bytes") {
      return "the configuration: unknown key '" + key + "': expected max_downstream_bytes";
    }
    auto& digits = value.text;
    if (value.kind != json::Kind::number || digits.size() > 18 ||
        digits.find_first_not_of("0123456789") != digits.npos) {
      return key + ": expected a whole number, 0 or above";
    }
    limits.max_downstream_bytes = std::strtoull(digits.c_str(), nullptr, 10);
  }
  return "";
}

struct Metrics {
  Metric downstream_bytes{MetricType::counter, "tcp_counter.downstream_bytes"};
  Metric upstream_bytes{MetricType::counter, "tcp_counter.upstream_bytes"};
  Metric connections{MetricType::counter, "tcp_counter.connections"};
  Metric active{MetricType::gauge, "tcp_counter.active"};
};

class Connection : public Context {
 public:
  Connection(const Limits& limits, const Metrics& metrics) : limits_(limits), metrics_(metrics) {}

  Action on_new_connection() override {
    metrics_.connections.add(1);
    metrics_.active.add(1);
    return Action::go_on;
  }

  Action on_downstream_data(size_t size, bool end_of_stream) override {
    downstream_ += size;
    if (size > 0) metrics_.downstream_bytes.add(size);
    if (downstream_ > limits_.max_downstream_bytes) {
      ended_by("tcp_counter: more than " + std::to_string(limits_.max_downstream_bytes) + " bytes");
      close_stream(Stream::downstream);
    } else if (end_of_stream) {
      ended_by("the client");
    }
    return Action::go_on;
  }

  Action on_upstream_data(size_t size, bool end_of_stream) override {
    upstream_ += size;
    if (size > 0) metrics_.upstream_bytes.add(size);
    if (end_of_stream) ended_by("the upstream");
    return Action::go_on;
  }

  // Where neither side has ended its stream, the connection was cut. The host says of which side of
  // the client's socket, no more.
  void on_downstream_close(Peer who) override {
    ended_by(who == Peer::remote ? "a reset of the client" : "a reset of the upstream, or Envoy");
  }

  void on_log() override {
    log(LogLevel::info, "connection from " + property({"source", "address"}).text() +
                            ": " + std::to_string(downstream_) + " bytes from downstream, " +
                            std::to_string(upstream_) + " from upstream, closed by " + closer_);
  }

  void on_done() override { metrics_.active.add(-1); }

 private:
  void ended_by(std::string_view who) {
    if (closer_.empty()) closer_ = who;
  }

  const Limits& limits_;
  const Metrics& metrics_;
  uint64_t downstream_ = 0;
  uint64_t upstream_ = 0;
  std::string closer_;  // whoever ended first
};

class Counter : public RootContext {
 public:
  bool on_configure(std::string_view configuration) override {
    auto problem = read_limits(configuration, limits_);
    if (!problem.empty()) log(LogLevel::error, "tcp_counter: " + problem);
    return problem.empty();
  }

  std::unique_ptr<Context> make_context() override {
    return std::make_unique<Connection>(limits_, metrics_);
  }

 private:
  Limits limits_;
  Metrics metrics_;
};

}  // namespace

std::unique_ptr<RootContext> proxy_wasm::make_root() { return std::make_unique<Counter>(); }
