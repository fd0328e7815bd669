package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"meshloom/filters/json_to_xml/convert"
)

// side is what the host offers for one half of an exchange, and how a bad body is answered.
type side struct {
	name                string
	header              func(name string) (string, error)
	setHeader           func(name, value string) error
	removeHeader        func(name string) error
	body                func(start, size int) ([]byte, error)
	setBody             func([]byte) error
	malformed, tooLarge uint32
}

var requestSide = &side{
	"request",
	proxywasm.GetHttpRequestHeader,
	proxywasm.ReplaceHttpRequestHeader,
	proxywasm.RemoveHttpRequestHeader,
	proxywasm.GetHttpRequestBody,
	proxywasm.ReplaceHttpRequestBody,
	400, 413,
}

var responseSide = &side{
	"response",
	proxywasm.GetHttpResponseHeader,
	proxywasm.ReplaceHttpResponseHeader,
	proxywasm.RemoveHttpResponseHeader,
	proxywasm.GetHttpResponseBody,
	proxywasm.ReplaceHttpResponseBody,
	502, 502,
}

// message is one request or response while it passes. It is converting from its headers on, if it
// is converted at all, until its body was converted or refused.
type message struct {
	*side
	direction  direction
	config     *config
	converting bool
}

func (m *message) onHeaders(endOfStream bool) types.Action {
	if endOfStream || !m.direction.takes(m.get("content-type")) {
		return types.ActionContinue
	}
	if coding := m.get("content-encoding"); coding != "" && coding != "identity" {
		proxywasm.LogWarnf("json_to_xml: the %s stays as it is: its body is %s", m.name, coding)
		return types.ActionContinue
	}
	if length, err := strconv.Atoi(m.get("content-length")); err == nil && length > m.config.maxBytes {
		return m.refuse(m.tooLarge, m.tooMany())
	}
	if err := errors.Join(
		m.removeHeader("content-length"),
		m.setHeader("content-type", m.direction.contentType()),
	); err != nil {
		return m.refuse(500, err.Error())
	}
	m.converting = true
	if m.config.holdHeaders {
		return types.ActionPause
	}
	return types.ActionContinue
}

// onBody waits for the last piece; the host keeps those before it.
func (m *message) onBody(size int, endOfStream bool) types.Action {
	switch {
	case !m.converting:
		return types.ActionContinue
	case size > m.config.maxBytes:
		return m.refuse(m.tooLarge, m.tooMany())
	case endOfStream:
		return m.convertBody()
	default:
		return types.ActionPause
	}
}

// onTrailers: a body before trailers has no piece that says it is the last.
func (m *message) onTrailers() types.Action {
	if !m.converting {
		return types.ActionContinue
	}
	return m.convertBody()
}

func (m *message) convertBody() types.Action {
	m.converting = false
	body, err := m.body(0, m.config.maxBytes)
	if errors.Is(err, types.ErrorStatusNotFound) || err == nil && len(body) == 0 {
		return types.ActionContinue
	}
	if err == nil {
		body, err = m.direction.convert(body, m.config.names)
	}
	var place *convert.Error
	if errors.As(err, &place) {
		return m.refuse(m.malformed, fmt.Sprintf("malformed %s %v", m.direction.from, place))
	}
	if err == nil {
		err = m.setBody(body)
	}
	if err != nil {
		return m.refuse(500, err.Error())
	}
	return types.ActionContinue
}

// get is a header's value, empty without one.
func (m *message) get(name string) string {
	value, _ := m.header(name) // the only error is that there is none
	return value
}

func (m *message) tooMany() string {
	return fmt.Sprintf("the body of the %s has more than %d bytes", m.name, m.config.maxBytes)
}

func (m *message) refuse(status uint32, why string) types.Action {
	m.converting = false
	proxywasm.LogInfof("json_to_xml: %s refused: %s", m.name, why)
	headers := [][2]string{{"content-type", "text/plain"}}
	if err := proxywasm.SendHttpResponse(status, headers, []byte(why+"\n"), -1); err != nil {
		proxywasm.LogErrorf("json_to_xml: %d was not sent: %v", status, err)
	}
	return types.ActionPause
}
