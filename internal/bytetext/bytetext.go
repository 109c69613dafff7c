// Package bytetext writes names into JSON byte by byte. Names of files need not be UTF-8, and JSON's texts are.
package bytetext

import (
	"encoding/json"
	"unicode/utf8"
)

// String is a name. In JSON it is a text or, where it is not UTF-8, an object {"base64": its bytes}.
type String string

type encoded struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (s String) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return json.Marshal(string(s))
	}
	return json.Marshal(encoded{[]byte(s)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *String) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		var e encoded
		err := json.Unmarshal(text, &e)
		*s = String(e.Base64)
		return err
	}
	return json.Unmarshal(text, (*string)(s))
}
