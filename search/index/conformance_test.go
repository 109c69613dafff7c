package index_test

import (
	"testing"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/indextest"
)

// TestConformance holds the index to what the interface says of all kinds.
func TestConformance(t *testing.T) {
	t.Parallel()
	indextest.Run(t, func(t *testing.T, o index.Options) index.Index {
		x, err := index.Create(t.TempDir(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
		return x
	})
}
