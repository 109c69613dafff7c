package exporttest

import (
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// TestFar: what is off is told, and what is within the bound is not.
func TestFar(t *testing.T) {
	nan := float32(math.NaN())
	of := func(x ...float32) *value.Value { return Of(t, x, len(x)) }
	for _, c := range []struct {
		v, want *value.Value
		fault   string
	}{
		{of(1, 1000), of(1, 1000.005), ""},
		{of(1e-6), of(2e-6), ""},
		{of(1), of(1.0001), "element 0 is 1"},
		{of(1, 1000), of(1, 1000.1), "element 1 is 1000"},
		{of(nan), of(1), "element 0 is NaN"},
		{nil, of(1), "missing"},
		{of(1, 2), of(1), "it is float[2], want float[1]"},
		{Of(t, []int64{1}, 1), of(1), "it is int64[1], want float[1]"},
		{Of(t, []int64{1, 2}, 2), Of(t, []int64{1, 2}, 2), ""},
		{Of(t, []int64{1, 2}, 2), Of(t, []int64{1, 3}, 2), "it is [1 2], want [1 3]"},
	} {
		if got := far(c.v, c.want); got != c.fault && (c.fault == "" || !strings.Contains(got, c.fault)) {
			t.Errorf("%v: %q, want %q", c.v, got, c.fault)
		}
	}
}
