package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"meshloom/filters/json_to_xml/convert"
)

// config is what the filter was told, checked once when it is configured.
type config struct {
	request, response direction
	names             convert.Names
	maxBytes          int
	holdHeaders       bool
}

// source is the configuration as it is written.
type source struct {
	Request  string `json:"request"`
	Response string `json:"response"`
	Root     string `json:"root"`
	Item     string `json:"item"`
	MaxBytes int    `json:"max_bytes"`
	// HoldHeaders keeps the headers back until the body is there, so that a bad body goes nowhere.
	HoldHeaders bool `json:"hold_headers"`
}

// The largest body that is converted; the proxy's own buffer may be smaller.
const (
	defaultMaxBytes = 1 << 20
	mostBytes       = 64 << 20
)

// readConfig answers with an error that says where the configuration is wrong.
func readConfig(text []byte) (*config, error) {
	told := &source{Root: "root", Item: "item", MaxBytes: defaultMaxBytes}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(told); err != nil {
		return nil, configError(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("at %d: expected nothing more", decoder.InputOffset())
	}
	return told.check()
}

func configError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the configuration is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the configuration ends too early")
	case errors.As(err, &syntax):
		return fmt.Errorf("at %d: %w", syntax.Offset-1, err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("expected an object, got %s", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: expected %s, got %s", kind.Field, kind.Type, kind.Value)
	default:
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
}

func (s *source) check() (*config, error) {
	c := &config{
		names:       convert.Names{Root: s.Root, Item: s.Item},
		maxBytes:    s.MaxBytes,
		holdHeaders: s.HoldHeaders,
	}
	var known [2]bool
	c.request, known[0] = directions[s.Request]
	c.response, known[1] = directions[s.Response]
	switch {
	case !known[0]:
		return nil, unknown("request", s.Request)
	case !known[1]:
		return nil, unknown("response", s.Response)
	case s.Request == "" && s.Response == "":
		return nil, errors.New("request, response: expected a conversion of at least one of them")
	case !convert.IsName(s.Root):
		return nil, fmt.Errorf("root: %q is no name of an XML element", s.Root)
	case !convert.IsName(s.Item):
		return nil, fmt.Errorf("item: %q is no name of an XML element", s.Item)
	case s.MaxBytes < 1 || s.MaxBytes > mostBytes:
		return nil, fmt.Errorf("max_bytes: %d, expected 1 to %d", s.MaxBytes, mostBytes)
	}
	return c, nil
}

func unknown(place, name string) error {
	return fmt.Errorf("%s: unknown conversion %q, expected json_to_xml or xml_to_json", place, name)
}
