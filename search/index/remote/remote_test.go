package remote

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/index"
)

// TestDispatch asks the package that an address is for.
func TestDispatch(t *testing.T) {
	for address, of := range map[string]string{
		"weaviate://127.0.0.1:1/lower":  "weaviate: ",
		"weaviates://127.0.0.1:1/lower": "weaviate: ",
		"postgres://127.0.0.1:1/db":     "pgvector: ",
		"postgresql://127.0.0.1:1/db":   "pgvector: ",
	} {
		if !IsAddress(address) {
			t.Errorf("%s is no address", address)
		}
		x, err := Open(t.Context(), address)
		if x != nil || err == nil || !strings.HasPrefix(err.Error(), of) {
			t.Errorf("Open(%q): %v, %v; want an error of %s", address, x, err, of)
		}
		x, err = Create(t.Context(), address, index.Options{Dim: 1})
		if x != nil || err == nil || !strings.HasPrefix(err.Error(), of) {
			t.Errorf("Create(%q): %v, %v; want an error of %s", address, x, err, of)
		}
	}
	for _, folder := range []string{"", "postgres", "Pictures.index", "./weaviate:/x"} {
		if IsAddress(folder) {
			t.Errorf("%q is an address", folder)
		}
	}
}
