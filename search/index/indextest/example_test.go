package indextest_test

import (
	"testing"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/indextest"
)

// The test of a store that implements index.Index.
func Example() {
	_ = func(t *testing.T) {
		indextest.Run(t, func(t *testing.T, o index.Options) index.Index {
			x, err := index.Create(t.TempDir()+"/index", o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { x.Close() })
			return x
		})
	}
}
