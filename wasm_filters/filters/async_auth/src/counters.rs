//! Three counters: `async_auth.allowed`, `async_auth.denied` and `async_auth.failed`.

use log::warn;
use proxy_wasm::hostcalls::{define_metric, increment_metric};
use proxy_wasm::types::MetricType;

#[derive(Clone, Copy)]
pub struct Counter(Option<u32>);

#[derive(Clone, Copy)]
pub struct Counters {
    pub allowed: Counter,
    pub denied: Counter,
    pub failed: Counter,
}

impl Counters {
    pub fn define() -> Counters {
        Counters {
            allowed: Counter::define("allowed"),
            denied: Counter::define("denied"),
            failed: Counter::define("failed"),
        }
    }
}

impl Counter {
    /// One that the host does not define counts nothing, and a log says so.
    fn define(name: &str) -> Counter {
        let defined = define_metric(MetricType::Counter, &format!("async_auth.{name}"));
        Counter(
            defined
                .inspect_err(|status| warn!("async_auth: no metric {name}: {status:?}"))
                .ok(),
        )
    }

    pub fn count(self) {
        if let Some(Err(status)) = self.0.map(|id| increment_metric(id, 1)) {
            warn!("async_auth: a metric is lost: {status:?}");
        }
    }
}
