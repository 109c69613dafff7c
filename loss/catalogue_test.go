package loss_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

type (
	array  = loss.Array[float64]
	inputs = map[string]array
)

// draw returns an array of numbers.
func draw(f func() float64, shape ...int) array {
	a := array{Shape: shape}
	n := 1
	for _, d := range shape {
		n *= d
	}
	for range n {
		a.Data = append(a.Data, f())
	}
	return a
}

// samples has, for each loss, inputs of n samples inside its domain.
var samples = map[string]func(r *rand.Rand, n int) inputs{
	"l1": residuals, "mse": residuals, "smooth_l1": residuals, "huber": residuals,
	"poisson_nll": func(r *rand.Rand, n int) inputs {
		return inputs{"input": draw(r.NormFloat64, n), "target": draw(func() float64 { return float64(r.IntN(5)) }, n)}
	},
	"gaussian_nll": func(r *rand.Rand, n int) inputs {
		x := residuals(r, n)
		x["var"] = draw(func() float64 { return 0.2 + r.Float64() }, n)
		return x
	},
	"kl_div": func(r *rand.Rand, n int) inputs {
		return inputs{"input": draw(func() float64 { return math.Log(inside(r)) }, n), "target": draw(func() float64 { return inside(r) }, n)}
	},
	"bce": func(r *rand.Rand, n int) inputs {
		return inputs{"input": draw(func() float64 { return inside(r) }, n), "target": draw(func() float64 { return inside(r) }, n)}
	},
	"bce_logits": func(r *rand.Rand, n int) inputs {
		return inputs{"input": draw(r.NormFloat64, n), "target": draw(func() float64 { return inside(r) }, n)}
	},
	"soft_margin": signed, "hinge_embedding": signed,
	"margin_ranking": func(r *rand.Rand, n int) inputs {
		return inputs{"input1": draw(r.NormFloat64, n), "input2": draw(r.NormFloat64, n), "target": draw(sign(r), n)}
	},
	"multilabel_soft_margin": func(r *rand.Rand, n int) inputs {
		return inputs{"input": draw(r.NormFloat64, n, classes), "target": draw(func() float64 { return inside(r) }, n, classes)}
	},
	"cross_entropy": classed, "multi_margin": classed,
	"nll": func(r *rand.Rand, n int) inputs {
		x := classed(r, n)
		x["input"] = draw(func() float64 { return math.Log(inside(r)) }, n, classes)
		return x
	},
	"multilabel_margin": func(r *rand.Rand, n int) inputs {
		x := inputs{"input": draw(r.NormFloat64, n, classes)}
		y := array{Shape: []int{n, classes}}
		for range n {
			labels := r.Perm(classes)
			for i := range classes {
				if i < 1+r.IntN(1+classes/2) && (i == 0 || y.Data[len(y.Data)-1] >= 0) {
					y.Data = append(y.Data, float64(labels[i]))
				} else {
					y.Data = append(y.Data, -1)
				}
			}
		}
		x["target"] = y
		return x
	},
	"cosine_embedding": func(r *rand.Rand, n int) inputs {
		return inputs{"input1": draw(r.NormFloat64, n, classes), "input2": draw(r.NormFloat64, n, classes), "target": draw(sign(r), n)}
	},
	"triplet": triples, "triplet_with_distance": triples,
	"linear_cross_entropy": func(r *rand.Rand, n int) inputs {
		return inputs{
			"input": draw(r.NormFloat64, n, 3), "linear_weight": draw(r.NormFloat64, classes, 3), "linear_bias": draw(r.NormFloat64, classes),
			"target": draw(class(r), n),
		}
	},
	"ctc": func(r *rand.Rand, n int) inputs {
		const frames, width = 8, 3
		x := inputs{
			"log_probs":      draw(func() float64 { return math.Log(inside(r)) }, frames, n, classes),
			"targets":        draw(func() float64 { return 1 + float64(r.IntN(classes-1)) }, n, width),
			"input_lengths":  draw(func() float64 { return float64(frames - r.IntN(2)) }, n),
			"target_lengths": draw(func() float64 { return float64(r.IntN(width + 1)) }, n),
		}
		return x
	},
	"contrastive": grouped, "batch_triplet": grouped, "n_pairs": grouped, "nt_xent": grouped, "sup_con": grouped,
	"multi_similarity": grouped, "circle": grouped,
	"arcface": weighted("weight"), "cosface": weighted("weight"), "proxy_nca": weighted("proxies"), "proxy_anchor": weighted("proxies"),
	"vicreg": viewed, "barlow_twins": viewed,
	"adaptive_log_softmax": func(r *rand.Rand, n int) inputs {
		return inputs{
			"input": draw(r.NormFloat64, n, 3), "target": draw(class(r), n),
			"head.weight": draw(r.NormFloat64, 3, 3), "head.bias": draw(r.NormFloat64, 3),
			"tail.0.0.weight": draw(r.NormFloat64, 2, 3), "tail.0.1.weight": draw(r.NormFloat64, classes-2, 2),
		}
	},
}

const classes = 5

func inside(r *rand.Rand) float64      { return 0.05 + 0.9*r.Float64() }
func sign(r *rand.Rand) func() float64 { return func() float64 { return float64(2*r.IntN(2) - 1) } }

func class(r *rand.Rand) func() float64 { return func() float64 { return float64(r.IntN(classes)) } }

func residuals(r *rand.Rand, n int) inputs {
	return inputs{"input": draw(r.NormFloat64, n), "target": draw(r.NormFloat64, n)}
}

func signed(r *rand.Rand, n int) inputs {
	return inputs{"input": draw(r.NormFloat64, n), "target": draw(sign(r), n)}
}

func classed(r *rand.Rand, n int) inputs {
	return inputs{"input": draw(r.NormFloat64, n, classes), "target": draw(class(r), n)}
}

func triples(r *rand.Rand, n int) inputs {
	return inputs{"anchor": draw(r.NormFloat64, n, classes), "positive": draw(r.NormFloat64, n, classes), "negative": draw(r.NormFloat64, n, classes)}
}

func grouped(r *rand.Rand, n int) inputs {
	return inputs{"embeddings": draw(r.NormFloat64, n, 3), "labels": draw(class(r), n)}
}

func weighted(points string) func(r *rand.Rand, n int) inputs {
	return func(r *rand.Rand, n int) inputs {
		x := grouped(r, n)
		x[points] = draw(r.NormFloat64, classes, 3)
		return x
	}
}

func viewed(r *rand.Rand, n int) inputs {
	return inputs{"x": draw(r.NormFloat64, n, 3), "y": draw(r.NormFloat64, n, 3)}
}

// mild has options of losses that by default are too steep for differences of 1e-5.
var mild = map[string]map[string]any{
	"arcface": {"scale": 4.0}, "cosface": {"scale": 4.0}, "proxy_anchor": {"alpha": 4.0}, "multi_similarity": {"beta": 4.0},
}

// reductions are those of a loss that make a difference.
func reductions(e loss.Entry) []string {
	if e.Batch {
		return []string{"mean", "sum"}
	}
	return []string{"mean", "sum", "none"}
}

// request is one of a loss, with a reduction if it has that option.
func request(e loss.Entry, in inputs, reduction string) loss.Request {
	r := loss.Request{Options: map[string]any{}, Inputs: in}
	for _, o := range e.Options {
		if o.Name == "reduction" {
			r.Options["reduction"] = reduction
		}
	}
	if e.Name == "adaptive_log_softmax" {
		r.Options["n_classes"], r.Options["cutoffs"] = float64(classes), array{Shape: []int{1}, Data: []float64{2}}
	}
	return r
}

func evaluate(t *testing.T, e loss.Entry, r loss.Request, single bool) *loss.Answer {
	t.Helper()
	a, err := e.Eval(r, single)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// eachLoss runs f as a subtest for every row, on inputs of n samples.
func eachLoss(t *testing.T, n int, f func(t *testing.T, e loss.Entry, in inputs, r *rand.Rand)) {
	for _, e := range loss.Catalogue() {
		t.Run(e.Name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(len(e.Name)), 5))
			f(t, e, samples[e.Name](r, n), r)
		})
	}
}

// TestCatalogueComplete: every loss type of the package has a row, every row a sample,
// words, and sources that docs/references.md has.
func TestCatalogueComplete(t *testing.T) {
	references, err := os.ReadFile("../docs/references.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, e := range loss.Catalogue() {
		rows[e.Type] = true
		if e.Name == "" || e.Called() == "" || e.Formula == "" || e.Domain == "" || e.Margin == "" || e.Kinks == "" || len(e.Inputs) < 2 {
			t.Errorf("%s: the row is not full: %+v", e.Type, e)
		}
		if samples[e.Name] == nil {
			t.Errorf("%s has no sample", e.Name)
		}
		for _, key := range e.Source {
			if !strings.Contains(string(references), "| "+key+" |") {
				t.Errorf("%s: docs/references.md has no %s", e.Name, key)
			}
		}
		if len(e.Source) == 0 {
			t.Errorf("%s has no source", e.Name)
		}
	}
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	types := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "Eval" {
				continue
			}
			kind := fn.Recv.List[0].Type
			if p, ok := kind.(*ast.StarExpr); ok {
				kind = p.X
			}
			generic, ok := kind.(*ast.IndexExpr)
			if !ok {
				continue // the catalogue's own
			}
			types++
			if name := generic.X.(*ast.Ident).Name; !rows[name] {
				t.Errorf("loss.%s has no row in the catalogue", name)
			}
		}
	}
	if types != len(rows) {
		t.Errorf("%d losses in the package, %d rows", types, len(rows))
	}
}

// TestCatalogueGradients holds every declared gradient against finite differences, for
// all reductions; near a kink the two sides differ, and the point does not count.
func TestCatalogueGradients(t *testing.T) {
	eachLoss(t, 6, func(t *testing.T, e loss.Entry, in inputs, _ *rand.Rand) {
		if e.Name == "circle" { // whose gradient is not that of its value: TestPairwise has it with the weights frozen
			return
		}
		checked := 0
		for _, how := range reductions(e) {
			r := request(e, in, how)
			maps.Copy(r.Options, mild[e.Name])
			got := evaluate(t, e, r, false)
			total := func() (sum float64) {
				for _, v := range evaluate(t, e, r, false).Loss.Data {
					sum += v
				}
				return sum
			}
			for name, x := range in {
				g, differentiated := got.Grad[name]
				if !differentiated {
					continue
				}
				if !slices.Equal(g.Shape, x.Shape) {
					t.Fatalf("the gradient by %s has shape %v, it has %v", name, g.Shape, x.Shape)
				}
				if name == "target" && slices.ContainsFunc(e.Inputs, func(in loss.Input) bool { return in.Name == "target" && strings.HasPrefix(in.Is, "1 or") }) {
					continue // ±1 alone is allowed
				}
				for i, v := range x.Data {
					const h = 1e-5
					at := func(v float64) float64 { x.Data[i] = v; return total() }
					low, mid, high := at(v-h), at(v), at(v+h)
					x.Data[i] = v
					left, right := (mid-low)/h, (high-mid)/h
					if math.Abs(left-right) > 1e-3*max(1, math.Abs(left)) {
						continue
					}
					if want := (high - low) / (2 * h); math.Abs(g.Data[i]-want) > 1e-5*max(1, math.Abs(want)) {
						t.Fatalf("%s: the derivative by %s[%d] is %v; differences say %v", how, name, i, g.Data[i], want)
					}
					checked++
				}
			}
		}
		if checked < 10 {
			t.Errorf("only %d derivatives could be checked", checked)
		}
	})
}

// rows returns the inputs with their samples in an order, some perhaps more than once;
// those without samples, such as weights, stay.
func rows(in inputs, n int, order []int) inputs {
	out := inputs{}
	for name, x := range in {
		if name == "log_probs" { // [T, N, C]
			frames, each := x.Shape[0], x.Shape[2]
			y := array{Shape: []int{frames, len(order), each}}
			for t := range frames {
				for _, i := range order {
					y.Data = append(y.Data, x.Data[(t*n+i)*each:(t*n+i+1)*each]...)
				}
			}
			out[name] = y
			continue
		}
		if len(x.Shape) == 0 || x.Shape[0] != n || strings.Contains(name, "weight") || strings.Contains(name, "bias") {
			out[name] = x
			continue
		}
		each := len(x.Data) / n
		y := array{Shape: append([]int{len(order)}, x.Shape[1:]...)}
		for _, i := range order {
			y.Data = append(y.Data, x.Data[i*each:(i+1)*each]...)
		}
		out[name] = y
	}
	return out
}

// TestCatalogueMean: the mean does not change when samples are permuted, nor, unless it is
// of a batch, when they are repeated, and the parts of "none" make up mean and sum.
func TestCatalogueMean(t *testing.T) {
	const n = 11
	eachLoss(t, n, func(t *testing.T, e loss.Entry, in inputs, r *rand.Rand) {
		want := evaluate(t, e, request(e, in, "mean"), false).Loss.Data[0]
		order := r.Perm(n)
		orders := [][]int{order, append(append([]int(nil), order...), order...)}
		if e.Batch {
			orders = orders[:1]
		}
		if e.Name == "n_pairs" { // takes the first two of each label, so they stay in order
			labels := in["labels"].Data
			slices.SortFunc(order, func(i, j int) int { return cmp.Or(-cmp.Compare(labels[i], labels[j]), cmp.Compare(i, j)) })
		}
		for _, o := range orders {
			if got := evaluate(t, e, request(e, rows(in, n, o), "mean"), false).Loss.Data[0]; math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
				t.Errorf("the mean is %v; of %d samples in another order it is %v", want, len(o), got)
			}
		}
		if e.Name == "adaptive_log_softmax" { // has no other reduction
			return
		}
		if e.Batch {
			_, err := e.Eval(loss.Request{Options: map[string]any{"reduction": "none"}, Inputs: in}, false)
			if err == nil || !strings.Contains(err.Error(), "reduction") {
				t.Errorf("there is no loss of each sample, but the error is %v", err)
			}
			return
		}
		each := evaluate(t, e, request(e, in, "none"), false).Loss.Data
		sum := 0.0
		for _, v := range each {
			sum += v
		}
		if got := evaluate(t, e, request(e, in, "sum"), false).Loss.Data[0]; len(each) != n || math.Abs(got-sum) > 1e-12*max(1, math.Abs(sum)) {
			t.Errorf("%d losses add up to %v; the sum is %v", len(each), sum, got)
		}
	})
}

// TestCatalogueSingle: float32 agrees with float64 within 2e-5 of each array's size, and
// has the same bits whatever the number of workers is.
func TestCatalogueSingle(t *testing.T) {
	defer simd.SetThreads(0)
	eachLoss(t, 4001, func(t *testing.T, e loss.Entry, in inputs, _ *rand.Rand) {
		if in["embeddings"].Shape != nil { // all pairs of fewer; TestStripsAdd has many
			order := make([]int, 601)
			for i := range order {
				order[i] = i
			}
			in = rows(in, 4001, order)
		}
		for _, x := range in {
			for i, v := range x.Data {
				x.Data[i] = float64(float32(v))
			}
		}
		r := request(e, in, "mean")
		want := evaluate(t, e, r, false)
		simd.SetThreads(1)
		got := evaluate(t, e, r, true)
		close := func(what string, a, b array) {
			size := 0.0
			for _, v := range b.Data {
				size = max(size, math.Abs(v))
			}
			for i := range b.Data {
				if math.Abs(a.Data[i]-b.Data[i]) > 2e-5*size {
					t.Fatalf("%s[%d] is %v in float32, %v in float64", what, i, a.Data[i], b.Data[i])
				}
			}
		}
		close("loss", got.Loss, want.Loss)
		for name := range want.Grad {
			close("gradient by "+name, got.Grad[name], want.Grad[name])
		}
		for _, threads := range []int{2, 5} {
			simd.SetThreads(threads)
			again := evaluate(t, e, r, true)
			if again.Loss.Data[0] != got.Loss.Data[0] {
				t.Errorf("with %d workers the loss is %v, with one %v", threads, again.Loss.Data[0], got.Loss.Data[0])
			}
			for name := range got.Grad {
				if !slices.Equal(again.Grad[name].Data, got.Grad[name].Data) {
					t.Errorf("with %d workers the gradient by %s has other bits", threads, name)
				}
			}
		}
	})
}

// TestCatalogueAt: a pointwise loss at a point is what its evaluation there gives.
func TestCatalogueAt(t *testing.T) {
	eachLoss(t, 9, func(t *testing.T, e loss.Entry, in inputs, _ *rand.Rand) {
		if e.At == nil {
			return
		}
		first := "input"
		if e.Name == "margin_ranking" {
			first = "input1"
			in["input2"] = draw(func() float64 { return 0 }, 9)
		}
		if e.Name == "gaussian_nll" {
			in["var"] = draw(func() float64 { return 1 }, 9)
		}
		a := evaluate(t, e, request(e, in, "none"), false)
		for i, v := range a.Loss.Data {
			l, d := e.At(in[first].Data[i], in["target"].Data[i])
			if math.Abs(l-v) > 1e-14*max(1, math.Abs(v)) || math.Abs(d-a.Grad[first].Data[i]) > 1e-14*max(1, math.Abs(d)) {
				t.Errorf("at (%v, %v): %v, %v; evaluated: %v, %v", in[first].Data[i], in["target"].Data[i], l, d, v, a.Grad[first].Data[i])
			}
		}
	})
}

// TestCatalogueShape: what is said to be convex or symmetric is.
func TestCatalogueShape(t *testing.T) {
	eachLoss(t, 40, func(t *testing.T, e loss.Entry, in inputs, r *rand.Rand) {
		first := "input"
		if e.Name == "margin_ranking" {
			first = "input1"
		}
		if e.At == nil {
			if e.Convex || e.Symmetric {
				t.Error("said to be convex or symmetric, but not pointwise")
			}
			return
		}
		x, y := in[first].Data, in["target"].Data
		at := func(x, y float64) float64 { l, _ := e.At(x, y); return l }
		for i, v := range x {
			other := x[(i+7)%len(x)]
			s := r.Float64()
			chord := s*at(v, y[i]) + (1-s)*at(other, y[i])
			if l := at(s*v+(1-s)*other, y[i]); e.Convex && l > chord+1e-12*max(1, math.Abs(chord)) {
				t.Fatalf("between %v and %v, at target %v, it lies above its chord: %v, %v", v, other, y[i], l, chord)
			}
			if e.Symmetric && math.Abs(at(v, y[i])-at(y[i], v)) > 1e-14*max(1, at(v, y[i])) {
				t.Fatalf("(%v, %v) and back differ", v, y[i])
			}
		}
		if !e.Convex {
			t.Error("every pointwise loss here is convex; say so, or say why not")
		}
	})
}
