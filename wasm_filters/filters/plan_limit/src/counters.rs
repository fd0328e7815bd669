//! Two counters for each plan: `plan_limit.PLAN.allowed` and `plan_limit.PLAN.limited`.

use std::collections::BTreeMap;

use log::warn;
use proxy_wasm::hostcalls::{define_metric, increment_metric};
use proxy_wasm::types::{MetricType, Status};

pub struct Counters(BTreeMap<String, Pair>);

struct Pair {
    allowed: u32,
    limited: u32,
}

impl Counters {
    /// A counter that the host does not define is left out, and a log says so.
    pub fn define<'a>(plans: impl Iterator<Item = &'a String>) -> Counters {
        let defined = plans.filter_map(|plan| match Pair::define(plan) {
            Ok(pair) => Some((plan.clone(), pair)),
            Err(status) => {
                warn!("plan_limit: no metrics of plan {plan}: {status:?}");
                None
            }
        });
        Counters(defined.collect())
    }

    pub fn count(&self, plan: &str, allowed: bool) {
        if let Some(pair) = self.0.get(plan) {
            let metric = if allowed { pair.allowed } else { pair.limited };
            if let Err(status) = increment_metric(metric, 1) {
                warn!("plan_limit: metrics of plan {plan}: {status:?}");
            }
        }
    }
}

impl Pair {
    fn define(plan: &str) -> Result<Pair, Status> {
        let counter =
            |kind| define_metric(MetricType::Counter, &format!("plan_limit.{plan}.{kind}"));
        Ok(Pair {
            allowed: counter("allowed")?,
            limited: counter("limited")?,
        })
    }
}
