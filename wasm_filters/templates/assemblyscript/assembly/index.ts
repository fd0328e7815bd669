// A Proxy-Wasm filter that marks each response with a header.

export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  LogLevelValues,
  RootContext,
  log,
  registerRootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

// The plugin: one per worker. Its configuration is the header's value.
class Plugin extends RootContext {
  mark: string = "{{name}}";

  onConfigure(size: u32): bool {
    if (!super.onConfigure(size)) return false;
    if (size > 0) this.mark = this.getConfiguration();
    log(LogLevelValues.info, "marks responses with " + this.mark);
    return true;
  }

  createContext(id: u32): Context {
    return new Request(id, this, this.mark);
  }
}

// One request and its response.
class Request extends Context {
  constructor(
    id: u32,
    root: RootContext,
    private mark: string,
  ) {
    super(id, root);
  }

  onResponseHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.replace("x-filter", this.mark);
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new Plugin(id) as RootContext, "{{name}}");
