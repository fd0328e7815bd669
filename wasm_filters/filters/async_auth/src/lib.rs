//! A Proxy-Wasm filter that asks another service whether a request may pass, and waits for it.

mod config;
mod counters;
mod fields;
mod verdict;

use std::rc::Rc;

use log::{error, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, Status};

use config::{Config, OnFailure};
use counters::Counters;
use verdict::Verdict;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root::default()) });
}}

const FAILED: u32 = 503;

#[derive(Default)]
struct Root {
    configured: Option<(Rc<Config>, Counters)>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let source = self.get_plugin_configuration().unwrap_or_default();
        match Config::read(&source) {
            Ok(config) => {
                self.configured = Some((Rc::new(config), Counters::define()));
                true
            }
            Err(why) => {
                error!("async_auth: {why}");
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let (config, counters) = self.configured.clone()?;
        Some(Box::new(Request {
            config,
            counters,
            waiting: false,
        }))
    }
}

/// One request. While it waits, nothing of it goes on: not its headers, body or trailers.
struct Request {
    config: Rc<Config>,
    counters: Counters,
    waiting: bool,
}

impl Context for Request {
    fn on_http_call_response(
        &mut self,
        _token: u32,
        _headers: usize,
        size: usize,
        _trailers: usize,
    ) {
        self.waiting = false;
        let answer = fields::answer().unwrap_or_default();
        match Verdict::of(&answer) {
            Verdict::Allowed => self.pass(&answer),
            Verdict::Denied(status) => self.deny(status, &answer, size),
            Verdict::Failed(why) => {
                if self.fail(&why) == Action::Continue {
                    self.resume_http_request();
                }
            }
        }
    }
}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        match self.ask() {
            Ok(_) => {
                self.waiting = true;
                Action::Pause
            }
            Err(status) => self.fail(&format!("can't be called: {status:?}")),
        }
    }

    fn on_http_request_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        self.wait()
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.wait()
    }
}

impl Request {
    /// Call the authoriser with the method, the path and the chosen headers of this request.
    fn ask(&self) -> Result<u32, Status> {
        let config = &self.config;
        let request = fields::request()?;
        fields::clear_request(&config.copy)?;
        let method = fields::first(&request, ":method").unwrap_or_default();
        let path = fields::first(&request, ":path").unwrap_or_default();
        let path = format!("{}{path}", config.path_prefix);
        let sent: Vec<(String, String)> = fields::chosen(&request, &config.send)
            .into_iter()
            .map(|(name, value)| (name, fields::text(&value)))
            .collect();
        let mut headers = vec![
            (":method", &*method),
            (":path", &path),
            (":authority", &config.authority),
        ];
        headers.extend(sent.iter().map(|(name, value)| (&**name, &**value)));
        self.dispatch_http_call(&config.cluster, headers, None, vec![], config.timeout())
    }

    fn wait(&self) -> Action {
        if self.waiting {
            Action::Pause
        } else {
            Action::Continue
        }
    }

    fn pass(&self, answer: &fields::Fields) {
        self.counters.allowed.count();
        let copied = fields::chosen(answer, &self.config.copy);
        if let Err(status) = fields::add_to_request(&copied) {
            warn!("async_auth: the request did not take a header: {status:?}");
        }
        self.resume_http_request();
    }

    /// The client gets the authoriser's answer.
    fn deny(&self, status: u32, answer: &fields::Fields, size: usize) {
        self.counters.denied.count();
        let kept: Vec<(String, String)> = fields::chosen(answer, &self.config.reply)
            .into_iter()
            .map(|(name, value)| (name, fields::text(&value)))
            .collect();
        let headers = kept
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let body = self
            .get_http_call_response_body(0, size)
            .unwrap_or_default();
        self.send_http_response(status, headers, Some(&body));
    }

    /// No verdict: the configuration says what that means.
    fn fail(&self, why: &str) -> Action {
        self.counters.failed.count();
        warn!("async_auth: {}: {why}", self.config.cluster);
        if self.config.on_failure == OnFailure::Allow {
            return Action::Continue;
        }
        self.send_http_response(FAILED, vec![], Some(b"no answer from the authoriser\n"));
        Action::Pause
    }
}
