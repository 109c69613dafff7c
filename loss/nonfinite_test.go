package loss_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// The suite of this file holds every loss to one rule: a number that is NaN, or that
// overflows on the way, never ends as a finite loss that is not the right one, least of all
// as 0, which says that there is nothing left to learn.

// choices are values of options, by name; nil leaves the option out.
type choices map[string][]any

// formulas has, of each loss, the choices that change its formula.
var formulas = map[string]choices{
	"smooth_l1":             {"beta": {1.0, 0.0}},
	"poisson_nll":           {"log_input": {true, false}, "full": {false, true}},
	"gaussian_nll":          {"full": {false, true}},
	"kl_div":                {"log_target": {false, true}},
	"cross_entropy":         {"label_smoothing": {0.0, 0.1}},
	"linear_cross_entropy":  {"label_smoothing": {0.0, 0.1}},
	"multi_margin":          {"p": {1.0, 2.0}},
	"ctc":                   {"zero_infinity": {false, true}},
	"triplet":               {"p": {0.0, 1.0, 2.0, 2.5, 3.3, math.Inf(1)}, "swap": {false, true}},
	"triplet_with_distance": {"distance_function": {"pairwise_distance", "cosine_similarity", "squared_euclidean"}, "swap": {false, true}},
	"contrastive":           ofPairs(choices{"power": {1.0, 2.0}, "reduction": {"mean", "sum"}}),
	"batch_triplet":         ofPairs(choices{"mining": {"hard", "semi_hard_or_farthest", "all"}, "soft": {false, true}, "over": {nil, "active", "all"}, "reduction": {"mean", "sum"}}),
	"nt_xent":               ofPairs(nil),
	"sup_con":               ofPairs(nil),
	"multi_similarity":      ofPairs(choices{"mine": {false, true}}),
	"circle":                ofPairs(nil),
	"n_pairs":               {"l2_reg": {0.0, 0.02}},
	"proxy_nca":             {"plus_plus": {false, true}},
	"vicreg":                {"variance": {25.0, 0.0}},
}

// ofPairs adds the choices of a measure.
func ofPairs(others choices) choices {
	all := choices{"distance": {"euclidean", "squared", "cosine", "dot", "lp"}, "p": {nil, 1.0, 2.5, math.Inf(1)}, "normalize": {nil, true}}
	maps.Copy(all, others)
	return all
}

// eachFormula calls f with a request for each of a loss's formulas, those that options make
// void left out.
func eachFormula(t *testing.T, e loss.Entry, in inputs, f func(t *testing.T, r loss.Request)) {
	t.Helper()
	all := []map[string]any{{}}
	for _, name := range slices.Sorted(maps.Keys(formulas[e.Name])) {
		var more []map[string]any
		for _, options := range all {
			for _, v := range formulas[e.Name][name] {
				o := maps.Clone(options)
				if v != nil {
					o[name] = v
				}
				more = append(more, o)
			}
		}
		all = more
	}
	taken := 0
	for _, options := range all {
		r := request(e, in, "mean")
		maps.Copy(r.Options, options)
		if a, err := e.Eval(r, false); err == nil && !math.IsNaN(a.Loss.Data[0]) {
			taken++
			t.Run(strings.ReplaceAll(fmt.Sprint(options), " ", ","), func(t *testing.T) { f(t, r) })
		}
	}
	if taken == 0 {
		t.Error("no formula could be evaluated")
	}
}

// eachPrecision calls f for float64, and for float32 at every level that this machine has.
func eachPrecision(f func(what string, single bool)) {
	f("float64", false)
	for l := simd.Generic; l <= simd.Best(); l++ {
		func() {
			defer simd.Use(simd.Use(l))
			f("float32 "+l.String(), true)
		}()
	}
}

// unread reports whether the loss does not look at an input's number at all: the score of a
// class that is not the sample's, of a label on no path, or the weight of a cluster that no
// sample is of.
func unread(e loss.Entry, name string, derivative float64) bool {
	looksAtSome := e.Name == "nll" || e.Name == "ctc" || e.Name == "adaptive_log_softmax" && strings.HasPrefix(name, "tail")
	return looksAtSome && derivative == 0
}

// ofVectors reports whether a loss is one of distances, which an infinite coordinate makes
// meaningless; an infinite score has a limit.
func ofVectors(e loss.Entry, r loss.Request) bool {
	if r.Options["p"] == 0.0 { // the number of differences
		return false
	}
	return e.Batch || e.Name == "cosine_embedding" || strings.HasPrefix(e.Name, "triplet")
}

// TestCatalogueNonFinite: an input with a NaN is refused or makes the loss NaN; one with an
// infinity is refused or makes it infinite or NaN, or, of scores, what it tends to.
func TestCatalogueNonFinite(t *testing.T) {
	eachLoss(t, 5, func(t *testing.T, e loss.Entry, in inputs, _ *rand.Rand) {
		eachFormula(t, e, in, func(t *testing.T, r loss.Request) {
			grad := evaluate(t, e, r, false).Grad
			for name, x := range in {
				for i, old := range x.Data {
					if g, ok := grad[name]; ok && unread(e, name, g.Data[i]) {
						continue
					}
					for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
						x.Data[i] = math.Copysign(1e100, v)
						limit := math.NaN()
						if a, err := e.Eval(r, false); err == nil && !ofVectors(e, r) {
							limit = a.Loss.Data[0]
						}
						x.Data[i] = v
						eachPrecision(func(what string, single bool) {
							a, err := e.Eval(r, single)
							if err != nil || math.IsNaN(a.Loss.Data[0]) || math.IsInf(v, 0) && !isFinite(a.Loss.Data[0]) {
								return
							}
							if got := a.Loss.Data[0]; math.IsNaN(v) || !(math.Abs(got-limit) <= 1e-5*math.Abs(got)) {
								t.Fatalf("%s: with %s[%d] = %v the loss is %v; it tends to %v", what, name, i, v, got, limit)
							}
						})
					}
					x.Data[i] = old
				}
			}
		})
	})
}

func isFinite(v float64) bool { return v-v == 0 }

// TestCatalogueOverflow: of inputs that grow to the greatest numbers, a finite loss in
// float32 is that of the same numbers in float64, and so are its finite derivatives; one in
// float64 is as much greater than those of smaller numbers as its growth there says.
func TestCatalogueOverflow(t *testing.T) {
	eachLoss(t, 9, func(t *testing.T, e loss.Entry, in inputs, _ *rand.Rand) {
		eachFormula(t, e, in, func(t *testing.T, r loss.Request) {
			grad := evaluate(t, e, r, false).Grad
			together := e.Batch || strings.HasPrefix(e.Name, "triplet") // whose distances would cancel
			for name := range grad {
				grown := func(by float64, single bool) (a *loss.Answer, finite bool) {
					s := loss.Request{Options: r.Options, Inputs: maps.Clone(in)}
					for other := range grad {
						if other == name || together {
							s.Inputs[other] = times(in[other], by)
						}
					}
					a, err := e.Eval(s, single)
					return a, err == nil && isFinite(a.Loss.Data[0])
				}
				for _, by := range []float64{1e10, 1e15, 1e19, 1e25, 1e30, 1e37, 1e38} {
					want, known := grown(by, false)
					eachPrecision(func(what string, single bool) {
						got, finite := grown(by, single)
						if finite && !(known && agree(got, want)) {
							t.Fatalf("%s: with %s times %g the loss is %v; in float64 it is %v", what, name, by, got, want)
						}
					})
				}
				low, lowFinite := grown(1e60, false)
				high, highFinite := grown(1e70, false)
				if !lowFinite || !highFinite {
					continue
				}
				first, growth := low.Loss.Data[0], high.Loss.Data[0]/low.Loss.Data[0]
				within := 1e-6
				if slices.Contains([]string{"poisson_nll", "gaussian_nll", "kl_div"}, e.Name) {
					within = 0.9 // of a logarithm's growth
				}
				for _, by := range []float64{1e120, 1e160, 1e200, 1e300, 1e307} {
					want := first
					if first != 0 {
						want *= math.Pow(by/1e60, math.Log10(growth)/10)
					}
					if a, finite := grown(by, false); finite && !(math.Abs(a.Loss.Data[0]-want) <= within*math.Abs(want)) {
						t.Fatalf("with %s times %g the loss is %v; its growth from times 1e60, %v, says %v", name, by, a.Loss.Data[0], first, want)
					}
				}
			}
		})
	})
}

// agree reports whether a loss, and those of its derivatives that are finite, are within a
// hundredth of what they should be.
func agree(got, want *loss.Answer) bool {
	near := func(got, want array) bool {
		size := 0.0
		for _, v := range want.Data {
			size = max(size, math.Abs(v))
		}
		for i, v := range got.Data {
			if isFinite(v) && !(math.Abs(v-want.Data[i]) <= 1e-2*size) {
				return false
			}
		}
		return true
	}
	for name := range want.Grad {
		if !near(got.Grad[name], want.Grad[name]) {
			return false
		}
	}
	return near(got.Loss, want.Loss)
}

// times returns an array multiplied by a number, as float32 has it where that is in range.
func times(a array, by float64) array {
	out := array{Shape: a.Shape}
	for _, v := range a.Data {
		v *= by
		if s := float64(float32(v)); isFinite(s) {
			v = s
		}
		out.Data = append(out.Data, v)
	}
	return out
}

// TestNaNAtCorners: a NaN counts also where the other inputs leave its element without a
// term, or its term without a weight.
func TestNaNAtCorners(t *testing.T) {
	nan := array{Shape: []int{2}, Data: []float64{math.NaN(), math.NaN()}}
	of := func(shape []int, data ...float64) array { return array{Shape: shape, Data: data} }
	for _, c := range []struct {
		name    string
		in      inputs
		options map[string]any
	}{
		{"kl_div", inputs{"input": nan, "target": of([]int{2}, 0, 0)}, nil},
		{"kl_div", inputs{"input": nan, "target": of([]int{2}, math.Inf(-1), -1e4)}, map[string]any{"log_target": true}},
		{"poisson_nll", inputs{"input": nan, "target": of([]int{2}, 0, 0)}, nil},
		{"poisson_nll", inputs{"input": nan, "target": of([]int{2}, 0, 0)}, map[string]any{"log_input": false}},
		{"gaussian_nll", inputs{"input": nan, "target": of([]int{2}, 0, 0), "var": of([]int{2}, math.Inf(1), 1)}, nil},
		{"bce_logits", inputs{"input": nan, "target": of([]int{2}, 0, 1)}, nil},
		{"bce_logits", inputs{"input": nan, "target": of([]int{2}, 1, 1)}, map[string]any{"pos_weight": of([]int{2}, 0, 0)}},
		{"bce_logits", inputs{"input": nan, "target": of([]int{2}, 1, 1)}, map[string]any{"weight": of([]int{2}, 0, 0)}},
		{"mse", inputs{"input": nan, "target": of([]int{2}, 1, 1)}, map[string]any{"weight": of([]int{2}, 0, 1)}},
		{"margin_ranking", inputs{"input1": nan, "input2": of([]int{2}, -9, -9), "target": of([]int{2}, 1, 1)}, nil},
		{"hinge_embedding", inputs{"input": nan, "target": of([]int{2}, 1, -1)}, nil},
		{"multi_margin", inputs{"input": of([]int{1, 1}, math.NaN()), "target": of([]int{1}, 0)}, nil},
		{"multi_margin", inputs{"input": of([]int{1, 2}, math.NaN(), 1), "target": of([]int{1}, 1)}, map[string]any{"weight": of([]int{2}, 0, 0)}},
		{"multilabel_margin", inputs{"input": of([]int{1, 2}, math.NaN(), 1), "target": of([]int{1, 2}, 0, 1)}, nil},
		{"multilabel_margin", inputs{"input": of([]int{1, 2}, math.NaN(), 1), "target": of([]int{1, 2}, -1, -1)}, nil},
		{"multilabel_margin", inputs{"input": of([]int{1, 2}, math.NaN(), math.Inf(-1)), "target": of([]int{1, 2}, 0, -1)}, nil},
		{"multilabel_soft_margin", inputs{"input": of([]int{1, 2}, math.NaN(), 1), "target": of([]int{1, 2}, 0, 1)}, map[string]any{"weight": of([]int{2}, 0, 1)}},
		{"cross_entropy", inputs{"input": of([]int{1, 2}, math.NaN(), math.Inf(1)), "target": of([]int{1}, 1)}, nil},
		{"cross_entropy", inputs{"input": of([]int{1, 2}, math.Inf(-1), math.NaN()), "target": of([]int{1, 2}, 0, 0)}, nil},
		{"cross_entropy", inputs{"input": of([]int{1, 1}, math.NaN()), "target": of([]int{1}, 0)}, nil},
		{"nll", inputs{"input": of([]int{1, 2}, math.NaN(), 1), "target": of([]int{1}, 0)}, map[string]any{"weight": of([]int{2}, 0, 1), "reduction": "sum"}},
		{"cosine_embedding", inputs{"input1": of([]int{1, 1}, math.NaN()), "input2": of([]int{1, 1}, 0), "target": of([]int{1}, -1)}, nil},
		{"triplet", inputs{"anchor": of([]int{1, 1}, 0), "positive": of([]int{1, 1}, 0), "negative": of([]int{1, 1}, math.NaN())}, map[string]any{"swap": true}},
		{"proxy_nca", inputs{"embeddings": of([]int{1, 1}, math.NaN()), "labels": of([]int{1}, 0), "proxies": of([]int{1, 1}, 1)}, nil},
		{"batch_triplet", inputs{"embeddings": of([]int{1, 1}, math.NaN()), "labels": of([]int{1}, 0)}, nil},
	} {
		e, err := loss.Lookup(c.name)
		if err != nil {
			t.Fatal(err)
		}
		eachPrecision(func(what string, single bool) {
			a, err := e.Eval(loss.Request{Options: c.options, Inputs: c.in}, single)
			if err == nil && !math.IsNaN(a.Loss.Data[0]) {
				t.Errorf("%s, %s: of %v, %v the loss is %v", c.name, what, c.in, c.options, a.Loss.Data[0])
			}
		})
	}
}

// TestDivergedBatches: products and distances that overflow never look like a batch that is
// learnt: the loss is infinite or NaN, and so is a derivative.
func TestDivergedBatches(t *testing.T) {
	labels := array{Shape: []int{3}, Data: []float64{0, 0, 1}}
	batch := func(x ...float64) inputs {
		return inputs{"embeddings": {Shape: []int{len(x), 1}, Data: x}, "labels": labels}
	}
	for _, c := range []struct {
		name    string
		in      inputs
		single  bool
		options map[string]any
	}{
		{"batch_triplet", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot", "mining": "hard"}},
		{"batch_triplet", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot", "mining": "hard", "soft": true}},
		{"batch_triplet", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot", "mining": "semi_hard_or_farthest", "soft": true}},
		{"batch_triplet", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot", "mining": "all"}},
		{"batch_triplet", batch(1e160, 1e160, 2e160), false, map[string]any{"distance": "dot", "mining": "hard"}},
		{"batch_triplet", batch(-3e38, -3e38, 3e38), true, map[string]any{"distance": "lp", "p": math.Inf(1)}},
		{"contrastive", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot"}},
		{"contrastive", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "euclidean"}},
		{"multi_similarity", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot"}},
		{"multi_similarity", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot", "mine": true}},
		{"circle", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot"}},
		{"sup_con", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot"}},
		{"nt_xent", batch(1e20, 1e20, 2e20), true, map[string]any{"distance": "dot"}},
		{"nt_xent", batch(1.7e308, 1.7e308, -1.7e308), false, map[string]any{"distance": "lp", "p": 1.0}},
		{"n_pairs", inputs{
			"embeddings": {Shape: []int{4, 1}, Data: []float64{1e20, 1e20, 2e20, 2e20}},
			"labels":     {Shape: []int{4}, Data: []float64{0, 0, 1, 1}},
		}, true, nil},
	} {
		e, err := loss.Lookup(c.name)
		if err != nil {
			t.Fatal(err)
		}
		a := evaluate(t, e, loss.Request{Options: c.options, Inputs: c.in}, c.single)
		if d := a.Grad["embeddings"].Data; isFinite(a.Loss.Data[0]) || !slices.ContainsFunc(d, func(v float64) bool { return !isFinite(v) }) {
			t.Errorf("%s with %v: the loss is %v, its gradient %v", c.name, c.options, a.Loss.Data, d)
		}
	}
}
