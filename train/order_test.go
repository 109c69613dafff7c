package train

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
)

// ordered is blobs whose batches have four samples of each of two labels.
type ordered struct {
	*blobs
	spoil func(order []int) error
	seen  [][]int // the samples of each step
}

func (o *ordered) Order(order []int, batch int, rng *rand.Rand) error {
	by := make([][]int, blobLabels)
	for i, y := range o.y {
		by[y] = append(by[y], i)
	}
	for lo := 0; lo < len(order); lo += batch {
		two := rng.Perm(blobLabels)
		for k := range min(batch, len(order)-lo) {
			of := by[two[k/4]]
			order[lo+k] = of[rng.IntN(len(of))]
		}
	}
	if o.spoil != nil {
		return o.spoil(order)
	}
	return nil
}

func (o *ordered) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	o.seen = append(o.seen, slices.Clone(b.Samples))
	return o.blobs.Loss(tape, b)
}

// TestOrder trains in the task's own order, unbroken and stopped after each step.
func TestOrder(t *testing.T) {
	want, wantDir := &ordered{blobs: newBlobs(9)}, t.TempDir()
	finish(t, t.Context(), want, blobConfig(wantDir))
	if len(want.seen) != 39 {
		t.Fatalf("%d steps", len(want.seen))
	}
	for step, samples := range want.seen {
		for k, i := range samples {
			if want.y[i] != want.y[samples[k/4*4]] {
				t.Errorf("step %d has labels of another order", step+1)
			}
		}
	}
	if slices.Equal(want.seen[0], want.seen[13]) {
		t.Error("two epochs begin alike")
	}
	for cut := 1; cut < 39; cut += 4 {
		dir := t.TempDir()
		part, c := &ordered{blobs: newBlobs(9)}, blobConfig(dir)
		out := stopAfter(t, part, part.blobs, c, cut)
		if out.Reason != "interrupted" {
			t.Fatalf("cut %d: %+v", cut, out)
		}
		rest := &ordered{blobs: newBlobs(9)}
		c = blobConfig(dir)
		c.Resume = true
		finish(t, t.Context(), rest, c)
		same(t, fmt.Sprintf("cut after step %d", cut), want.blobs, rest.blobs, wantDir, dir)
		if !slices.EqualFunc(append(part.seen, rest.seen...), want.seen, slices.Equal) {
			t.Errorf("cut after step %d: other batches", cut)
		}
	}
}

func TestOrderRefuses(t *testing.T) {
	failed := errors.New("no order today")
	for want, spoil := range map[string]func([]int) error{
		"order of epoch 1: no order today":                func([]int) error { return failed },
		"order of epoch 1: element 7 is sample 100, of":   func(o []int) error { o[7] = blobSamples; return nil },
		"order of epoch 1: element 99 is sample -1, of 1": func(o []int) error { o[99] = -1; return nil },
	} {
		task := &ordered{blobs: newBlobs(9), spoil: spoil}
		if _, err := Run(t.Context(), task, blobConfig(t.TempDir()), func(Event) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}
