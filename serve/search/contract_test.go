package search

import (
	"testing"

	"github.com/energo-ml/energo/serve/internal/openapitest"
)

// Every route but the pages is described, and what is described has forms that hold together.
func TestDescription(t *testing.T) {
	_, at := start(t, options(fixture()))
	for _, r := range (&Service{}).Routes() {
		if !r.Plain || r.Doc.ID != "" {
			openapitest.Of(t, at).Described(t, r.Pattern)
		}
	}
}
