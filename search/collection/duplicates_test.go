package collection

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// Groups are those of the definition, whatever the pages of hits and items are.
func TestFindDuplicates(t *testing.T) {
	x, err := index.Create(t.TempDir(), index.Options{Dim: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	var items []index.Item
	position := func(i int) float32 { // forty at each of 0 to 9, and a chain in steps of 0.25 behind them
		if i < 400 {
			return float32(i % 10)
		}
		return 100 + float32(i-400)/4
	}
	for i := range 420 {
		items = append(items, index.Item{ID: fmt.Sprintf("%03d", i), Vector: []float32{position(i)}})
	}
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	for within, next := range map[float64]float64{0: 0.25, 0.3: 0.5, 0.5: 0.75} {
		taken := make([]bool, len(items))
		var want [][]string
		for i := range items {
			group := []string{items[i].ID}
			for j := range items {
				if j != i && !taken[i] && !taken[j] && math.Abs(float64(position(i)-position(j))) <= within {
					group = append(group, items[j].ID)
				}
			}
			if len(group) > 1 {
				want = append(want, group)
				for j := range items {
					taken[j] = taken[j] || slices.Contains(group, items[j].ID)
				}
			}
		}
		d, err := FindDuplicates(t.Context(), x, index.Filter{}, within, nil)
		if err != nil || d.Items != 420 || len(d.Groups) != len(want) {
			t.Fatalf("within %g: %+v, want %d groups, %v", within, d, len(want), err)
		}
		for i, group := range d.Groups {
			var ids []string
			for _, near := range group {
				if near.Distance > within {
					t.Errorf("within %g: %+v", within, near)
				}
				ids = append(ids, near.ID)
			}
			slices.Sort(ids)
			slices.Sort(want[i])
			if !slices.Equal(ids, want[i]) {
				t.Errorf("within %g: group %d is %q, want %q", within, i, ids, want[i])
			}
		}
		if d.Nearest != next {
			t.Errorf("within %g: the least distance beyond is %g, want %g", within, d.Nearest, next)
		}
	}
	if _, err := FindDuplicates(t.Context(), x, index.Filter{}, math.NaN(), nil); err == nil {
		t.Error("within NaN was taken")
	}
	dot, err := index.Create(t.TempDir(), index.Options{Dim: 1, Metric: distance.Dot})
	if err != nil {
		t.Fatal(err)
	}
	defer dot.Close()
	if _, err := FindDuplicates(t.Context(), dot, index.Filter{}, 1, nil); err == nil || !strings.Contains(err.Error(), "dot") {
		t.Error(err)
	}
}
