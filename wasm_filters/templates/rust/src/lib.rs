//! A Proxy-Wasm filter that marks each response with a header.

use std::rc::Rc;

use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root { mark: "{{name}}".into() }) });
}}

/// The plugin: one per worker. Its configuration is the header's value.
struct Root {
    mark: Rc<str>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        if let Some(configuration) = self.get_plugin_configuration() {
            let Ok(text) = String::from_utf8(configuration) else {
                return false; // Envoy refuses a filter that refuses its configuration
            };
            self.mark = text.into();
        }
        info!("marks responses with {}", self.mark);
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { mark: self.mark.clone() }))
    }
}

/// One request and its response.
struct Request {
    mark: Rc<str>,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.set_http_response_header("x-filter", Some(&self.mark));
        Action::Continue
    }
}
