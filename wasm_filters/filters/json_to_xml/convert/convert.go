// Package convert turns JSON documents into XML ones and back.
//
// A member is an element of its name; one whose name is no XML name is an Item with the name as an
// attribute. An attribute type says what an element is, unless it is a string or an object:
//
//	{"id": 7, "tags": ["a", null], "a b": ""}
//	<root><id type="number">7</id>
//	<tags type="array"><item>a</item><item type="null"></item></tags><item name="a b"></item></root>
//
// XML that was made elsewhere becomes JSON, too: attributes are members with an @ in front, text
// beside elements or attributes is #text, and elements of one name are an array.
package convert

import "fmt"

// MaxDepth is how deep arrays, objects and elements may be in one another.
const MaxDepth = 1000

// Names are those of the elements that have none in JSON.
type Names struct {
	Root, Item string
}

// Error is a document that can't be converted. Offset is where, in bytes from 0.
type Error struct {
	Offset int64
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("at %d: %s", e.Offset, e.Reason)
}

const (
	typeArray  = "array"
	typeObject = "object"
	typeNumber = "number"
	typeBool   = "boolean"
	typeNull   = "null"
)

// IsName tells whether an element can have this name: ASCII letters, digits, - _ and . only, and
// not those that XML keeps for itself.
func IsName(name string) bool {
	for index, letter := range []byte(name) {
		switch {
		case letter >= 'a' && letter <= 'z', letter >= 'A' && letter <= 'Z', letter == '_':
		case index > 0 && (letter >= '0' && letter <= '9' || letter == '-' || letter == '.'):
		default:
			return false
		}
	}
	return name != "" && !isReserved(name)
}

func isReserved(name string) bool {
	return len(name) >= 3 && name[0]|0x20 == 'x' && name[1]|0x20 == 'm' && name[2]|0x20 == 'l'
}
