package convert

import (
	"bytes"
	"encoding/json"
)

// ToJSON converts one XML document. The error is an *Error.
func ToJSON(source []byte, names Names) ([]byte, error) {
	root, err := parse(source)
	if err != nil {
		return nil, err
	}
	w := &jsonWriter{names: names}
	w.encoder = json.NewEncoder(&w.out)
	w.encoder.SetEscapeHTML(false)
	w.value(root)
	return w.out.Bytes(), nil
}

type jsonWriter struct {
	names   Names
	out     bytes.Buffer
	encoder *json.Encoder
}

func (w *jsonWriter) value(e *element) {
	kind, ours := w.kind(e)
	text := e.text.String()
	leaf := len(e.children) == 0
	switch {
	case ours && leaf && kind == "":
		w.string(text)
	case ours && leaf && kind == typeNull && text == "":
		w.out.WriteString("null")
	case ours && leaf && kind == typeBool && (text == "true" || text == "false"),
		ours && leaf && kind == typeNumber && isNumber(text):
		w.out.WriteString(text)
	case ours && kind == typeArray && e.isBlank():
		w.array(e.children)
	default:
		w.object(e)
	}
}

// kind is the element's type. With other attributes it is not ours, whatever it says.
func (w *jsonWriter) kind(e *element) (kind string, ours bool) {
	for _, each := range e.attributes {
		switch {
		case each.name == "type":
			kind = each.value
		case !w.isMemberName(e, each):
			return "", false
		}
	}
	return kind, true
}

func (w *jsonWriter) isMemberName(e *element, a attribute) bool {
	return e.name == w.names.Item && a.name == "name"
}

func isNumber(text string) bool {
	first := text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9')
	return first && json.Valid([]byte(text))
}

func (w *jsonWriter) array(elements []*element) {
	w.out.WriteByte('[')
	for index, each := range elements {
		w.comma(index)
		w.value(each)
	}
	w.out.WriteByte(']')
}

// object has attributes first, then members in the order of their first element, then text.
func (w *jsonWriter) object(e *element) {
	w.out.WriteByte('{')
	count := 0
	for _, each := range e.attributes {
		if w.isMemberName(e, each) || each.name == "type" && each.value == typeObject {
			continue
		}
		w.name(count, "@"+each.name)
		w.string(each.value)
		count++
	}
	for _, group := range w.groups(e.children) {
		w.name(count, w.memberName(group[0]))
		if len(group) == 1 {
			w.value(group[0])
		} else {
			w.array(group)
		}
		count++
	}
	if !e.isBlank() {
		w.name(count, "#text")
		w.string(e.text.String())
	}
	w.out.WriteByte('}')
}

func (w *jsonWriter) groups(elements []*element) [][]*element {
	var groups [][]*element
	places := map[string]int{}
	for _, each := range elements {
		name := w.memberName(each)
		place, known := places[name]
		if !known {
			place = len(groups)
			places[name] = place
			groups = append(groups, nil)
		}
		groups[place] = append(groups[place], each)
	}
	return groups
}

func (w *jsonWriter) memberName(e *element) string {
	for _, each := range e.attributes {
		if w.isMemberName(e, each) {
			return each.value
		}
	}
	return e.name
}

func (w *jsonWriter) name(index int, name string) {
	w.comma(index)
	w.string(name)
	w.out.WriteByte(':')
}

func (w *jsonWriter) comma(index int) {
	if index > 0 {
		w.out.WriteByte(',')
	}
}

// string writes what Encode does, without the newline that it adds. A string can't fail.
func (w *jsonWriter) string(text string) {
	_ = w.encoder.Encode(text)
	w.out.Truncate(w.out.Len() - 1)
}
