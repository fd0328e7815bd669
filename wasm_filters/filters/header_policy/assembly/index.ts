// header_policy: removes, sets and adds headers on requests and responses, and denies requests.
// Its configuration is described in ../README.md.

export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  HeaderPair,
  LogLevelValues,
  RootContext,
  registerRootContext,
  send_http_response,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";
import { proxy_log } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import {
  add_header_map_value_string,
  HeaderMapTypeValues,
  remove_header_map_value_string,
  replace_header_map_value_string,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/runtime";
import { Denial, Edits, Policy } from "./policy";

// The SDK's own log() writes to stdout, where every line has the level INFO.
function log(level: LogLevelValues, message: string): void {
  const bytes = String.UTF8.encode(message);
  proxy_log(level, changetype<usize>(bytes), bytes.byteLength);
}

class PolicyRoot extends RootContext {
  policy: Policy = new Policy();

  onConfigure(size: u32): bool {
    if (!super.onConfigure(size)) return false;
    this.policy = new Policy();
    this.policy.read(size > 0 ? this.getConfiguration() : "", size);
    if (this.policy.error != "") {
      log(LogLevelValues.error, "header_policy: " + this.policy.error);
    }
    return this.policy.error == "";
  }

  createContext(id: u32): Context {
    return new PolicyContext(id, this, this.policy);
  }
}

class PolicyContext extends Context {
  constructor(
    id: u32,
    root: RootContext,
    private policy: Policy,
  ) {
    super(id, root);
  }

  onRequestHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    const rules = this.policy.deny;
    for (let i = 0; i < rules.length; i++) {
      if (this.matches(rules[i])) {
        this.deny(rules[i]);
        return FilterHeadersStatusValues.StopIteration;
      }
    }
    edit(HeaderMapTypeValues.RequestHeaders, this.policy.request);
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    edit(HeaderMapTypeValues.ResponseHeaders, this.policy.response);
    return FilterHeadersStatusValues.Continue;
  }

  private matches(rule: Denial): bool {
    const headers = stream_context.headers.request;
    if (rule.path != "" && !headers.get(":path").startsWith(rule.path)) return false;
    if (rule.header == "") return true;
    const found = headers.get(rule.header);
    return rule.value == "" ? found != "" : found == rule.value;
  }

  private deny(rule: Denial): void {
    log(LogLevelValues.info, "denied " + stream_context.headers.request.get(":path"));
    const headers: HeaderPair[] = [];
    send_http_response(rule.status, "header_policy", String.UTF8.encode(rule.body), headers);
  }
}

function edit(map: HeaderMapTypeValues, edits: Edits): void {
  for (let i = 0; i < edits.removed.length; i++) {
    remove_header_map_value_string(map, edits.removed[i]);
  }
  for (let i = 0; i < edits.replaced.length; i++) {
    replace_header_map_value_string(map, edits.replaced[i].name, edits.replaced[i].value);
  }
  for (let i = 0; i < edits.added.length; i++) {
    add_header_map_value_string(map, edits.added[i].name, edits.added[i].value);
  }
}

registerRootContext((id: u32) => new PolicyRoot(id) as RootContext, "header_policy");
