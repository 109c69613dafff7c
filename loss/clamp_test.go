package loss_test

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// settings are the options, besides the defaults, under which losses have clamps of their own.
var settings = map[string][]map[string]any{
	"gaussian_nll":          {{"eps": 0.25}, {"full": true}},
	"poisson_nll":           {{"full": true}},
	"kl_div":                {{"log_target": true}},
	"smooth_l1":             {{"beta": 0.25}},
	"huber":                 {{"delta": 0.25}},
	"triplet":               {{"p": 1.0}, {"swap": true}, {"margin": 4.0}},
	"triplet_with_distance": {{"distance_function": "cosine_similarity"}, {"distance_function": "squared_euclidean"}},
	"contrastive":           {{"distance": "cosine"}, {"normalize": true}},
	"batch_triplet":         {{"distance": "cosine", "mining": "all"}, {"normalize": true, "soft": true}},
	"cross_entropy":         {{"label_smoothing": 0.1}},
	"multi_margin":          {{"p": 2.0}},
}

// edges are the places where losses clamp, cut off or divide by something held from 0, and
// the ends of domains. Inputs that are not here have numbers of every size.
var edges = map[string]map[string][]float64{
	"bce":                    {"input": {0, 1e-42, 1e-30, 1e-13, 0.5, 1 - 0x1p-24, 1}, "target": {0, 1e-30, 1}},
	"bce_logits":             {"target": {0, 1e-30, 1}},
	"multilabel_soft_margin": {"target": {0, 1}},
	"gaussian_nll":           {"var": {0, 1e-30, 1e-7, 1e-6, 2e-6, 0.25, 0.3, 1e6}},
	"kl_div":                 {"input": {-1e3, -100, -1e-30, 0}, "target": {0, 1e-42, 1e-30, 1}},
	"poisson_nll":            {"input": anySize[:11], "target": {0, 1e-30, 1, 1.5, 1e4}},
	"nll":                    {"input": {-1e3, -100, -1e-30, 0}},
	"cross_entropy":          {"input": anySize},
	"multi_margin":           {"input": anySize},
	"ctc":                    {"log_probs": {-1e3, -100, 0}},
}

var anySize = []float64{0, 1e-30, -1e-30, 1e-12, -1e-8, 1, -1, 30, -30, 90, -90, 1e4, -1e4}

// lengths are what rows are multiplied by where a loss divides by their lengths.
var lengths = []float64{0, 1e-30, 1e-14, 3e-13, 1e-12, 2e-9, 1e-8, 1e-7, 1e4}

// conventions are the derivatives that are PyTorch's, though not those of the value:
// docs/conventions.md has them.
func conventional(e loss.Entry, options map[string]any, input string, v float64) bool {
	switch {
	case e.Name == "bce" && input == "input":
		return v*(1-v) < 1e-12
	case e.Name == "gaussian_nll" && input == "var":
		eps, ok := options["eps"].(float64)
		if !ok {
			eps = 1e-6
		}
		return v <= eps
	}
	return false
}

// TestDerivativesAtClamps holds all derivatives against one-sided differences of the value
// where an argument, or a whole row, lies at the edge of a domain or where something is
// clamped: at a kink the derivative lies between the two sides. In float32 every level
// must give what float64 gives.
func TestDerivativesAtClamps(t *testing.T) {
	defer simd.Use(simd.Current())
	eachLoss(t, 7, func(t *testing.T, e loss.Entry, in inputs, r *rand.Rand) {
		if e.Name == "circle" { // whose gradient takes its weights for constants, as its paper
			return
		}
		checked := 0
		for _, options := range append([]map[string]any{nil}, settings[e.Name]...) {
			for _, input := range e.Inputs {
				x, ok := in[input.Name]
				if !ok || !input.Grad || strings.HasPrefix(input.Is, "1 or") {
					continue
				}
				values := edges[e.Name][input.Name]
				if edges[e.Name] == nil {
					values = anySize
				}
				kept := slices.Clone(x.Data)
				for _, v := range values {
					x.Data[0] = v
					checked += checkEdge(t, e, in, options)
					copy(x.Data, kept)
				}
				if len(x.Shape) < 2 || edges[e.Name] != nil {
					continue
				}
				for _, by := range lengths {
					for i := range x.Shape[len(x.Shape)-1] {
						x.Data[i] *= by
					}
					checked += checkEdge(t, e, in, options)
					copy(x.Data, kept)
				}
			}
		}
		if checked < 20 {
			t.Errorf("only %d derivatives could be checked", checked)
		}
	})
}

// checkEdge checks the derivatives by everything, and returns how many differences said
// something.
func checkEdge(t *testing.T, e loss.Entry, in inputs, options map[string]any) (checked int) {
	t.Helper()
	r := request(e, in, "sum")
	maps.Copy(r.Options, mild[e.Name])
	maps.Copy(r.Options, options)
	got, err := e.Eval(r, false)
	if err != nil {
		t.Fatal(err)
	}
	total := got.Loss.Data[0]
	if math.IsInf(total, 0) || math.IsNaN(total) {
		return 0
	}
	longest := 0.0
	for name := range got.Grad {
		for _, v := range in[name].Data {
			longest = max(longest, math.Abs(v))
		}
	}
	for name, g := range got.Grad {
		x := in[name]
		width := 1
		if len(x.Shape) > 1 {
			width = x.Shape[len(x.Shape)-1]
		}
		for i, v := range x.Data {
			if conventional(e, options, name, v) {
				continue
			}
			size := math.Abs(v)
			if size == 0 {
				for _, w := range x.Data[i/width*width : (i/width+1)*width] {
					size = max(size, math.Abs(w))
				}
				size = cmp.Or(size, 1e-15) // far below what lengths are held from
			} else if d := math.Abs(1 - v); d > 0 {
				size = min(size, d)
			}
			h := 0x1p-20 * size
			side := func(h float64) float64 { // the slope on one side, NaN where that is outside the domain
				x.Data[i] = v + h
				defer func() { x.Data[i] = v }()
				a, err := e.Eval(r, false)
				if err != nil {
					return math.NaN()
				}
				return (a.Loss.Data[0] - total) / (x.Data[i] - v)
			}
			left, right := side(-h), side(h)
			if math.IsNaN(left) {
				left = right
			}
			if math.IsNaN(right) {
				right = left
			}
			if math.IsNaN(left) || math.IsInf(left, 0) || math.IsInf(right, 0) {
				continue
			}
			if math.IsInf(g.Data[i], 0) { // then slopes must grow towards the point
				if far, near := side(1e-6), side(1e-9); math.Signbit(near) != math.Signbit(g.Data[i]) || math.Abs(near) < math.Abs(far)+3 {
					t.Fatalf("options %v: the derivative by %s[%d] of %v is %v; differences say %v, and nearer by %v", options, name, i, x.Data, g.Data[i], far, near)
				}
				continue
			}
			noise := 1e-14 * (math.Abs(total) + 1 + longest*longest) / h
			within := 2e-3*max(math.Abs(left), math.Abs(right)) + 4*noise
			if d := g.Data[i]; !(d >= min(left, right)-within && d <= max(left, right)+within) {
				t.Fatalf("options %v: the derivative by %s[%d] of %v is %v; differences say %v on the left, %v on the right", options, name, i, x.Data, d, left, right)
			}
			if noise < 0.1*math.Abs(left) {
				checked++
			}
		}
	}
	checkEdgeSingle(t, e, in, r)
	return checked
}

// checkEdgeSingle holds float32's derivatives at every level against float64's.
func checkEdgeSingle(t *testing.T, e loss.Entry, in inputs, r loss.Request) {
	t.Helper()
	exact := inputs{}
	for name, x := range in {
		y := array{Shape: x.Shape}
		for _, v := range x.Data {
			y.Data = append(y.Data, float64(float32(v)))
		}
		exact[name] = y
	}
	r.Inputs = exact
	want, err := e.Eval(r, false)
	if err != nil {
		t.Fatal(err)
	}
	for level := simd.Generic; level <= simd.Best(); level++ {
		simd.Use(level)
		got := evaluate(t, e, r, true)
		for name, g := range want.Grad {
			size := 0.0
			for _, v := range g.Data {
				if !math.IsInf(v, 0) {
					size = max(size, math.Abs(v))
				}
			}
			for i, w := range g.Data {
				h := got.Grad[name].Data[i]
				if h != float64(float32(w)) && !(math.Abs(h-w) <= 1e-4*max(math.Abs(w), min(size, 1e4))) && !(math.IsNaN(h) && math.IsNaN(w)) {
					t.Fatalf("%v, options %v: the derivative by %s[%d] of %v is %v in float32, %v in float64", level, r.Options, name, i, exact[name].Data, h, w)
				}
			}
		}
	}
}
