package lesson

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

func lessonOf(t *testing.T, s Settings) *Lesson {
	t.Helper()
	l, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func looked(t *testing.T, l *Lesson, steps, side int) *View {
	t.Helper()
	if err := l.Step(steps); err != nil {
		t.Fatal(err)
	}
	v, err := l.Look(side)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTutorial: the energy loss flattens two branches and works on one; the negative log-likelihood cures the flat surface while it is trained.
func TestTutorial(t *testing.T) {
	codes := Default("parabola").With("energy")
	flat := lessonOf(t, codes)
	if v := looked(t, flat, 6000, 33); v.Fault == "" || v.Spread > 0.05 {
		t.Errorf("the energy loss on codes: spread %v, %q", v.Spread, v.Verdict)
	}
	output := codes
	output.Energy = "output"
	if v := looked(t, lessonOf(t, output), 1500, 33); v.Fault != "" || v.Error.Value > 0.01 {
		t.Errorf("the energy loss on output: error %v, %q", v.Error, v.Fault)
	}
	if err := flat.Change(codes.With("nll")); err != nil {
		t.Fatal(err)
	}
	if v := looked(t, flat, 4000, 33); v.Fault != "" || v.Error.Value > 0.02 {
		t.Errorf("cured: error %v, spread %v, %q", v.Error, v.Spread, v.Fault)
	}
}

// TestDensities: objectives bring the density nearer to the truth than an even one is, and points of one's own are learnt, too.
func TestDensities(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute without vector kernels")
	}
	s := Default("rings")
	before := looked(t, lessonOf(t, s), 0, 41)
	if v := looked(t, lessonOf(t, s), 60, 41); !(v.Error.Value < before.Error.Value/2) || len(v.Push) != 2*shown {
		t.Errorf("divergence %v, at first %v; %d pushes", v.Error, before.Error, len(v.Push))
	}
	own := Default("points")
	own.Points, own.Batch = [][2]float64{{-2, 1}, {2, 2}, {2, 2.1}}, 64
	before = looked(t, lessonOf(t, own), 0, 41)
	if v := looked(t, lessonOf(t, own), 30, 41); !(v.Error.Value < before.Error.Value-1) || len(v.Data) != 3 {
		t.Errorf("−log p %v, at first %v", v.Error, before.Error)
	}
	for _, o := range Objectives() {
		s.Objective, s.Batch = o, 100
		looked(t, lessonOf(t, s), 2, 5)
	}
}

// TestPush: the derivative of the loss by the weights is the sum of the energies' there, each times what is pushed.
func TestPush(t *testing.T) {
	for _, name := range Functionals() {
		s := Default("parabola").With(name)
		l := lessonOf(t, s)
		v := looked(t, l, 30, 9)
		var x, y, slopes []float64
		for _, p := range v.Push {
			x, y, slopes = append(x, p.At[0]), append(y, p.At[1]), append(slopes, float64(p.Slope))
		}
		got := gradients(l, func(tape *autodiff.Tape) *autodiff.Var {
			e := l.surface.Energy(tape.Const(column(x)), tape.Const(column(y)))
			w := tensor.New(tensor.Float32, len(slopes))
			for i, v := range slopes {
				w.Float32s()[i] = float32(v)
			}
			return autodiff.Sum(autodiff.Mul(e, tape.Const(w)))
		})
		x, y = nil, nil
		for _, p := range v.Data {
			x, y = append(x, p[0]), append(y, p[1])
		}
		want := gradients(l, func(tape *autodiff.Tape) *autodiff.Var {
			loss, err := l.answers.Record(tape, l.functional, column(x), column(y), nil)
			if err != nil {
				t.Fatal(err)
			}
			return loss
		})
		norm, off := 0.0, 0.0
		for i, g := range want {
			norm, off = norm+g*g, off+(g-got[i])*(g-got[i])
		}
		if math.Sqrt(off) > 0.02*math.Sqrt(norm)+1e-5 { // nodes of a small share are left out
			t.Errorf("%s: the pushes' gradient is %v off one of norm %v", name, math.Sqrt(off), math.Sqrt(norm))
		}
	}
}

// gradients are those of all weights.
func gradients(l *Lesson, record func(*autodiff.Tape) *autodiff.Var) (all []float64) {
	tape := autodiff.NewTape(tensor.Float32)
	for _, p := range l.params {
		p.ZeroGrad()
	}
	tape.Backward(record(tape))
	for _, p := range l.params {
		for _, g := range p.Grad.Float32s() {
			all = append(all, float64(g))
		}
	}
	return all
}

// TestLooking: a look, chains and changes there and back do not change what is trained, which is the same each time.
func TestLooking(t *testing.T) {
	for _, s := range []Settings{Default("parabola").With("hinge"), Default("moons")} {
		s.Batch = 32
		alone, watched := lessonOf(t, s), lessonOf(t, s)
		if err := alone.Step(6); err != nil {
			t.Fatal(err)
		}
		w, err := NewSwarm(watched, Chains{Sampler: "mala", Size: 0.01, Beta: 2, Seed: 1}, [][2]float64{{0, 0}, {0.5, 1}})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			looked(t, watched, 2, 7)
			w.Step(3)
			other := s
			other.Rate /= 2
			if err := watched.Change(other); err != nil {
				t.Fatal(err)
			}
			if err := watched.Change(s); err != nil {
				t.Fatal(err)
			}
		}
		for i, p := range alone.params {
			if !slices.Equal(p.Value.Float32s(), watched.params[i].Value.Float32s()) {
				t.Fatalf("%s: weights %s differ", s.Set, p.Name)
			}
		}
	}
}

// TestSwarm: chains without noise go down; chains draw from exp(−βE), as the quadrature has it; those of answers keep their inputs.
func TestSwarm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute without vector kernels")
	}
	l := lessonOf(t, Default("gaussians"))
	looked(t, l, 100, 5)
	var start [][2]float64
	for _, x := range surface.Axis(10, -3, 3) {
		for _, y := range surface.Axis(20, -3, 3) {
			start = append(start, [2]float64{x, y})
		}
	}
	w, err := NewSwarm(l, Chains{Sampler: "descent", Size: 0.01, Beta: 1}, start)
	if err != nil {
		t.Fatal(err)
	}
	first := l.Energies(start)
	w.Step(20)
	higher := 0
	for i, e := range w.Energies() {
		if e > first[i] {
			higher++
		}
	}
	if higher > len(start)/20 {
		t.Errorf("%d of %d chains went up", higher, len(start))
	}
	for name, size := range map[string]float64{"langevin": 0.01, "mala": 0.05, "hmc": 0.1} {
		if err := w.Change(Chains{Sampler: name, Size: size, Beta: 1}); err != nil {
			t.Fatal(err)
		}
		if rate := w.Step(200); !(rate > 0.3 && rate < 1.001) {
			t.Errorf("%s accepts %v", name, rate)
		}
		places := make([][2]float64, 0, 40000)
		for _, x := range surface.Axis(200, -Edge, Edge) {
			for _, y := range surface.Axis(200, -Edge, Edge) {
				places = append(places, [2]float64{x, y})
			}
		}
		z, mean := 0.0, 0.0
		for _, e := range l.Energies(places) {
			z, mean = z+math.Exp(-e), mean+e*math.Exp(-e)
		}
		got := 0.0
		for _, e := range w.Energies() {
			got += e / float64(len(start))
		}
		if math.Abs(got-mean/z) > 0.5 { // Langevin's steps are biased
			t.Errorf("%s: mean energy %v, by quadrature %v", name, got, mean/z)
		}
	}
	answers := lessonOf(t, Default("parabola"))
	looked(t, answers, 200, 5)
	w, err = NewSwarm(answers, Chains{Sampler: "descent", Size: 0.02, Beta: 1}, [][2]float64{{-0.9, 0}, {0.5, 1}})
	if err != nil {
		t.Fatal(err)
	}
	w.Step(100)
	if p := w.Places(); p[0][0] != -0.9 || p[1][0] != 0.5 || p[0][1] == 0 {
		t.Errorf("chains of answers are at %v", p)
	}
}

// TestSettings: what is wrong is named.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		change func(*Settings)
		want   string
	}{
		{func(s *Settings) { s.Set = "cubes" }, `set is "cubes"`},
		{func(s *Settings) { s.Energy = "sum" }, `energy is "sum"`},
		{func(s *Settings) { s.Functional = "margin_cost" }, `functional is "margin_cost"`},
		{func(s *Settings) { s.Objective = "nll" }, `objective is "nll"`},
		{func(s *Settings) { s.Margin = 1 }, "margin is 1; nll has none"},
		{func(s *Settings) { s.Beta = 0 }, "beta is 0"},
		{func(s *Settings) { s.Rate = math.NaN() }, "rate is NaN"},
		{func(s *Settings) { s.Decay = -1 }, "decay is -1"},
		{func(s *Settings) { s.Batch = 0 }, "batch is 0"},
		{func(s *Settings) { s.Points = [][2]float64{{0, 0}} }, "points has 1"},
		{func(s *Settings) { s.Set = "pairs" }, "points has 0"},
		{func(s *Settings) { s.Set, s.Points = "pairs", [][2]float64{{0, 1}, {0, 7}} }, "points[1][1] is 7"},
		{func(s *Settings) { s.Set = "rings" }, "the set rings is a density"},
	} {
		s := Default("parabola")
		c.change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q; got %v", c.want, err)
		}
	}
	l := lessonOf(t, Default("parabola"))
	other := Default("parabola")
	other.Energy = "output"
	if err := l.Change(other); err == nil || l.Settings().Energy != "codes" {
		t.Errorf("another network: %v", err)
	}
	if _, err := l.Look(1); err == nil {
		t.Error("a look at one place")
	}
	l.params[0].Value.Float32s()[0] = float32(math.NaN())
	if err := l.Step(1); err == nil || l.Steps() != 0 {
		t.Errorf("a weight that is NaN: %v after %d steps", err, l.Steps())
	}
	l = lessonOf(t, Default("parabola"))
	for _, c := range []Chains{{Sampler: "gibbs", Size: 1, Beta: 1}, {Sampler: "mala", Size: 0, Beta: 1}, {Sampler: "mala", Size: 1, Beta: math.NaN()}} {
		if _, err := NewSwarm(l, c, [][2]float64{{0, 0}}); err == nil {
			t.Errorf("chains %+v", c)
		}
	}
	if _, err := NewSwarm(l, Chains{Sampler: "mala", Size: 1, Beta: 1}, nil); err == nil {
		t.Error("no chains")
	}
}

// TestJSON: a view of a surface that has diverged is JSON, too.
func TestJSON(t *testing.T) {
	v := looked(t, lessonOf(t, Default("parabola")), 1, 3)
	v.Energy[0] = float32(math.NaN())
	text, err := json.Marshal(v)
	if err != nil || !strings.Contains(string(text), `"energy":"AADA`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestDrift: chains over a bowl draw from exp(−βE), those without noise end at its bottom; what is no frame is named.
func TestDrift(t *testing.T) {
	f := &surface.Film{Name: "bowl", X: surface.Axis(41, -4, 4), Y: surface.Axis(41, -4, 4)}
	var frame surface.Frame
	for _, x := range f.X {
		for _, y := range f.Y {
			frame.Energy = append(frame.Energy, float32((x-1)*(x-1)+y*y))
		}
	}
	f.Frames = []surface.Frame{frame}
	start := slices.Repeat([][2]float64{{-2, 1}}, 500)
	all, err := Drift(f, 0, Chains{Sampler: "descent", Size: 0.1, Beta: 1}, start, 100)
	if err != nil || math.Hypot(all[99][0][0]-1, all[99][0][1]) > 0.1 {
		t.Fatalf("%v, %v", all[99][0], err)
	}
	all, err = Drift(f, 0, Chains{Sampler: "mala", Size: 0.1, Beta: 2}, start, 200)
	if err != nil {
		t.Fatal(err)
	}
	var mean, square float64
	for _, p := range all[199] {
		mean, square = mean+p[1]/500, square+p[1]*p[1]/500
	}
	if math.Abs(mean) > 0.1 || math.Abs(square-0.25) > 0.06 {
		t.Errorf("of exp(−2y²) chains have mean %v and square %v", mean, square)
	}
	for _, bad := range []struct{ frame, moves int }{{1, 1}, {-1, 1}, {0, -1}} {
		if _, err := Drift(f, bad.frame, Chains{Sampler: "mala", Size: 0.1, Beta: 1}, start, bad.moves); err == nil {
			t.Errorf("%+v", bad)
		}
	}
}
