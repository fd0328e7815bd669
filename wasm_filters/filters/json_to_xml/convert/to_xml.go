package convert

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
)

// ToXML converts one JSON document. The error is an *Error.
func ToXML(source []byte, names Names) ([]byte, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(source, &whole); err != nil {
		return nil, jsonError(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	w := &xmlWriter{decoder: decoder, names: names}
	w.out.WriteString(xml.Header)
	if err := w.value(tag{name: names.Root}, 0); err != nil {
		return nil, err
	}
	return w.out.Bytes(), nil
}

// jsonError has the offset of the byte that is wrong; json counts it as read already.
func jsonError(err error) *Error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return &Error{Reason: err.Error()}
	}
	if syntax.Error() == "unexpected end of JSON input" {
		return &Error{Offset: syntax.Offset, Reason: "the document ends too early"}
	}
	return &Error{Offset: syntax.Offset - 1, Reason: syntax.Error()}
}

// tag is an element's name; an element that is a member says the member's name where it differs.
type tag struct {
	name   string
	member *string
}

// xmlWriter writes while it reads: the order of members stays, and no tree is built.
type xmlWriter struct {
	decoder *json.Decoder
	names   Names
	out     bytes.Buffer
}

func (w *xmlWriter) value(t tag, depth int) error {
	if depth > MaxDepth {
		return w.fail(fmt.Sprintf("more than %d levels", MaxDepth))
	}
	token, err := w.decoder.Token()
	if err != nil {
		return jsonError(err)
	}
	switch value := token.(type) {
	case string:
		return w.leaf(t, "", value)
	case json.Number:
		return w.leaf(t, typeNumber, value.String())
	case bool:
		return w.leaf(t, typeBool, strconv.FormatBool(value))
	case json.Delim:
		if value == '[' {
			return w.array(t, depth)
		}
		return w.object(t, depth)
	default:
		return w.leaf(t, typeNull, "")
	}
}

func (w *xmlWriter) array(t tag, depth int) error {
	w.open(t, typeArray)
	for w.decoder.More() {
		if err := w.value(tag{name: w.names.Item}, depth+1); err != nil {
			return err
		}
	}
	return w.closeAll(t)
}

func (w *xmlWriter) object(t tag, depth int) error {
	kind := typeObject // only an empty one needs to say it
	if w.decoder.More() {
		kind = ""
	}
	w.open(t, kind)
	for w.decoder.More() {
		member, err := w.member()
		if err != nil {
			return err
		}
		if err := w.value(member, depth+1); err != nil {
			return err
		}
	}
	return w.closeAll(t)
}

// member reads a member's name. The document was checked: before a value there is one.
func (w *xmlWriter) member() (tag, error) {
	token, err := w.decoder.Token()
	if err != nil {
		return tag{}, jsonError(err)
	}
	name, _ := token.(string)
	if IsName(name) {
		return tag{name: name}, nil
	}
	return tag{name: w.names.Item, member: &name}, w.check(name)
}

func (w *xmlWriter) leaf(t tag, kind, text string) error {
	if err := w.check(text); err != nil {
		return err
	}
	w.open(t, kind)
	w.escape(text)
	w.close(t)
	return nil
}

func (w *xmlWriter) open(t tag, kind string) {
	w.out.WriteString("<" + t.name)
	if kind != "" {
		w.out.WriteString(` type="` + kind + `"`)
	}
	if t.member != nil {
		w.out.WriteString(` name="`)
		w.escape(*t.member)
		w.out.WriteByte('"')
	}
	w.out.WriteByte('>')
}

func (w *xmlWriter) close(t tag) {
	w.out.WriteString("</" + t.name + ">")
}

// closeAll ends an array or object, here and in the document.
func (w *xmlWriter) closeAll(t tag) error {
	w.close(t)
	if _, err := w.decoder.Token(); err != nil {
		return jsonError(err)
	}
	return nil
}

// escape writes to memory, which does not fail.
func (w *xmlWriter) escape(text string) {
	_ = xml.EscapeText(&w.out, []byte(text))
}

// check: XML has no way to write most control characters, not even escaped.
func (w *xmlWriter) check(text string) error {
	for _, letter := range text {
		if !isXML(letter) {
			return w.fail(fmt.Sprintf("a string with %U, which XML can't have", letter))
		}
	}
	return nil
}

// isXML tells whether XML 1.0 has this character (section 2.2, "Characters").
func isXML(letter rune) bool {
	if letter < ' ' {
		return letter == '\t' || letter == '\n' || letter == '\r'
	}
	return letter != 0xFFFE && letter != 0xFFFF
}

func (w *xmlWriter) fail(reason string) error {
	return &Error{Offset: w.decoder.InputOffset(), Reason: reason}
}
