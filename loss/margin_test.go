package loss_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
)

// A rowLoss is a loss of rows with all but its differentiated inputs filled in.
type rowLoss struct {
	name string
	rows int
	in   [][]float64
	eval func(in, grads [][]float64) (float64, error)
	each func(dst, up []float64, in, grads [][]float64) error
}

const testDim = 7

func normals(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// rowLosses returns every loss of this family with options that matter.
func rowLosses(rows int) (all []rowLoss) {
	r := rand.New(rand.NewPCG(4, uint64(rows)))
	n := rows * testDim
	target, labels, sign := make([]int, rows), make([]int, n), make([]float64, rows)
	for i := range rows {
		target[i], sign[i] = r.IntN(testDim), float64(2*(i%2)-1)
		row := labels[i*testDim : (i+1)*testDim]
		for j := range row {
			row[j] = -1
		}
		for j := range i % testDim {
			row[j] = r.IntN(testDim)
		}
	}
	for _, p := range []int{1, 2} {
		l := loss.MultiMargin[float64]{P: p, Margin: 0.7, Weight: []float64{1, 2, 0, 0.5, 3, 1, 1}, Reduction: loss.Sum}
		all = append(all, rowLoss{
			"multi_margin", rows,
			[][]float64{normals(r, n)},
			func(x, d [][]float64) (float64, error) { return l.Eval(x[0], target, testDim, d[0]) },
			func(dst, up []float64, x, d [][]float64) error { return l.Each(dst, up, x[0], target, testDim, d[0]) },
		})
	}
	ml := loss.MultiLabelMargin[float64]{Reduction: loss.Sum}
	all = append(all, rowLoss{
		"multilabel_margin", rows,
		[][]float64{normals(r, n)},
		func(x, d [][]float64) (float64, error) { return ml.Eval(x[0], labels, testDim, d[0]) },
		func(dst, up []float64, x, d [][]float64) error { return ml.Each(dst, up, x[0], labels, testDim, d[0]) },
	})
	ce := loss.CosineEmbedding[float64]{Margin: -0.2, Reduction: loss.Sum}
	all = append(all, rowLoss{
		"cosine_embedding", rows,
		[][]float64{normals(r, n), normals(r, n)},
		func(x, d [][]float64) (float64, error) { return ce.Eval(x[0], x[1], sign, testDim, d[0], d[1]) },
		func(dst, up []float64, x, d [][]float64) error {
			return ce.Each(dst, up, x[0], x[1], sign, testDim, d[0], d[1])
		},
	})
	for _, swap := range []bool{false, true} {
		for _, p := range []float64{0.5, 1, 2, 2.5, 2.3, math.Inf(1)} {
			l := &loss.TripletMargin[float64]{Margin: 0.4, P: p, Eps: 1e-6, Swap: swap, Reduction: loss.Sum}
			all = append(all, tripletRow("triplet", r, rows, l))
		}
		for _, d := range []loss.DistanceFunction[float64]{
			nil,
			loss.CosineDistance[float64]{},
			cubed{},
			loss.Measured[float64]{},
			loss.Measured[float64]{Measure: distance.Measure{Kind: distance.Squared}},
			loss.Measured[float64]{Measure: distance.Measure{Kind: distance.Dot, Normalize: true}},
		} {
			l := &loss.TripletMarginWithDistance[float64]{Distance: d, Margin: 0.4, Swap: swap, Reduction: loss.Sum}
			all = append(all, tripletRow("triplet_with_distance", r, rows, l))
		}
	}
	return all
}

func tripletRow(name string, r *rand.Rand, rows int, l interface {
	Eval(anchor, positive, negative []float64, dim int, dAnchor, dPositive, dNegative []float64) (float64, error)
	Each(dst, up, anchor, positive, negative []float64, dim int, dAnchor, dPositive, dNegative []float64) error
},
) rowLoss {
	n := rows * testDim
	return rowLoss{
		name, rows,
		[][]float64{normals(r, n), normals(r, n), normals(r, n)},
		func(x, d [][]float64) (float64, error) { return l.Eval(x[0], x[1], x[2], testDim, d[0], d[1], d[2]) },
		func(dst, up []float64, x, d [][]float64) error {
			return l.Each(dst, up, x[0], x[1], x[2], testDim, d[0], d[1], d[2])
		},
	}
}

// cubed is a distance that a user might write: Σ |x − y|³.
type cubed struct{}

func (cubed) Between(x, y []float64) (d float64) {
	for i, v := range x {
		d += math.Pow(math.Abs(v-y[i]), 3)
	}
	return d
}

func (cubed) Slope(dx, dy, x, y []float64, _, up float64) {
	for i, v := range x {
		s := 3 * up * (v - y[i]) * math.Abs(v-y[i])
		dx[i] += s
		dy[i] -= s
	}
}

func like(in [][]float64) [][]float64 {
	out := make([][]float64, len(in))
	for i, x := range in {
		out[i] = make([]float64, len(x))
	}
	return out
}

// TestRowGradients holds the gradients against finite differences, under an upstream
// gradient and as a sum, and where they share the inputs' memory.
func TestRowGradients(t *testing.T) {
	for _, l := range rowLosses(9) {
		t.Run(l.name, func(t *testing.T) {
			up := normals(rand.New(rand.NewPCG(1, 1)), l.rows)
			dst, d := make([]float64, l.rows), like(l.in)
			must(t, l.each(dst, up, l.in, d))
			value := func() (s float64) {
				each := make([]float64, l.rows)
				must(t, l.each(each, nil, l.in, make([][]float64, 3)))
				for i, v := range each {
					s += up[i] * v
				}
				return s
			}
			checked := 0
			for j, x := range l.in {
				for i, old := range x {
					const h = 1e-5
					x[i] = old + h
					right := value()
					x[i] = old - h
					left := value()
					x[i] = old
					middle := value()
					if diff := (right - left) / (2 * h); math.Abs(right-2*middle+left) > 1e-7 {
						continue // a kink
					} else if math.Abs(d[j][i]-diff) > 1e-6*(1+math.Abs(diff)) {
						t.Fatalf("input %d: gradient %d is %v; differences say %v", j, i, d[j][i], diff)
					}
					checked++
				}
			}
			if checked < len(l.in)*l.rows*testDim*9/10 {
				t.Errorf("only %d gradients could be checked", checked)
			}
			sameInPlace(t, l, up, d)
		})
	}
}

func sameInPlace(t *testing.T, l rowLoss, up []float64, want [][]float64) {
	t.Helper()
	in := make([][]float64, len(l.in))
	for i, x := range l.in {
		in[i] = append([]float64{}, x...)
	}
	must(t, l.each(make([]float64, l.rows), up, in, in))
	for i := range in {
		for j, v := range in[i] {
			if v != want[i][j] {
				t.Fatalf("in place, gradient %d of input %d is %v; apart %v", j, i, v, want[i][j])
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRowSums: the sum is that of each, gradients too; each input's gradient may be left
// out; NaN in gives NaN out; no rows are 0.
func TestRowSums(t *testing.T) {
	for _, l := range rowLosses(2500) { // several tasks
		each, d, dSum := make([]float64, l.rows), like(l.in), like(l.in)
		must(t, l.each(each, nil, l.in, d))
		sum, err := l.eval(l.in, dSum)
		must(t, err)
		var want float64
		for _, v := range each {
			want += v
		}
		if math.Abs(sum-want) > 1e-12*want || want == 0 {
			t.Errorf("%s: the sum is %v; that of each %v", l.name, sum, want)
		}
		for i := range d {
			only := make([][]float64, len(d))
			only[i] = make([]float64, len(d[i]))
			_, err := l.eval(l.in, only)
			must(t, err)
			for j, v := range d[i] {
				if dSum[i][j] != v || only[i][j] != v {
					t.Fatalf("%s: gradient %d of input %d is %v, of the sum %v, alone %v", l.name, j, i, v, dSum[i][j], only[i][j])
				}
			}
		}
		l.in[0][testDim*3+1] = math.NaN()
		if v, err := l.eval(l.in, make([][]float64, 3)); err != nil || v == v {
			t.Errorf("%s: NaN in gives %v, %v", l.name, v, err)
		}
	}
	for _, l := range rowLosses(0) {
		if v, err := l.eval(l.in, like(l.in)); v != 0 || err != nil {
			t.Errorf("%s: the sum over nothing is %v, %v", l.name, v, err)
		}
	}
}

// TestRowThreads: the same bits whatever the number of workers, and no garbage when warm.
func TestRowThreads(t *testing.T) {
	defer simd.SetThreads(0)
	for _, l := range rowLosses(2500) {
		simd.SetThreads(1)
		d := like(l.in)
		want, err := l.eval(l.in, d)
		must(t, err)
		simd.SetThreads(3)
		got, err := l.eval(l.in, like(l.in))
		must(t, err)
		if got != want {
			t.Errorf("%s: %v with three workers; %v with one", l.name, got, want)
		}
		if raceEnabled {
			continue
		}
		if n := testing.AllocsPerRun(5, func() { _, _ = l.eval(l.in, d) }); n > 0.5 {
			t.Errorf("%s: %v allocations in a warm call", l.name, n)
		}
	}
}

// TestMultiLabelByHand counts every pair, labels given twice too.
func TestMultiLabelByHand(t *testing.T) {
	x := []float64{0.1, 0.9, -0.4, 0.3}
	got, err := loss.MultiLabelMarginLoss(x, []int{3, 0, 3, -1}, 4, nil)
	must(t, err)
	var want float64
	for _, label := range []int{3, 0, 3} {
		for _, other := range []int{1, 2} {
			want += max(0, 1-(x[label]-x[other])) / 4
		}
	}
	if math.Abs(got-want) > 1e-15 {
		t.Errorf("the loss is %v; want %v", got, want)
	}
}

// TestLabelsEnd: labels end before a row's first −1; what follows is not read.
func TestLabelsEnd(t *testing.T) {
	x := []float64{0.1, 0.9, -0.4, 0.3}
	want, err := loss.MultiLabelMarginLoss(x, []int{3, -1, -1, -1}, 4, nil)
	must(t, err)
	if got, err := loss.MultiLabelMarginLoss(x, []int{3, -1, 0, 99}, 4, nil); got != want || err != nil {
		t.Errorf("the loss is %v, %v; want %v", got, err, want)
	}
	var wrong *loss.ArgumentError
	if _, err := loss.MultiLabelMarginLoss(x, []int{4, -1, 0, 0}, 4, nil); !errors.As(err, &wrong) || wrong.Arg != "target" || wrong.Index != 0 {
		t.Errorf("a label out of range: %v", err)
	}
}

// TestUnchecked: what PyTorch counts 0 is an error unless it is asked for.
func TestUnchecked(t *testing.T) {
	x := []float64{0.1, 0.9, -0.4, 0.3}
	var wrong *loss.ArgumentError
	_, err := loss.CosineEmbeddingLoss(x[:2], x[2:], []float64{0}, 2, nil, nil)
	if !errors.As(err, &wrong) || wrong.Arg != "target" || wrong.Index != 0 {
		t.Errorf("a target of 0: %v", err)
	}
	d := []float64{5, 5}
	got, err := (&loss.CosineEmbedding[float64]{Unchecked: true}).Eval(x[:2], x[2:], []float64{0}, 2, d, nil)
	if got != 0 || err != nil || d[0] != 0 || d[1] != 0 {
		t.Errorf("unchecked, a target of 0 gives %v, %v, %v", got, d, err)
	}
}

// TestRowLengths: every argument's length is checked.
func TestRowLengths(t *testing.T) {
	x, short := make([]float32, 6), make([]float32, 5)
	y := make([]int, 2)
	multi, label := loss.NewMultiMargin[float32](), loss.MultiLabelMargin[float32]{}
	var cos loss.CosineEmbedding[float32]
	triplet, zero := loss.NewTripletMargin[float32](), loss.TripletMargin[float32]{P: 2}
	far := loss.NewTripletMarginWithDistance[float32]()
	odd := loss.TripletMarginWithDistance[float32]{Margin: 1, Distance: loss.Measured[float32]{Measure: distance.Measure{P: 2}}}
	one := []float32{1, 1}
	for name, f := range map[string]func() (float64, error){
		"multi input":      func() (float64, error) { return multi.Eval(short, y, 3, nil) },
		"multi classes":    func() (float64, error) { return multi.Eval(x, y, 0, nil) },
		"multi target":     func() (float64, error) { return multi.Eval(x, y[:1], 3, nil) },
		"multi gradient":   func() (float64, error) { return multi.Eval(x, y, 3, short) },
		"multi result":     func() (float64, error) { return 0, multi.Each(short, nil, x, y, 3, nil) },
		"multi upstream":   func() (float64, error) { return 0, multi.Each(one, short, x, y, 3, nil) },
		"label target":     func() (float64, error) { return label.Eval(x, y, 3, nil) },
		"label gradient":   func() (float64, error) { return label.Eval(x, make([]int, 6), 3, short) },
		"label result":     func() (float64, error) { return 0, label.Each(short, nil, x, make([]int, 6), 3, nil) },
		"cosine input2":    func() (float64, error) { return cos.Eval(x, short, one, 3, nil, nil) },
		"cosine target":    func() (float64, error) { return cos.Eval(x, x, one[:1], 3, nil, nil) },
		"cosine gradient":  func() (float64, error) { return cos.Eval(x, x, one, 3, nil, short) },
		"cosine dim":       func() (float64, error) { return cos.Eval(x, x, one, -3, nil, nil) },
		"triplet positive": func() (float64, error) { return triplet.Eval(x, short, x, 3, nil, nil, nil) },
		"triplet dim":      func() (float64, error) { return triplet.Eval(x, x, x, 4, nil, nil, nil) },
		"triplet gradient": func() (float64, error) { return triplet.Eval(x, x, x, 3, nil, nil, short) },
		"triplet result":   func() (float64, error) { return 0, triplet.Each(short, nil, x, x, x, 3, nil, nil, nil) },
		"triplet margin":   func() (float64, error) { return zero.Eval(x, x, x, 3, nil, nil, nil) },
		"distance length":  func() (float64, error) { return far.Eval(x, x, short, 3, nil, nil, nil) },
		"distance measure": func() (float64, error) { return odd.Eval(x, x, x, 3, nil, nil, nil) },
		"distance result":  func() (float64, error) { return 0, far.Each(short, nil, x, x, x, 3, nil, nil, nil) },
		"batchmean":        func() (float64, error) { l := multi; l.Reduction = loss.BatchMean; return l.Eval(x, y, 3, nil) },
	} {
		if v, err := f(); err == nil {
			t.Errorf("%s: no error, but %v", name, v)
		}
	}
}

// TestCosineNear: in both element types, 1 − cos of nearly parallel rows keeps its digits.
func TestCosineNear(t *testing.T) {
	for _, e := range []float64{1e-2, 1e-4, 0x1p-23} {
		x := []float32{1, 0, 2, 0}
		y := []float32{2, float32(2 * e), 4, 0}
		d := float64(y[1])
		want := d * d / (20 + d*d) / (1 + math.Sqrt(20/(20+d*d))) // 1 − √(20/(20 + d²))
		got, err := loss.CosineEmbeddingLoss(x, y, []float32{1}, 4, nil, nil)
		must(t, err)
		if math.Abs(got-want) > 1e-8*want+1e-12 {
			t.Errorf("%v apart: %v; want %v", e, got, want)
		}
		far := loss.CosineDistance[float32]{}.Between(x, y)
		if math.Abs(far-want) > 1e-8*want {
			t.Errorf("%v apart, the distance is %v; want %v", e, far, want)
		}
	}
}
