package convert

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// element is what JSON can say about one: names without namespaces, all text in one piece.
type element struct {
	name       string
	attributes []attribute
	children   []*element
	text       strings.Builder
}

type attribute struct {
	name, value string
}

// isBlank: no text but spaces, such as those that indent the elements.
func (e *element) isBlank() bool { return strings.TrimSpace(e.text.String()) == "" }

// parse reads a document with one element at its root.
func parse(source []byte) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(source))
	document := &element{}
	if err := fill(decoder, []*element{document}); err != nil {
		return nil, err
	}
	offset := decoder.InputOffset()
	if len(document.children) != 1 {
		reason := fmt.Sprintf("%d elements at the root, expected 1", len(document.children))
		return nil, &Error{Offset: offset, Reason: reason}
	}
	if !document.isBlank() {
		return nil, &Error{Offset: offset, Reason: "text beside the root"}
	}
	return document.children[0], nil
}

// fill reads all tokens into the last element of open, which starts as the document alone.
func fill(decoder *xml.Decoder, open []*element) error {
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return xmlError(decoder, err)
		}
		last := open[len(open)-1]
		switch found := token.(type) {
		case xml.StartElement:
			if len(open) > MaxDepth+1 {
				reason := fmt.Sprintf("more than %d levels", MaxDepth)
				return &Error{Offset: decoder.InputOffset(), Reason: reason}
			}
			child := start(found)
			last.children = append(last.children, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.text.Write(found)
		}
	}
}

// start leaves out what only names namespaces.
func start(found xml.StartElement) *element {
	e := &element{name: found.Name.Local}
	for _, each := range found.Attr {
		if each.Name.Space != "xmlns" && each.Name.Local != "xmlns" {
			e.attributes = append(e.attributes, attribute{each.Name.Local, each.Value})
		}
	}
	return e
}

func xmlError(decoder *xml.Decoder, err error) error {
	reason := err.Error()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		reason = syntax.Msg
	}
	return &Error{Offset: decoder.InputOffset(), Reason: reason}
}
