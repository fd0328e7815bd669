// {{name}} is a Proxy-Wasm filter that marks each response with a header.
package main

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetPluginContext(func(uint32) types.PluginContext { return &plugin{mark: "{{name}}"} })
}

// plugin is there once per worker. Its configuration is the header's value.
type plugin struct {
	types.DefaultPluginContext
	mark string
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	configuration, err := proxywasm.GetPluginConfiguration()
	switch {
	case err == nil:
		p.mark = string(configuration)
	case !errors.Is(err, types.ErrorStatusNotFound): // that is what an empty one is
		proxywasm.LogErrorf("no configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	proxywasm.LogInfof("marks responses with %s", p.mark)
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext {
	return &request{mark: p.mark}
}

// request is one request and its response.
type request struct {
	types.DefaultHttpContext
	mark string
}

func (r *request) OnHttpResponseHeaders(int, bool) types.Action {
	if err := proxywasm.ReplaceHttpResponseHeader("x-filter", r.mark); err != nil {
		proxywasm.LogErrorf("the response is not marked: %v", err)
	}
	return types.ActionContinue
}
