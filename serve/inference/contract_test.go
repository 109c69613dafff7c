package inference

import (
	"testing"

	"github.com/energo-ml/energo/serve/internal/openapitest"
)

// Every route is described, and what is described has forms that hold together.
func TestDescription(t *testing.T) {
	_, at := start(t, options(t))
	for _, r := range (&Service{}).Routes() {
		openapitest.Of(t, at).Described(t, r.Pattern)
	}
}
