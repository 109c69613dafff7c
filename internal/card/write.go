package card

import (
	"encoding/json"

	"github.com/energo-ml/energo/internal/wholefile"
)

// Write writes an object as a file that Decode reads, whole or not at all.
func Write(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(text, '\n'))
}
