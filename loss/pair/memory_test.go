package pair

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestMemory compares the ring with a list of everything that was put in.
func TestMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, dim := rapid.IntRange(1, 9).Draw(t, "size"), rapid.IntRange(1, 3).Draw(t, "dim")
		m, err := NewMemory[float32](size, dim)
		if err != nil {
			t.Fatal(err)
		}
		var all []int // labels, of which the embeddings are copies
		for range rapid.IntRange(0, 8).Draw(t, "batches") {
			labels := make([]int, rapid.IntRange(0, 12).Draw(t, "batch"))
			x := make([]float32, len(labels)*dim)
			for i := range labels {
				labels[i] = len(all) - 20
				all = append(all, labels[i])
				for j := range dim {
					x[i*dim+j] = float32(labels[i])
				}
			}
			if err := m.Put(x, labels); err != nil {
				t.Fatal(err)
			}
			want := all[max(0, len(all)-size):]
			got := slices.Sorted(slices.Values(m.Labels()))
			if !slices.Equal(got, want) || m.Len() != len(want) {
				t.Fatalf("%d labels %v, want %v", m.Len(), got, want)
			}
			for i, v := range m.Embeddings() {
				if v != float32(m.Labels()[i/dim]) {
					t.Fatalf("value %d is %v, its label is %d", i, v, m.Labels()[i/dim])
				}
			}
			m = restored(t, m, size, dim)
		}
	})
}

// restored returns another memory that has read the state of m.
func restored(t *rapid.T, m *Memory[float32], size, dim int) *Memory[float32] {
	again, err := NewMemory[float32](size, dim)
	if err != nil {
		t.Fatal(err)
	}
	x, l, p := m.State()
	x2, l2, p2 := again.State()
	if copy(x2, x) != size*dim || copy(l2, l) != size || copy(p2, p) != 2 {
		t.Fatal("the state's sizes are not those of the memory")
	}
	if err := again.Check(); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestMemoryErrors(t *testing.T) {
	for _, c := range []struct{ size, dim int }{{0, 1}, {1<<24 + 1, 1}, {1, 0}, {1<<14 + 1, 1 << 12}, {1 << 24, 1 << 60}} {
		if _, err := NewMemory[float32](c.size, c.dim); err == nil {
			t.Errorf("a memory of %d embeddings of %d coordinates is allowed", c.size, c.dim)
		}
	}
	m, err := NewMemory[float32](3, 2)
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	wantError(t, m.Put([]float32{1, 2, 3}, []int{1}), "embeddings has 3", "must have 2")
	wantError(t, m.Put([]float32{1, nan}, []int{1}), "embeddings[1]", "NaN")
	wantError(t, m.Put([]float32{1, 2}, []int{1 << 25}), "labels[0] is 33554432")
	if m.Len() != 0 {
		t.Errorf("%d embeddings after errors", m.Len())
	}
	if err := m.Put([]float32{1, 2, 3, 4}, []int{5, 6}); err != nil {
		t.Fatal(err)
	}
	x, l, p := m.State()
	for _, c := range []struct {
		what *float32
		bad  []float32
		says string
	}{
		{&p[0], []float32{-1, 0, 1, 3, 2.5, nan, 1e30}, "next place"},
		{&p[1], []float32{-1, 1, 4, 1.5, nan, 1e30}, ""},
		{&l[1], []float32{0.5, nan, 1e30}, "labels[1]"},
		{&x[3], []float32{nan, float32(math.Inf(-1))}, "embeddings[3]"},
	} {
		good := *c.what
		for _, bad := range c.bad {
			*c.what = bad
			wantError(t, m.Check(), c.says)
		}
		*c.what = good
		if err := m.Check(); err != nil {
			t.Error(err)
		}
	}
}
