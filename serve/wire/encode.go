package wire

import (
	"bytes"
	"encoding/json"
)

// Encode writes a value, which must be one that JSON can have, as answers have it.
func Encode(v any) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // this is never taken for HTML, and would be six times as long
	if err := e.Encode(v); err != nil {
		panic(err) // values of ours: plain structs of finite numbers
	}
	return text.Bytes()
}
