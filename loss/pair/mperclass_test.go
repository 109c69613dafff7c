package pair

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// classSizes makes labels with sizes[c] samples of class c, in mixed order.
func classSizes(sizes []int, seed uint64) (labels []int) {
	for c, n := range sizes {
		for range n {
			labels = append(labels, c*7-3)
		}
	}
	seeded(seed).Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
	return labels
}

func TestMPerClass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(1, 5).Draw(t, "m")
		perBatch := rapid.IntRange(1, 5).Draw(t, "classes of a batch")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 12), perBatch, 9).Draw(t, "sizes")
		seed := rapid.Uint64().Draw(t, "seed")
		labels := classSizes(sizes, seed)
		order := make([]int, rapid.IntRange(0, 200).Draw(t, "samples"))
		for i := range order {
			order[i] = -1
		}
		if err := (MPerClass{m}).Order(order, labels, m*perBatch, seeded(seed)); err != nil {
			t.Fatal(err)
		}
		s := sample[float32]{labels: labels}
		for batch := range slices.Chunk(order, m*perBatch) {
			checkBatch(t, &s, batch, m)
		}
		checkEven(t, &s, order)

		again := make([]int, len(order))
		if err := (MPerClass{m}).Order(again, labels, m*perBatch, seeded(seed)); err != nil || !slices.Equal(again, order) {
			t.Fatalf("the same seed gave another order: %v", err)
		}
	})
}

// checkBatch wants whole groups of different classes, the last of a short batch but in part.
func checkBatch(t *rapid.T, s *sample[float32], batch []int, m int) {
	seen := map[int]bool{}
	for group := range slices.Chunk(batch, m) {
		label := s.labels[group[0]]
		if seen[label] {
			t.Fatalf("class %d is twice in batch %v", label, batch)
		}
		seen[label] = true
		different := map[int]bool{}
		for _, i := range group {
			if s.labels[i] != label {
				t.Fatalf("group %v has labels %d and %d", group, label, s.labels[i])
			}
			different[i] = true
		}
		if want := min(len(group), len(s.positives(group[0]))+1); len(different) != want {
			t.Fatalf("group %v has %d different samples, want %d", group, len(different), want)
		}
	}
}

// checkEven wants all samples of a class to have come before one comes again.
func checkEven(t *rapid.T, s *sample[float32], order []int) {
	counts := make([]int, len(s.labels))
	for _, i := range order {
		counts[i]++
	}
	for i, n := range counts {
		for _, j := range s.positives(i) {
			if n > counts[j]+1 {
				t.Fatalf("of class %d, sample %d comes %d times and %d comes %d times", s.labels[i], i, n, j, counts[j])
			}
		}
	}
}

// TestMPerClassShares wants samples of all classes to come equally often in the mean, as far
// as a class may be in a batch once, and classes to meet each other.
func TestMPerClassShares(t *testing.T) {
	for _, c := range []struct {
		name  string
		sizes []int
		want  []float64 // of each class's samples, how often they come a place of the order and sample, relative to the mean
	}{
		{"alike", []int{12, 12, 12, 12, 12}, []float64{1, 1, 1, 1, 1}},
		{"unlike", []int{1, 3, 6, 20, 30}, []float64{1, 1, 1, 1, 1}},
		{"one that would be twice in a batch", []int{2, 3, 5, 10, 80}, []float64{2.5, 2.5, 2.5, 2.5, 0.625}},
	} {
		t.Run(c.name, func(t *testing.T) { checkShares(t, c.sizes, c.want) })
	}
}

func checkShares(t *testing.T, sizes []int, want []float64) {
	const m, batch, epochs = 2, 4, 400
	labels := classSizes(sizes, 1)
	order := make([]int, 100)
	counts := map[int]float64{}
	met := map[[2]int]int{}
	for e := range epochs {
		if err := (MPerClass{m}).Order(order, labels, batch, seeded(uint64(e))); err != nil {
			t.Fatal(err)
		}
		for b := range slices.Chunk(order, batch) {
			met[[2]int{min(labels[b[0]], labels[b[2]]), max(labels[b[0]], labels[b[2]])}]++
		}
		for _, i := range order {
			counts[labels[i]]++
		}
	}
	for c, n := range sizes {
		got := counts[c*7-3] / epochs / float64(len(order)) / float64(n) * float64(len(labels))
		if math.Abs(got-want[c]) > 0.1*want[c] {
			t.Errorf("samples of class %d, of %d, come %.3f times as often as in the mean; want %v", c, n, got, want[c])
		}
	}
	if sizes[0] == sizes[4] { // each pair of five classes a tenth of the batches
		for pair, n := range met {
			if share := float64(n) / epochs / float64(len(order)/batch); math.Abs(share-0.1) > 0.015 {
				t.Errorf("classes %v are together in %.3f of the batches, want a tenth", pair, share)
			}
		}
	}
}

func TestMPerClassErrors(t *testing.T) {
	labels := []int{0, 0, 1, 1, 2}
	for _, c := range []struct {
		name   string
		m      int
		order  int
		labels []int
		batch  int
		noRand bool
		says   []string
	}{
		{"no M", 0, 4, labels, 4, false, []string{"M is 0"}},
		{"not a multiple", 2, 4, labels, 5, false, []string{"batch is 5", "multiple of M, 2"}},
		{"no batch", 2, 4, labels, 0, false, []string{"batch is 0"}},
		{"no labels", 2, 4, nil, 4, false, []string{"labels is empty"}},
		{"too few classes", 1, 4, labels, 4, false, []string{"3 classes", "needs 4"}},
		{"too few for the last", 1, 4, labels, 8, false, []string{"3 classes", "needs 4"}},
		{"no rng", 2, 4, labels, 4, true, []string{"rng is nil"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := seeded(1)
			if c.noRand {
				rng = nil
			}
			wantError(t, MPerClass{c.m}.Order(make([]int, c.order), c.labels, c.batch, rng), c.says...)
		})
	}
	// A short epoch alone needs no more classes than it has groups.
	if err := (MPerClass{2}).Order(make([]int, 5), labels, 100, seeded(1)); err != nil {
		t.Error(err)
	}
}

func BenchmarkMPerClass(b *testing.B) {
	for _, c := range []struct {
		name             string
		samples, classes int
	}{{"60000x10", 60000, 10}, {"60000x10000", 60000, 10000}} {
		b.Run(c.name, func(b *testing.B) {
			labels, order := make([]int, c.samples), make([]int, c.samples)
			for i := range labels {
				labels[i] = i % c.classes
			}
			for b.Loop() {
				if err := (MPerClass{4}).Order(order, labels, 32, seeded(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
