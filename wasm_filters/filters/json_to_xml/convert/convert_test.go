package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

var names = Names{Root: "root", Item: "item"}

const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func TestJSONBecomesXML(t *testing.T) {
	for source, want := range map[string]string{
		`"hi"`:                        `<root>hi</root>`,
		`{}`:                          `<root type="object"></root>`,
		`[]`:                          `<root type="array"></root>`,
		`{"a":{"b":1.50}}`:            `<root><a><b type="number">1.50</b></a></root>`,
		`[true, null, ""]`:            `<root type="array"><item type="boolean">true</item><item type="null"></item><item></item></root>`,
		`{"z":"1","a":"2"}`:           `<root><z>1</z><a>2</a></root>`,
		`{"":1,"a b":"c"}`:            `<root><item type="number" name="">1</item><item name="a b">c</item></root>`,
		`{"xmlns":"a","1":"\"<&>'"}`:  `<root><item name="xmlns">a</item><item name="1">&#34;&lt;&amp;&gt;&#39;</item></root>`,
		`"tab\tline\r\n"`:             `<root>tab&#x9;line&#xD;&#xA;</root>`,
		` { "é" : "☃" , "a:b" : 1 } `: `<root><item name="é">☃</item><item type="number" name="a:b">1</item></root>`,
	} {
		found, err := ToXML([]byte(source), names)
		if err != nil || string(found) != head+want {
			t.Errorf("%s:\n%s, %v\n%s", source, found, err, want)
		}
	}
}

func TestXMLFromElsewhereBecomesJSON(t *testing.T) {
	for source, want := range map[string]string{
		`<a/>`:                                         `""`,
		`<a>x<!-- y --></a>`:                           `"x"`,
		`<a><b>1</b><c/><b>2</b></a>`:                  `{"b":["1","2"],"c":""}`,
		`<a id="1"><b/>text</a>`:                       `{"@id":"1","b":"","#text":"text"}`,
		`<a type="number">1 000</a>`:                   `{"@type":"number","#text":"1 000"}`,
		`<a type="number" unit="m">1</a>`:              `{"@type":"number","@unit":"m","#text":"1"}`,
		`<a type="array">no</a>`:                       `{"@type":"array","#text":"no"}`,
		"<a>\n  <b type='array'>\n <c/> </b>\n</a>":    `{"b":[""]}`,
		`<n:a xmlns:n="urn:x"><n:b n:c="1"/></n:a>`:    `{"b":{"@c":"1"}}`,
		`<?xml version="1.0"?><!DOCTYPE a><a>&lt;</a>`: `"<"`,
		`<a>  </a>`:                                    `"  "`,
	} {
		found, err := ToJSON([]byte(source), names)
		if err != nil || string(found) != want {
			t.Errorf("%s:\n%s, %v\n%s", source, found, err, want)
		}
	}
}

func TestAnErrorSaysWhere(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+2) + strings.Repeat("]", MaxDepth+2)
	deepXML := strings.Repeat("<a>", MaxDepth+2) + strings.Repeat("</a>", MaxDepth+2)
	for _, c := range []struct {
		convert func([]byte, Names) ([]byte, error)
		source  string
		offset  int64
		reason  string
	}{
		{ToXML, `{"a": }`, 6, "invalid character '}'"},
		{ToXML, `{"a": 1`, 7, "the document ends too early"},
		{ToXML, `{} x`, 3, "invalid character 'x' after top-level value"},
		{ToXML, `["a\u0000b"]`, 11, "a string with U+0000"},
		{ToXML, `{"a\u0001":1}`, 10, "a string with U+0001"},
		{ToXML, deep, MaxDepth + 1, "more than 1000 levels"},
		{ToJSON, `<a></b>`, 7, "element <a> closed by </b>"},
		{ToJSON, `<a>`, 3, "unexpected EOF"},
		{ToJSON, `<a/><b/>`, 8, "2 elements at the root"},
		{ToJSON, `hello`, 5, "0 elements at the root"},
		{ToJSON, `<a/>x`, 5, "text beside the root"},
		{ToJSON, `<a>&bomb;</a>`, 9, "invalid character entity &bomb;"},
		{ToJSON, deepXML, 3 * (MaxDepth + 2), "more than 1000 levels"},
	} {
		_, err := c.convert([]byte(c.source), names)
		var place *Error
		if !errors.As(err, &place) {
			t.Errorf("%.40s: no *Error: %v", c.source, err)
		} else if place.Offset != c.offset || !strings.HasPrefix(place.Reason, c.reason) {
			t.Errorf("%.40s: %v, expected at %d: %s", c.source, err, c.offset, c.reason)
		}
	}
}

// FuzzRoundTrip: a document that becomes XML comes back as the same document.
func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{
		`{"id":7,"tags":["a",null,[],{}],"a b":"","":{"item":[1]}}`, `"  "`, `-1.5e+9`, `[[[]]]`,
		`{"@a":"#","#text":"x","type":"array","name":{"type":null}}`, `"\ud800<![CDATA["`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		made, err := ToXML(source, names)
		if err != nil || hasRepeatedNames(json.NewDecoder(bytes.NewReader(source))) {
			return
		}
		back, err := ToJSON(made, names)
		if err != nil {
			t.Fatalf("%q -> %q: %v", source, made, err)
		}
		if !reflect.DeepEqual(decoded(source), decoded(back)) {
			t.Fatalf("%q -> %q -> %q", source, made, back)
		}
	})
}

func decoded(source []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	return value
}

// hasRepeatedNames: such an object has no single meaning in JSON, and is an array afterwards.
func hasRepeatedNames(decoder *json.Decoder) bool {
	token, _ := decoder.Token()
	open, _ := token.(json.Delim)
	if open != '{' && open != '[' {
		return false
	}
	seen := map[any]bool{}
	for decoder.More() {
		if open == '{' {
			name, _ := decoder.Token()
			if seen[name] {
				return true
			}
			seen[name] = true
		}
		if hasRepeatedNames(decoder) {
			return true
		}
	}
	_, _ = decoder.Token()
	return false
}
