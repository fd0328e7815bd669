package main

import (
	"strings"

	"meshloom/filters/json_to_xml/convert"
)

// direction is a conversion; the zero one leaves bodies as they are.
type direction struct {
	convert  func([]byte, convert.Names) ([]byte, error)
	from, to string // the last part of media types
}

var directions = map[string]direction{
	"":            {},
	"json_to_xml": {convert.ToXML, "json", "xml"},
	"xml_to_json": {convert.ToJSON, "xml", "json"},
}

// takes tells whether a body of this content-type is converted: application/json, text/xml and
// those that end in +json or +xml.
func (d direction) takes(contentType string) bool {
	if d.convert == nil {
		return false
	}
	media, _, _ := strings.Cut(contentType, ";")
	_, kind, _ := strings.Cut(strings.ToLower(strings.TrimSpace(media)), "/")
	return kind == d.from || strings.HasSuffix(kind, "+"+d.from)
}

// contentType is that of a converted body.
func (d direction) contentType() string {
	return "application/" + d.to
}
