// json_to_xml is a Proxy-Wasm filter that stands between clients that speak JSON and services that
// speak XML, or the other way round.
package main

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetPluginContext(func(uint32) types.PluginContext { return &plugin{} })
}

type plugin struct {
	types.DefaultPluginContext
	config *config
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	text, err := proxywasm.GetPluginConfiguration()
	if err == nil || errors.Is(err, types.ErrorStatusNotFound) { // that is what an empty one is
		p.config, err = readConfig(text)
	}
	if err != nil {
		proxywasm.LogErrorf("json_to_xml: %v", err)
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext {
	return &exchange{
		request:  message{side: requestSide, direction: p.config.request, config: p.config},
		response: message{side: responseSide, direction: p.config.response, config: p.config},
	}
}

type exchange struct {
	types.DefaultHttpContext
	request, response message
}

func (e *exchange) OnHttpRequestHeaders(_ int, endOfStream bool) types.Action {
	return e.request.onHeaders(endOfStream)
}

func (e *exchange) OnHttpRequestBody(size int, endOfStream bool) types.Action {
	return e.request.onBody(size, endOfStream)
}

func (e *exchange) OnHttpRequestTrailers(int) types.Action {
	return e.request.onTrailers()
}

func (e *exchange) OnHttpResponseHeaders(_ int, endOfStream bool) types.Action {
	return e.response.onHeaders(endOfStream)
}

func (e *exchange) OnHttpResponseBody(size int, endOfStream bool) types.Action {
	return e.response.onBody(size, endOfStream)
}

func (e *exchange) OnHttpResponseTrailers(int) types.Action {
	return e.response.onTrailers()
}
