//! A Proxy-Wasm filter that limits each user's requests by the user's plan.

mod bucket;
mod config;
mod counters;
mod request;
mod store;
mod token;

use std::rc::Rc;

use log::{error, info};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use bucket::Taken;
use config::Config;
use counters::Counters;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root::default()) });
}}

const SECOND: u64 = 1_000_000_000;

#[derive(Default)]
struct Root {
    configured: Option<Rc<Limiter>>,
}

struct Limiter {
    config: Config,
    counters: Counters,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let source = self.get_plugin_configuration().unwrap_or_default();
        match Config::read(&source) {
            Ok(config) => {
                let counters = Counters::define(config.plans.keys());
                self.configured = Some(Rc::new(Limiter { config, counters }));
                true
            }
            Err(why) => {
                error!("plan_limit: {why}");
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let limiter = self.configured.clone()?;
        Some(Box::new(Limited {
            limiter,
            found: None,
        }))
    }
}

/// One request, and what its bucket held.
struct Limited {
    limiter: Rc<Limiter>,
    found: Option<(u64, Taken)>,
}

impl Context for Limited {}

impl HttpContext for Limited {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let config = &self.limiter.config;
        if !config.covers(&request::header(":path").unwrap_or_default()) {
            return Action::Continue;
        }
        let sender = request::sender(config);
        let Some((name, plan)) = config.plan(sender.plan.as_deref()) else {
            info!("plan_limit: refused a request without a plan");
            self.send_http_response(403, vec![], Some(b"no plan\n"));
            return Action::Pause;
        };
        let key = format!("plan_limit/{name}/{}", sender.user);
        let Ok(taken) = store::take(&key, plan.rate) else {
            return Action::Continue; // a limiter that can't count does not stand in the way
        };
        self.limiter.counters.count(name, taken.allowed);
        let action = if taken.allowed {
            Action::Continue
        } else {
            self.refuse(name, plan.rate.limit, &taken);
            Action::Pause
        };
        self.found = Some((plan.rate.limit, taken));
        action
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if let Some((limit, taken)) = &self.found {
            for (name, value) in headers(*limit, taken) {
                self.set_http_response_header(name, Some(&value));
            }
        }
        Action::Continue
    }
}

impl Limited {
    fn refuse(&self, plan: &str, limit: u64, taken: &Taken) {
        let body = format!("limit of plan {plan} reached\n");
        let retry_after = taken.retry_after.div_ceil(SECOND).to_string();
        let fields = headers(limit, taken);
        let mut sent = vec![
            ("content-type", "text/plain"),
            ("retry-after", &retry_after),
        ];
        sent.extend(fields.iter().map(|(name, value)| (*name, value.as_str())));
        self.send_http_response(429, sent, Some(body.as_bytes()));
    }
}

fn headers(limit: u64, taken: &Taken) -> [(&'static str, String); 3] {
    [
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", taken.remaining.to_string()),
        (
            "x-ratelimit-reset",
            taken.full_after.div_ceil(SECOND).to_string(),
        ),
    ]
}
