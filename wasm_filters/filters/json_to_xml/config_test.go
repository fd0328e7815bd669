package main

import (
	"strings"
	"testing"
)

func TestWhatIsNotSaidHasADefault(t *testing.T) {
	c, err := readConfig([]byte(`{"request": "json_to_xml"}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.names.Root != "root" || c.names.Item != "item" || c.maxBytes != 1<<20 || c.holdHeaders {
		t.Errorf("%+v", c)
	}
	if !c.request.takes("application/json") || c.response.takes("application/json") {
		t.Error("a request is converted, a response is not")
	}
}

func TestARefusalSaysWhere(t *testing.T) {
	for text, why := range map[string]string{
		``:                                      "the configuration is empty",
		`{"request": `:                          "the configuration ends too early",
		`{"request": }`:                         "at 12: invalid character '}'",
		`{"request": "json_to_xml"} 1`:          "at 28: expected nothing more",
		`[]`:                                    "expected an object, got array",
		`{}`:                                    "request, response: expected a conversion",
		`{"reqest": ""}`:                        `unknown field "reqest"`,
		`{"request": 1}`:                        "request: expected string, got number",
		`{"response": "xml"}`:                   `response: unknown conversion "xml"`,
		`{"request": "to_xml"}`:                 `request: unknown conversion "to_xml"`,
		`{"request": "json_to_xml", "root":""}`: `root: "" is no name`,
		`{"request": "json_to_xml", "item":"a b"}`:    `item: "a b" is no name`,
		`{"request": "json_to_xml", "max_bytes":0}`:   "max_bytes: 0, expected 1 to 67108864",
		`{"request": "json_to_xml", "max_bytes":"1"}`: "max_bytes: expected int, got string",
	} {
		if _, err := readConfig([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), why) {
			t.Errorf("%s: %v, expected %s", text, err, why)
		}
	}
}

func TestMediaTypesThatAreConverted(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json":                true,
		"Application/JSON; charset=utf-8": true,
		"application/problem+json":        true,
		"text/plain":                      false,
		"application/xml":                 false,
		"":                                false,
		"json":                            false,
	} {
		if got := directions["json_to_xml"].takes(contentType); got != want {
			t.Errorf("%q: %v", contentType, got)
		}
	}
	if !directions["xml_to_json"].takes("text/xml") {
		t.Error("text/xml is XML")
	}
}
