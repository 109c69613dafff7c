package answers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
)

func generator(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 17)) }

// apart is |a − b| over max(|a|, |b|, 1).
func apart(a, b float64) float64 {
	if a == b {
		return 0
	}
	return math.Abs(a-b) / max(math.Abs(a), math.Abs(b), 1)
}

// named is a functional with settings.
type named struct {
	name string
	f    functional.Functional
}

// functionals returns every functional, with both rivals and several β.
func functionals(t testing.TB) (all []named) {
	t.Helper()
	for _, e := range functional.Catalogue() {
		for _, beta := range []float64{1, 0.5, 3} {
			for _, rival := range functional.Rivals {
				if rival == "wrong" && !e.Rival || beta != 1 && rival == "least" && !e.Takes("beta") {
					continue
				}
				o := functional.DefaultOptions()
				o.Beta, o.Rival, o.Cap = beta, rival, 4
				f, err := functional.New(e.Name, o)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, named{fmt.Sprintf("%s/%s/beta=%g", e.Name, rival, beta), f})
			}
		}
	}
	cost := functional.DefaultOptions()
	cost.Cost = [][]float64{{0, 1, 0.5}, {2, 0, 0.25}, {0.75, 1.5, 0}}
	f, err := functional.New("margin_cost_max", cost)
	if err != nil {
		t.Fatal(err)
	}
	return append(all, named{"margin_cost_max/cost", f})
}

// answer is one of all answers to a sample, as enumerated.
type answer struct {
	energy, cost float64
	correct      bool
}

// free is −(1/β) log Σ exp(−βE), as written but for the least energy.
func free(beta float64, all []answer, of func(answer) bool) float64 {
	least, sum := math.Inf(1), 0.0
	for _, a := range all {
		if of(a) {
			least = min(least, a.energy)
		}
	}
	if math.IsInf(least, 1) {
		return least
	}
	for _, a := range all {
		if of(a) {
			sum += math.Exp(-beta * (a.energy - least))
		}
	}
	return least - math.Log(sum)/beta
}

func every(answer) bool     { return true }
func correct(a answer) bool { return a.correct }
func wrong(a answer) bool   { return !a.correct }

// least is the minimum of E − C.
func least(all []answer, of func(answer) bool, costs bool) float64 {
	v := math.Inf(1)
	for _, a := range all {
		if of(a) {
			e := a.energy
			if costs {
				e -= a.cost
			}
			v = min(v, e)
		}
	}
	return v
}

// brute returns E⁺ and the statistic by their definitions, over enumerated answers.
func brute(s functional.Statistic, base Base, plus float64, all []answer, places float64) (e, v float64) {
	zero := 0.0
	switch base {
	case AboveMinimum:
		zero = least(all, every, false)
	case LogProbability:
		zero = free(1, all, every)
	}
	switch s.Kind {
	case functional.None:
		return (plus - zero) / places, 0
	case functional.CostMax:
		return (plus - zero) / places, max(0, plus-least(all, wrong, true)) / places
	case functional.Minimum:
		v = least(all, every, false)
	case functional.Offending:
		v = least(all, wrong, false)
	case functional.FreeEnergy:
		v = free(s.Beta, all, every)
	case functional.Wrong:
		v = free(s.Beta, all, wrong)
	}
	return (plus - zero) / places, (v - zero) / places
}

// slopes holds grad, of the loss at x, against central differences, where no kink is near.
func slopes(t *testing.T, name string, x []float64, eval func() (float64, []float64)) (checked int) {
	t.Helper()
	const h = 1e-5
	_, at := eval()
	grad := append([]float64(nil), at...)
	for i, v := range x {
		if math.IsInf(v, 1) {
			if grad[i] != 0 {
				t.Fatalf("%s: a forbidden energy %d has the derivative %v", name, i, grad[i])
			}
			continue
		}
		x[i] = v + h
		up, g := eval()
		right := g[i]
		x[i] = v - h
		down, g := eval()
		left := g[i]
		x[i] = v
		if max(math.Abs(right-grad[i]), math.Abs(left-grad[i])) > 1e-3 {
			continue // a kink lies between
		}
		checked++
		if numeric := (up - down) / (2 * h); math.Abs(numeric-grad[i]) > 1e-7*max(1, math.Abs(grad[i])) {
			t.Fatalf("%s: derivative by energy %d is %v, finite differences %v", name, i, grad[i], numeric)
		}
	}
	return checked
}
