package answers

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// drawFrames returns sequences of up to five frames of three classes, whose texts have repeats
// and may be too long; some energies are +Inf. Energies are representable in float32.
func drawFrames(rng *rand.Rand, size float64, blank int) *Frames[float64] {
	f := &Frames[float64]{Classes: 3, Blank: blank, Lengths: []int{5, 0, 3, 1, 4, 2, 5}, TargetLengths: []int{2, 0, 2, 1, 3, 0, 1}}
	for _, n := range f.Lengths {
		for range n * f.Classes {
			v := float64(float32(rng.NormFloat64() * size))
			if rng.IntN(20) == 0 {
				v = math.Inf(1)
			}
			f.Energies = append(f.Energies, v)
		}
	}
	for _, n := range f.TargetLengths {
		for range n {
			f.Targets = append(f.Targets, (blank+1+rng.IntN(2))%3)
		}
	}
	return f
}

// enumerateFrames returns all paths of sequence i.
func enumerateFrames(a *Alignments[float64], i int, s functional.Statistic) (plus float64, all []answer) {
	f := a.frames
	lo, n, text := a.frame[i], f.Lengths[i], f.Targets[a.text[i]:a.text[i+1]]
	path := make([]int, n)
	for code := range int(math.Pow(float64(f.Classes), float64(n))) {
		var x answer
		for t := range path {
			path[t] = code % f.Classes
			code /= f.Classes
			x.energy += f.Energies[(lo+t)*f.Classes+path[t]]
			if right := a.aligned[lo+t]; s.Kind == functional.CostMax && path[t] != right {
				if x.cost += s.Margin; s.Cost != nil {
					x.cost += s.Cost[right][path[t]] - s.Margin
				}
			}
		}
		x.correct = slices.Equal(collapsed(path, f.Blank), text)
		all = append(all, x)
	}
	if a.Latent == Sum {
		return free(1, all, correct), all
	}
	return least(all, correct, false), all
}

// collapsed merges repeats and drops blanks.
func collapsed(path []int, blank int) (text []int) {
	for t, c := range path {
		if c != blank && (t == 0 || path[t-1] != c) {
			text = append(text, c)
		}
	}
	return text
}

// alignmentSpaces are the settings of Alignments.
func alignmentSpaces() (all []*Alignments[float64]) {
	for _, latent := range []Latent{Least, Sum} {
		for _, base := range []Base{AsIs, AboveMinimum, LogProbability} {
			for _, per := range []bool{false, true} {
				all = append(all, &Alignments[float64]{Latent: latent, Base: base, PerPlace: per})
			}
		}
	}
	return all
}

// TestAlignmentsAgainstEnumeration holds E⁺ and every statistic against all paths.
func TestAlignmentsAgainstEnumeration(t *testing.T) {
	rng, values := generator(11), 0
	for trial, size := range []float64{1e-3, 1, 1, 1, 40} {
		f := drawFrames(rng, size, trial%3)
		for _, a := range alignmentSpaces() {
			if err := a.Set(f, make([]float64, len(f.Energies))); err != nil {
				t.Fatal(err)
			}
			for _, g := range functionals(t) {
				values += compareAlignments(t, a, g)
			}
		}
	}
	if t.Logf("%d values", values); values < 2000 {
		t.Errorf("only %d values", values)
	}
}

func compareAlignments(t *testing.T, a *Alignments[float64], f named) (values int) {
	t.Helper()
	s := f.f.Statistic()
	if a.Has(s) != nil {
		return 0
	}
	e, v := make([]float64, a.Len()), make([]float64, a.Len())
	if err := a.Eval(s, e, v); err != nil {
		t.Fatal(f.name, err)
	}
	for i := range e {
		plus, all := enumerateFrames(a, i, s)
		if math.IsInf(plus, 1) {
			if !math.IsInf(e[i], 1) {
				t.Fatalf("%s: the text is impossible, E⁺ is %v", f.name, e[i])
			}
			continue
		}
		wantE, wantV := brute(s, a.Base, plus, all, a.places(i))
		if s.Relative && !math.IsInf(wantV, 1) {
			wantE, wantV = wantE-wantV, 0
		}
		if values++; apart(e[i], wantE) > 1e-13 || apart(v[i], wantV) > 1e-13 {
			t.Fatalf("%s, %+v, sequence %d: %v and %v; enumeration has %v and %v", f.name, a.Base, i, e[i], v[i], wantE, wantV)
		}
	}
	return values
}

// TestAlignmentsDerivatives holds gradients against finite differences of the loss.
func TestAlignmentsDerivatives(t *testing.T) {
	rng, checked := generator(12), 0
	for trial := range 2 {
		f := drawFrames(rng, 1, trial)
		grads, each := make([]float64, len(f.Energies)), make([]float64, len(f.Lengths))
		for _, a := range alignmentSpaces() {
			for _, g := range functionals(t) {
				if a.Has(g.f.Statistic()) != nil {
					continue
				}
				var l Loss
				name := fmt.Sprintf("%s, latent %d, base %d, per place %v", g.name, a.Latent, a.Base, a.PerPlace)
				checked += slopes(t, name, f.Energies, func() (sum float64, _ []float64) {
					clear(grads)
					if err := a.Set(f, grads); err != nil {
						t.Fatal(err)
					}
					if _, err := l.Eval(a, g.f, each); err != nil {
						t.Fatal(name, err)
					}
					if err := l.AddGrads(0.5); err != nil {
						t.Fatal(err)
					}
					for _, v := range each {
						if !math.IsInf(v, 1) {
							sum += 0.5 * v
						}
					}
					return sum, grads
				})
			}
		}
	}
	if t.Logf("%d derivatives", checked); checked < 4000 {
		t.Errorf("only %d derivatives away from kinks", checked)
	}
}

// TestSummedNLLIsCTC: on log-softmax frames, summed alignments under energy and under nll both are
// the CTC loss, with its gradient by log-probabilities up to what the frames' sums add.
func TestSummedNLLIsCTC(t *testing.T) {
	rng := generator(13)
	f := drawFrames(rng, 1, 0)
	for i := range f.Energies {
		if math.IsInf(f.Energies[i], 1) {
			f.Energies[i] = 0
		}
	}
	for row := range slices.Chunk(f.Energies, f.Classes) {
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(-v)
		}
		for c := range row {
			row[c] += math.Log(sum)
		}
	}
	each, grads := make([]float64, len(f.Lengths)), make([]float64, len(f.Energies))
	a := &Alignments[float64]{Latent: Sum}
	frame, text := 0, 0
	for _, g := range []functional.Functional{functional.Energy{}, functional.NLL{}} {
		clear(grads)
		if err := a.Set(f, grads); err != nil {
			t.Fatal(err)
		}
		var l Loss
		if _, err := l.Eval(a, g, each); err != nil {
			t.Fatal(err)
		}
		if err := l.AddGrads(1); err != nil {
			t.Fatal(err)
		}
		frame, text = 0, 0
		for i, n := range f.Lengths {
			scores := make([]float64, n*f.Classes)
			for j := range scores {
				scores[j] = -f.Energies[frame*f.Classes+j]
			}
			d := make([]float64, len(scores))
			want, err := (&loss.CTC[float64]{Reduction: loss.Sum}).Eval(&loss.CTCBatch[float64]{
				Scores: scores, Frames: n, Batch: 1, Classes: f.Classes,
				Targets: f.Targets[text : text+f.TargetLengths[i]], TargetLengths: f.TargetLengths[i : i+1],
			}, d)
			if err != nil {
				t.Fatal(err)
			}
			if apart(each[i], want) > 1e-13 {
				t.Errorf("%s: sequence %d has the loss %v, CTC %v", g.Name(), i, each[i], want)
			}
			for j := range d {
				if got := grads[frame*f.Classes+j]; g.Name() == "energy" && !math.IsInf(want, 1) && math.Abs(got+d[j]) > 1e-12 {
					t.Errorf("sequence %d: derivative %d is %v, CTC's by the score %v", i, j, got, d[j])
				}
			}
			frame, text = frame+n, text+f.TargetLengths[i]
		}
	}
}

// TestAlignmentTies: where all paths tie, the perceptron still pushes a wrong one up.
func TestAlignmentTies(t *testing.T) {
	f := &Frames[float32]{Energies: make([]float32, 6), Classes: 3, Lengths: []int{2}, Targets: []int{1}, TargetLengths: []int{1}}
	grads, each := make([]float32, 6), make([]float64, 1)
	var a Alignments[float32]
	if err := a.Set(f, grads); err != nil {
		t.Fatal(err)
	}
	var l Loss
	if _, err := l.Eval(&a, functional.Perceptron{}, each); err != nil {
		t.Fatal(err)
	}
	if err := l.AddGrads(1); err != nil {
		t.Fatal(err)
	}
	// The correct path is blank, 1; the first incorrect one is blank, blank.
	if each[0] != 0 || !slices.Equal(grads, []float32{0, 0, 0, -1, 1, 0}) {
		t.Errorf("loss %v, derivatives %v", each[0], grads)
	}
}

// TestAlignmentsFloat32 holds float32 against float64, extremes against NaN, bits against other
// numbers of threads, and a warm step against allocations.
func TestAlignmentsFloat32(t *testing.T) {
	defer simd.SetThreads(0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, size := range []float64{1, 1e30} {
		wide := drawFrames(generator(14), size, 0)
		f := &Frames[float32]{Classes: 3, Lengths: wide.Lengths, Targets: wide.Targets, TargetLengths: wide.TargetLengths}
		for _, v := range wide.Energies {
			f.Energies = append(f.Energies, float32(v))
		}
		each, each32 := make([]float64, len(f.Lengths)), make([]float64, len(f.Lengths))
		for _, setting := range alignmentSpaces() {
			for _, g := range functionals(t) {
				if setting.Has(g.f.Statistic()) != nil {
					continue
				}
				want, got := make([]float64, len(f.Energies)), make([]float32, len(f.Energies))
				narrow := &Alignments[float32]{Latent: setting.Latent, Base: setting.Base, PerPlace: setting.PerPlace}
				var l, l32 Loss
				step := func() {
					clear(got)
					err := narrow.Set(f, got)
					_, err2 := l32.Eval(narrow, g.f, each32)
					err3 := l32.AddGrads(1)
					if err != nil || err2 != nil || err3 != nil {
						t.Fatal(g.name, err, err2, err3)
					}
				}
				if n := testing.AllocsPerRun(2, step); n != 0 {
					t.Errorf("%s: %v allocations", g.name, n)
				}
				first := slices.Clone(got)
				simd.SetThreads(7)
				runtime.GOMAXPROCS(7)
				step()
				if !slices.Equal(got, first) { // which NaN would fail, too
					t.Fatalf("%s: other bits with other threads, or NaN: %v, %v", g.name, got, first)
				}
				err := setting.Set(wide, want)
				_, err2 := l.Eval(setting, g.f, each)
				err3 := l.AddGrads(1)
				if err != nil || err2 != nil || err3 != nil {
					t.Fatal(err, err2, err3)
				}
				for i, v := range got {
					if math.Abs(float64(v)-want[i]) > 1e-5*max(1, math.Abs(want[i])) {
						t.Fatalf("%s: derivative %d is %v in float32, %v in float64", g.name, i, v, want[i])
					}
				}
				if !slices.Equal(each, each32) {
					t.Fatalf("%s: losses %v in float32, %v in float64", g.name, each32, each)
				}
			}
		}
	}
}

func TestAlignmentsErrors(t *testing.T) {
	good := func(change func(f *Frames[float64])) *Frames[float64] {
		f := &Frames[float64]{Energies: make([]float64, 6), Classes: 3, Lengths: []int{2}, Targets: []int{1}, TargetLengths: []int{1}}
		change(f)
		return f
	}
	var a Alignments[float64]
	if err := a.Eval(functional.Statistic{}, nil, nil); err == nil || !strings.Contains(err.Error(), "Eval before Set") {
		t.Errorf("Eval before Set: %v", err)
	}
	for _, c := range []struct {
		f    *Frames[float64]
		want string
	}{
		{good(func(f *Frames[float64]) { f.Classes = 1 }), "Classes is 1 and Blank 0"},
		{good(func(f *Frames[float64]) { f.Blank = 3 }), "Classes is 3 and Blank 3"},
		{good(func(f *Frames[float64]) { f.Lengths[0] = 3 }), "Lengths[0] is 3; Energies has 2 frames left for it"},
		{good(func(f *Frames[float64]) { f.Lengths[0] = 1 }), "Energies has 6 elements; it must have 3"},
		{good(func(f *Frames[float64]) { f.TargetLengths[0] = 2 }), "TargetLengths[0] is 2; Targets has 1 left for it"},
		{good(func(f *Frames[float64]) { f.TargetLengths[0] = 0 }), "Targets has 1 elements; it must have 0"},
		{good(func(f *Frames[float64]) { f.TargetLengths = nil }), "TargetLengths has 0 elements; it must have 1"},
		{good(func(f *Frames[float64]) { f.Targets[0] = 0 }), "Targets[0] is 0; it must be a class from 0 to 2, and not the blank, 0"},
		{good(func(f *Frames[float64]) { f.Energies[4] = math.NaN() }), "Energies[4] is NaN"},
		{good(func(f *Frames[float64]) { f.Energies[4] = math.Inf(-1) }), "Energies[4] is -Inf"},
		{good(func(f *Frames[float64]) { f.Energies[4] = -1e300 }), "Energies[4] is -1e+300"},
	} {
		if err := a.Set(c.f, make([]float64, 6)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v; it should say %q", err, c.want)
		}
	}
	if err := a.Set(good(func(*Frames[float64]) {}), nil); err == nil || !strings.Contains(err.Error(), "grads has 0 elements") {
		t.Errorf("grads that are too short: %v", err)
	}
	for _, c := range []struct {
		a    Alignments[float64]
		s    functional.Statistic
		want string
	}{
		{Alignments[float64]{}, functional.MarginCost{}.Statistic(), "knapsack"},
		{Alignments[float64]{}, functional.SquareExp{}.Statistic(), "set Base"},
		{Alignments[float64]{Latent: Sum}, functional.Perceptron{}.Statistic(), "the most probable text"},
		{Alignments[float64]{Latent: Sum}, functional.Hinge{}.Statistic(), "rival to wrong"},
		{Alignments[float64]{Latent: Sum}, functional.MarginCostMax{}.Statistic(), "least E − C"},
		{Alignments[float64]{Latent: Sum}, functional.NLL{Beta: 2}.Statistic(), "beta is 2, but alignments are summed at 1"},
		{Alignments[float64]{Latent: Sum, Base: AboveMinimum}, functional.Energy{}.Statistic(), "least energy of a text"},
	} {
		var no *NoStatistic
		if err := c.a.Has(c.s); !errors.As(err, &no) || no.Kind != c.s.Kind || !strings.Contains(no.Error(), c.want) {
			t.Errorf("%v: error %v; it should be a *NoStatistic that says %q", c.s.Kind, err, c.want)
		}
	}
	if err := (&Alignments[float64]{Latent: 5}).Has(functional.Statistic{}); err == nil || !strings.Contains(err.Error(), "Latent is 5") {
		t.Errorf("a latent that does not exist: %v", err)
	}
	if err := a.Set(good(func(*Frames[float64]) {}), make([]float64, 6)); err != nil {
		t.Fatal(err)
	}
	two := functional.MarginCostMax{Cost: [][]float64{{0, 1}, {1, 0}}}
	if _, err := new(Loss).Eval(&a, two, make([]float64, 1)); err == nil || !strings.Contains(err.Error(), "cost has 2 rows; it must have one for each of the 3 classes") {
		t.Errorf("a cost of two classes: %v", err)
	}
}
