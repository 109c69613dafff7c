package wire

import (
	"bytes"
	"math"
	"testing"
)

// FuzzVector: what is taken as a vector is finite, and of as many numbers as there are commas, and one.
func FuzzVector(f *testing.F) {
	for _, s := range []string{`[1,2.5,-3e4]`, `[]`, `[1e999]`, `[null]`, `["1"]`, `[ 0x1p3, 1_0 ]`, `[inf]`, `[1,]`} {
		f.Add([]byte(`{"vector":` + s + `}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var vector []float32
		if err := Decode(text, Object(map[string]Reader{"vector": Vector(&vector, 100)})); err != nil || vector == nil {
			return
		}
		if commas := bytes.Count(text, []byte(",")); len(vector) > commas+1 {
			t.Errorf("%q: %d coordinates", text, len(vector))
		}
		for i, v := range vector {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("%q: coordinate %d is %v", text, i, v)
			}
		}
	})
}
