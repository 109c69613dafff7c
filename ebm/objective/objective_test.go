package objective_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// bowl is ½ Σ precisionⱼ·(yⱼ − centreⱼ)², whose density is normal.
type bowl struct{ precision, centre *autodiff.Param }

func newBowl(precision, centre float64, d int) bowl {
	p := func(name string, v float64) *autodiff.Param {
		t := tensor.New(tensor.Float64, d)
		for i := range t.Float64s() {
			t.Float64s()[i] = v
		}
		return &autodiff.Param{Name: name, Value: t}
	}
	return bowl{p("precision", precision), p("centre", -centre)}
}

func (b bowl) Dim() int                  { return b.precision.Value.Len() }
func (b bowl) Params() []*autodiff.Param { return []*autodiff.Param{b.precision, b.centre} }
func (b bowl) Energy(_, y *autodiff.Var) *autodiff.Var {
	t := y.Tape()
	r := autodiff.AddRow(y, t.Param(b.centre))
	row := autodiff.Reshape(t.Param(b.precision), 1, b.Dim())
	e := autodiff.Linear(autodiff.Square(r), row, nil, autodiff.Identity)
	return autodiff.Scale(autodiff.Reshape(e, y.Shape()[0]), 0.5)
}

func normals(rng *rand.Rand, mean, scale float64, n, d int) *tensor.Tensor {
	y := tensor.New(tensor.Float64, n, d)
	for i := range y.Float64s() {
		y.Float64s()[i] = mean + scale*rng.NormFloat64()
	}
	return y
}

// fit trains a surface on draws of N(1, 0.5²).
func fit(t *testing.T, s energy.Surface, o objective.Objective, more ...*autodiff.Param) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	tape, params := autodiff.NewTape(tensor.Float64), append(s.Params(), more...)
	adam := &optim.Adam{}
	if err := adam.Prepare(params); err != nil {
		t.Fatal(err)
	}
	const steps = 1500
	for step := range steps {
		tape.Reset()
		v, err := o.Record(tape, s, normals(rng, 1, 0.5, 256, s.Dim()), rng)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			p.ZeroGrad()
		}
		tape.Backward(v)
		adam.Step(params, 0.02*optim.Cosine{}.At(step, steps))
	}
}

func near(t *testing.T, what string, got *autodiff.Param, want, tolerance float64) {
	t.Helper()
	for i, v := range got.Value.Float64s() {
		if !(math.Abs(v-want) <= tolerance) {
			t.Errorf("%s[%d] is %v, want %v ± %v", what, i, v, want, tolerance)
		}
	}
}

// Every objective has to find the normal density that the data was drawn from:
// precision 4, centre 1; denoising with σ the one blurred by it; NCE its log Z, too.
func TestObjectivesFindTheDensity(t *testing.T) {
	t.Run("denoising", func(t *testing.T) {
		s := newBowl(1, 0, 2)
		fit(t, s, &objective.DenoisingScore[float64]{Sigma: 0.3})
		near(t, "precision", s.precision, 1/(0.25+0.09), 0.1)
		near(t, "−centre", s.centre, -1, 0.02)
	})
	t.Run("sliced", func(t *testing.T) {
		s := newBowl(1, 0, 2)
		fit(t, s, &objective.SlicedScore[float64]{})
		near(t, "precision", s.precision, 4, 0.15)
		near(t, "−centre", s.centre, -1, 0.02)
	})
	t.Run("nce", func(t *testing.T) {
		s, o := newBowl(1, 0, 2), objective.NewNCE[float64](sampler.Normal[float64]{D: 2, Mean: 0.5, Scale: 1})
		fit(t, s, o, o.Params()...)
		near(t, "precision", s.precision, 4, 0.25)
		near(t, "−centre", s.centre, -1, 0.03)
		near(t, "log Z", o.LogZ, math.Log(2*math.Pi*0.25), 0.08)
	})
	chains := func() *sampler.Chains[float64] {
		return &sampler.Chains[float64]{Sampler: &sampler.MALA[float64]{StepSize: 0.15}, Steps: 5}
	}
	t.Run("cd", func(t *testing.T) {
		s := newBowl(1, 0, 2)
		fit(t, s, &objective.Contrast[float64]{Chains: chains()})
		near(t, "precision", s.precision, 4, 0.25)
		near(t, "−centre", s.centre, -1, 0.03)
	})
	t.Run("pcd", func(t *testing.T) {
		s, c := newBowl(1, 0, 2), chains()
		fresh := sampler.Normal[float64]{D: 2, Scale: 1}
		buffer, err := sampler.NewBuffer(1000, 2, 0.05, func(y []float64) { fresh.Draw(rand.New(rand.NewPCG(1, 1)), y) })
		if err != nil {
			t.Fatal(err)
		}
		c.Buffer, c.Fresh = buffer, fresh.Draw
		fit(t, s, &objective.Contrast[float64]{Chains: c})
		near(t, "precision", s.precision, 4, 0.25)
		near(t, "−centre", s.centre, -1, 0.04)
	})
}

// objectives are those whose value is a function of the weights, draws fixed.
func objectives() map[string]objective.Objective {
	return map[string]objective.Objective{
		"denoising": &objective.DenoisingScore[float64]{Sigma: 0.5, H: 1e-4},
		"sliced":    &objective.SlicedScore[float64]{},
		"nce":       objective.NewNCE[float64](sampler.Uniform[float64]{D: 3, Low: -3, High: 3}),
	}
}

func network(rng *rand.Rand) energy.Density {
	d := energy.Density{D: 3, Net: nn.NewSequential(nn.NewLinear(3, 8, rng), nn.SiLU{}, nn.NewLinear(8, 8, rng), nn.Tanh{}, nn.NewLinear(8, 1, rng))}
	nn.Cast(d.Net, tensor.Float64)
	return d
}

// The gradient by every weight is that of the value, by differences, for a network
// whose energies are of no degree.
func TestGradients(t *testing.T) {
	for name, o := range objectives() {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 7))
			s, y := network(rng), normals(rng, 0, 1, 5, 3)
			tape := autodiff.NewTape(tensor.Float64)
			value := func() *autodiff.Var {
				tape.Reset()
				v, err := o.Record(tape, s, y, rand.New(rand.NewPCG(5, 6)))
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			params := s.Params()
			if nce, ok := o.(*objective.NCE[float64]); ok {
				params = append(params, nce.LogZ)
			}
			tape.Backward(value())
			for _, p := range params {
				grad := append([]float64(nil), p.Grad.Float64s()...)
				for i, at := range p.Value.Float64s() {
					const h = 1e-5
					p.Value.Float64s()[i] = at + h
					up := value().Value.At()
					p.Value.Float64s()[i] = at - h
					down := value().Value.At()
					p.Value.Float64s()[i] = at
					if want := (up - down) / (2 * h); math.Abs(grad[i]-want) > 1e-6*(1+math.Abs(want)) {
						t.Errorf("%s[%d]: gradient %v, by differences %v", p.Name, i, grad[i], want)
					}
				}
			}
		})
	}
}

// The contrast's gradient is that of mean E⁺ − mean E⁻ + L2 at the chains' ends.
func TestContrastGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	s, y := network(rng), normals(rng, 0, 1, 5, 3)
	c := &objective.Contrast[float64]{EnergyL2: 0.3, Chains: &sampler.Chains[float64]{Sampler: sampler.NewLangevin[float64](0.1), Steps: 3}}
	tape := autodiff.NewTape(tensor.Float64)
	v, err := c.Record(tape, s, y, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	tape.Backward(v)
	ends := tensor.New(tensor.Float64, 5, 3)
	c.Chains.Draw(rand.New(rand.NewPCG(1, 2)), energy.NewSlopes[float64](s), y.Float64s(), ends.Float64s())
	by := autodiff.NewTape(tensor.Float64)
	up, down := s.Energy(nil, by.Const(y)), s.Energy(nil, by.Const(ends))
	want := autodiff.Add(autodiff.Sub(autodiff.Mean(up), autodiff.Mean(down)),
		autodiff.Scale(autodiff.Add(autodiff.Mean(autodiff.Square(up)), autodiff.Mean(autodiff.Square(down))), 0.3))
	if math.Abs(want.Value.At()-v.Value.At()) > 1e-12 {
		t.Errorf("value %v, want %v", v.Value.At(), want.Value.At())
	}
	var grads [][]float64
	for _, p := range s.Params() {
		grads = append(grads, append([]float64(nil), p.Grad.Float64s()...))
		p.ZeroGrad()
	}
	by.Backward(want)
	for k, p := range s.Params() {
		for i, g := range p.Grad.Float64s() {
			if math.Abs(g-grads[k][i]) > 1e-12 {
				t.Errorf("%s[%d]: %v, want %v", p.Name, i, grads[k][i], g)
			}
		}
	}
}

// Energies that are no numbers are the typed error that training rolls back on.
func TestNonFiniteEnergies(t *testing.T) {
	all := objectives()
	all["contrast"] = &objective.Contrast[float64]{Chains: &sampler.Chains[float64]{Sampler: sampler.NewLangevin[float64](0.1), Steps: 2}}
	for name, o := range all {
		rng := rand.New(rand.NewPCG(7, 8))
		s := network(rng)
		s.Params()[0].Value.Float64s()[0] = math.NaN()
		_, err := o.Record(autodiff.NewTape(tensor.Float64), s, normals(rng, 0, 1, 5, 3), rng)
		var e *functional.EnergyError
		if !errors.As(err, &e) || !e.NonFinite() {
			t.Errorf("%s: error %v, want one of energies that are not finite", name, err)
		}
	}
}

// A warm step does not allocate, from a replay buffer either.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	all := objectives()
	noise := sampler.Normal[float64]{D: 3, Scale: 1}
	buffer, err := sampler.NewBuffer(20, 3, 0.2, func(y []float64) { noise.Draw(rand.New(rand.NewPCG(1, 1)), y) })
	if err != nil {
		t.Fatal(err)
	}
	all["pcd"] = &objective.Contrast[float64]{Chains: &sampler.Chains[float64]{Sampler: sampler.NewLangevin[float64](0.1), Steps: 2, Buffer: buffer, Fresh: noise.Draw}}
	all["contrast"] = &objective.Contrast[float64]{Chains: &sampler.Chains[float64]{Sampler: sampler.NewLangevin[float64](0.1), Steps: 2}}
	for name, o := range all {
		rng := rand.New(rand.NewPCG(7, 8))
		s, y, tape := network(rng), normals(rng, 0, 1, 5, 3), autodiff.NewTape(tensor.Float64)
		surface := energy.Surface(s)
		step := func() {
			tape.Reset()
			v, err := o.Record(tape, surface, y, rng)
			if err != nil {
				t.Fatal(err)
			}
			tape.Backward(v)
		}
		step()
		if n := testing.AllocsPerRun(10, step); n > 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}

// What Record needs and does not have is an error that names it, never a panic.
func TestRecordRefuses(t *testing.T) {
	type contrast = objective.Contrast[float64]
	langevin := sampler.NewLangevin[float64](0.1)
	buffer, err := sampler.NewBuffer(4, 2, 0.5, func(y []float64) { clear(y) })
	if err != nil {
		t.Fatal(err)
	}
	noise := objective.NewNCE[float64](sampler.Normal[float64]{D: 2, Scale: 1})
	for want, o := range map[string]objective.Objective{
		"Chains is nil":                                &contrast{},
		"Chains.Sampler is nil":                        &contrast{Chains: &sampler.Chains[float64]{Steps: 1}},
		"Chains.Fresh, which a Buffer":                 &contrast{Chains: &sampler.Chains[float64]{Sampler: langevin, Steps: 1, Buffer: buffer}},
		"EnergyL2 is -1":                               &contrast{Chains: &sampler.Chains[float64]{Sampler: langevin, Steps: 1}, EnergyL2: -1},
		"Noise is nil":                                 &objective.NCE[float64]{LogZ: noise.LogZ},
		"LogZ is nil":                                  &objective.NCE[float64]{Noise: noise.Noise},
		"the noise has 3 numbers, the surface 2":       objective.NewNCE[float64](sampler.Normal[float64]{D: 3, Scale: 1}),
		"Sigma is 0; it must be":                       &objective.DenoisingScore[float64]{},
		"Sigma is NaN":                                 &objective.DenoisingScore[float64]{Sigma: math.NaN()},
		"denoising_score: H is -1":                     &objective.DenoisingScore[float64]{Sigma: 1, H: -1},
		"sliced_score: H is NaN":                       &objective.SlicedScore[float64]{H: math.NaN()},
		"the data are float64 and the tape is float64": &objective.SlicedScore[float32]{},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		_, err := o.Record(autodiff.NewTape(tensor.Float64), newBowl(1, 0, 2), normals(rng, 0, 1, 4, 2), rng)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want %q", o, err, want)
		}
	}
	for name, o := range objectives() {
		rng, tape := rand.New(rand.NewPCG(1, 2)), autodiff.NewTape(tensor.Float64)
		y := normals(rng, 0, 1, 4, 3)
		for want, record := range map[string]func() error{
			"surface is nil":            func() error { _, err := o.Record(tape, nil, y, rng); return err },
			"data is nil":               func() error { _, err := o.Record(tape, network(rng), nil, rng); return err },
			"the data have shape [4 2]": func() error { _, err := o.Record(tape, network(rng), normals(rng, 0, 1, 4, 2), rng); return err },
			"shape [0 3]; it must be [B, 3]": func() error {
				_, err := o.Record(tape, network(rng), tensor.New(tensor.Float64, 0, 3), rng)
				return err
			},
			"the tape is float64; all must be": func() error { _, err := o.Record(tape, network(rng), y.Convert(tensor.Float32), rng); return err },
		} {
			if err := record(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

// Weights that are not finite for a step leave a replay buffer as it was, and training
// continues from it; a row whose energy is not finite is replaced.
func TestBufferOutlivesDivergence(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 9))
	s, y := network(rng), normals(rng, 0, 1, 5, 3)
	noise := sampler.Normal[float64]{D: 3, Scale: 1}
	for name, by := range map[string]sampler.Sampler[float64]{
		"Langevin": sampler.NewLangevin[float64](0.1), "MALA": &sampler.MALA[float64]{StepSize: 0.1}, "HMC": &sampler.HMC[float64]{StepSize: 0.1, Leapfrogs: 2},
	} {
		buffer, err := sampler.NewBuffer(8, 3, 0, func(y []float64) { noise.Draw(rng, y) })
		if err != nil {
			t.Fatal(err)
		}
		c := &objective.Contrast[float64]{Chains: &sampler.Chains[float64]{Sampler: by, Steps: 2, Buffer: buffer, Fresh: noise.Draw}}
		weights := s.Params()[0].Value.Float64s()
		before, weight := slices.Clone(buffer.Y), weights[0]
		weights[0] = math.NaN()
		if _, err := c.Record(autodiff.NewTape(tensor.Float64), s, y, rng); err == nil {
			t.Errorf("%s: energies of NaN are taken", name)
		}
		weights[0] = weight
		if !slices.Equal(buffer.Y, before) {
			t.Errorf("%s: chains of NaN energy are in the buffer", name)
		}
		for i := range buffer.Y {
			buffer.Y[i] = math.NaN()
		}
		for range 10 { // until each row has been taken
			if _, err := c.Record(autodiff.NewTape(tensor.Float64), s, y, rng); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if slices.ContainsFunc(buffer.Y, math.IsNaN) {
			t.Errorf("%s: the buffer is %v", name, buffer.Y)
		}
	}
}

// The state of a contrast is its buffer's chains themselves.
func TestContrastState(t *testing.T) {
	if s := (&objective.Contrast[float64]{}).State(); s != nil {
		t.Errorf("without chains the state is %v", s)
	}
	buffer, err := sampler.NewBuffer(4, 3, 0, func(y []float64) {
		for i := range y {
			y[i] = float64(i)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s := (&objective.Contrast[float64]{Chains: &sampler.Chains[float64]{Buffer: buffer}}).State()
	if len(s) != 1 || !slices.Equal(s[0].Tensor.Shape(), []int{4, 3}) || s[0].Tensor.At(2, 1) != 7 {
		t.Fatalf("the state is %v", s)
	}
	s[0].Tensor.Set(-1, 0, 0)
	if buffer.Y[0] != -1 {
		t.Error("the state is a copy")
	}
}
