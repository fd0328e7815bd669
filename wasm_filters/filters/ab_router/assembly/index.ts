// ab_router: assigns each user to a variant of an experiment, tells the route and the upstream by a
// request header, and the client by a response header and a cookie. See ../README.md.

export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  LogLevelValues,
  RootContext,
  get_current_time_nanoseconds,
  registerRootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";
import {
  proxy_call_foreign_function,
  proxy_log,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import { assign, cookie } from "./assign";
import { Experiment } from "./experiment";

const CLEAR_ROUTE_CACHE = String.UTF8.encode("clear_route_cache");
const RESULT = new StaticArray<usize>(2); // an address and a size

// The SDK's own log() writes to stdout, where every line has the level INFO.
function log(level: LogLevelValues, message: string): void {
  const bytes = String.UTF8.encode(message);
  proxy_log(level, changetype<usize>(bytes), bytes.byteLength);
}

// Envoy chose the route before the request came here; now it can match on the variant. (The SDK's
// clear_route_cache() is a hostcall of ABI 0.1.0, and Envoy refuses a module that imports it.)
function clearRouteCache(): void {
  const name = changetype<usize>(CLEAR_ROUTE_CACHE);
  const result = changetype<usize>(RESULT);
  const size = CLEAR_ROUTE_CACHE.byteLength;
  proxy_call_foreign_function(name, size, 0, 0, result, result + sizeof<usize>());
}

class Router extends RootContext {
  experiment: Experiment = new Experiment();

  onConfigure(size: u32): bool {
    if (!super.onConfigure(size)) return false;
    this.experiment = new Experiment();
    this.experiment.read(size > 0 ? this.getConfiguration() : "", size);
    const error = this.experiment.error;
    if (error != "") log(LogLevelValues.error, "ab_router: " + error);
    return error == "";
  }

  createContext(id: u32): Context {
    return new Routed(id, this, this.experiment);
  }
}

class Routed extends Context {
  private variant: string = "";
  private isNew: bool = false; // not what the client's cookie says

  constructor(
    id: u32,
    root: RootContext,
    private experiment: Experiment,
  ) {
    super(id, root);
  }

  onRequestHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.request;
    this.variant = this.choose();
    // The client's own word in this header never counts.
    headers.remove(this.experiment.header);
    headers.add(this.experiment.header, this.variant);
    if (this.experiment.forcedBy != "") headers.remove(this.experiment.forcedBy);
    clearRouteCache();
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.response;
    headers.replace(this.experiment.header, this.variant);
    if (this.isNew && this.experiment.cookie != "") headers.add("set-cookie", this.setCookie());
    return FilterHeadersStatusValues.Continue;
  }

  // An override is for one request: it leaves the client's cookie as it is.
  private choose(): string {
    const experiment = this.experiment;
    const headers = stream_context.headers.request;
    if (experiment.forcedBy != "") {
      const forced = experiment.find(headers.get(experiment.forcedBy));
      if (forced != null) return forced.name;
    }
    const cookies = headers.get("cookie");
    if (experiment.cookie != "") {
      const kept = experiment.find(cookie(cookies, experiment.cookie));
      if (kept != null && kept.weight > 0) return kept.name;
    }
    this.isNew = true;
    return assign(experiment, this.user(cookies)).name;
  }

  // Who asks. Of a stranger no two requests are the same, until the cookie makes them so.
  private user(cookies: string): string {
    const headers = stream_context.headers.request;
    const sources = this.experiment.user;
    let identity = "";
    let isKnown = false;
    for (let i = 0; i < sources.length; i++) {
      const isCookie = sources[i].isCookie;
      const part = isCookie ? cookie(cookies, sources[i].name) : headers.get(sources[i].name);
      isKnown = isKnown || part != "";
      identity += part + "\0";
    }
    if (isKnown) return identity;
    const request = headers.get("x-request-id");
    return request != "" ? request : get_current_time_nanoseconds().toString();
  }

  private setCookie(): string {
    const age = this.experiment.maxAge == "" ? "" : "; Max-Age=" + this.experiment.maxAge;
    const kept = this.experiment.cookie + "=" + this.variant;
    return kept + age + "; Path=/; HttpOnly; SameSite=Lax";
  }
}

registerRootContext((id: u32) => new Router(id) as RootContext, "ab_router");
