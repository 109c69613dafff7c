package answers

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
)

// everyPath calls do with each path of states through frames that spells a text: those of all sequences of states whose moves CTC allows.
func everyPath(states []int, frames int, do func(path []int)) {
	var walk func(path []int)
	walk = func(path []int) {
		if len(path) == frames {
			if last := path[frames-1]; last >= len(states)-2 {
				do(path)
			}
			return
		}
		from, next := 0, []int{0, 1}
		if len(path) > 0 {
			from = path[len(path)-1]
			next = []int{from, from + 1}
			if from+2 < len(states) && from%2 == 1 && states[from] != states[from+2] {
				next = append(next, from+2)
			}
		}
		for _, s := range next {
			if s < len(states) {
				walk(append(slices.Clip(path), s))
			}
		}
	}
	walk(nil)
}

// TestTrellis holds energies, the best path and occupancies against all paths, one by one, and the sums against Alignments.
func TestTrellis(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, labels := range [][]int{{}, {1}, {1, 1}, {2, 1}, {1, 2, 2}} {
		for _, frames := range []int{1, 2, 4, 6} {
			for _, beta := range []float64{0.3, 1, 4} {
				const classes = 3
				energies := make([]float64, frames*classes)
				for i := range energies {
					if energies[i] = 2 * rng.NormFloat64(); rng.IntN(12) == 0 {
						energies[i] = math.Inf(1)
					}
				}
				got, err := NewTrellis(energies, classes, 0, labels, beta)
				if err != nil {
					t.Fatal(err)
				}
				sum, least := 0.0, math.Inf(1)
				share := make([]float64, len(got.Occupancy))
				everyPath(got.States, frames, func(path []int) {
					e := 0.0
					for f, s := range path {
						e += energies[f*classes+got.States[s]]
					}
					p := math.Exp(-beta * e)
					sum, least = sum+p, min(least, e)
					for f, s := range path {
						share[f*len(got.States)+s] += p
					}
				})
				near := func(name string, got, want float64) {
					t.Helper()
					if math.IsInf(want, 1) != math.IsInf(got, 1) || math.Abs(got-want) > 1e-9 {
						t.Errorf("labels %v, %d frames, β = %v: %s is %v, want %v", labels, frames, beta, name, got, want)
					}
				}
				near("the free energy", got.Free, -math.Log(sum)/beta)
				near("the minimum", got.Least, least)
				for i := range share {
					want := 0.0
					if sum > 0 {
						want = share[i] / sum
					}
					near("an occupancy", got.Occupancy[i], want)
				}
				if math.IsInf(least, 1) {
					if got.Path != nil {
						t.Errorf("there is no path, but %v", got.Path)
					}
					continue
				}
				e := 0.0
				for f, s := range got.Path {
					e += energies[f*classes+got.States[s]]
				}
				near("the path's energy", e, least)
				a := Alignments[float64]{Latent: Sum}
				if err := a.Set(&Frames[float64]{Energies: energies, Classes: classes, Lengths: []int{frames}, Targets: labels, TargetLengths: []int{len(labels)}}, make([]float64, len(energies))); err != nil {
					t.Fatal(err)
				}
				if correct, other := []float64{0}, []float64{0}; beta == 1 {
					if err := a.Eval(functional.Statistic{Kind: functional.FreeEnergy, Beta: 1}, correct, other); err != nil {
						t.Fatal(err)
					}
					near("the free energy beside Alignments", got.Free, correct[0])
				}
			}
		}
	}
}

func TestTrellisRefuses(t *testing.T) {
	x := []float32{0, 1, 2, 3}
	for want, do := range map[string]func() (*Trellis, error){
		"4 energies of 3":    func() (*Trellis, error) { return NewTrellis(x, 3, 0, nil, 1) },
		"the blank is 2":     func() (*Trellis, error) { return NewTrellis(x, 2, 2, nil, 1) },
		"labels[1] is 0":     func() (*Trellis, error) { return NewTrellis(x, 2, 0, []int{1, 0}, 1) },
		"beta is 0":          func() (*Trellis, error) { return NewTrellis(x, 2, 0, nil, 0) },
		"energies[0] is NaN": func() (*Trellis, error) { return NewTrellis([]float32{float32(math.NaN()), 0}, 2, 0, nil, 1) },
	} {
		if _, err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	if got, err := NewTrellis[float32](nil, 2, 0, nil, 1); err != nil || got.Free != 0 || got.Least != 0 {
		t.Errorf("no frames and no labels: %v, %v; want one path of energy 0", got, err)
	}
}
