package scratch_test

import (
	"fmt"
	"testing"

	"github.com/energo-ml/energo/internal/scratch"
)

func Example() {
	var w []float64
	for _, n := range []int{3, 2, 4} {
		w = scratch.Sized(w, n)
		fmt.Println(len(w), cap(w))
	}
	// Output:
	// 3 3
	// 2 3
	// 4 4
}

func TestSized(t *testing.T) {
	s := []int{1, 2, 3}
	for n := range 4 {
		got := scratch.Sized(s[:1], n)
		if len(got) != n || n > 0 && &got[0] != &s[0] {
			t.Errorf("%d of 3 elements: length %d, or other memory", n, len(got))
		}
	}
	grown := scratch.Sized(s, 4)
	if len(grown) != 4 || cap(grown) != 4 || &grown[0] == &s[0] {
		t.Errorf("4 elements from 3: length %d, capacity %d, or the same memory", len(grown), cap(grown))
	}
	for i, v := range grown {
		if v != 0 {
			t.Errorf("new memory has %d at %d; it must be zero", v, i)
		}
	}
	if n := testing.AllocsPerRun(10, func() { s = scratch.Sized(s, 2); s = scratch.Sized(s, 3) }); n != 0 {
		t.Errorf("%v allocations of warm memory", n)
	}
}
