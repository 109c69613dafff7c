package sampler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// everySampler has a sampler of each type, some of them twice, with steps long enough to
// leave a place of unit size.
func everySampler() map[string]Sampler[float64] {
	mala := func() *MALA[float64] { return &MALA[float64]{StepSize: 0.8} }
	hmc := func() *HMC[float64] { return &HMC[float64]{StepSize: 1.2, Leapfrogs: 2, Jitter: 0.2} }
	langevin := func() *Langevin[float64] { return NewLangevin[float64](0.5) }
	betas := []float64{1, 0.5, 0.2}
	return map[string]Sampler[float64]{
		"Langevin":              langevin(),
		"Langevin clipped":      &Langevin[float64]{StepSize: 1, Noise: 1, Clip: 0.5, Low: -100, High: 100},
		"MALA":                  mala(),
		"HMC":                   hmc(),
		"Tempering of Langevin": &Tempering[float64]{Betas: betas, Inner: langevin()},
		"Tempering of MALA":     &Tempering[float64]{Betas: betas, Inner: mala()},
		"Tempering of HMC":      &Tempering[float64]{Betas: betas, Inner: hmc()},
	}
}

// TestEverySamplerIsTested: each type of the package with a method Step is in everySampler,
// or is Gibbs, which has tests of its own.
func TestEverySamplerIsTested(t *testing.T) {
	tested := map[string]bool{"Gibbs": true}
	for _, s := range everySampler() {
		name, _, _ := strings.Cut(reflect.TypeOf(s).Elem().Name(), "[")
		tested[name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	samplers := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Step" {
				continue
			}
			samplers++
			of := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.IndexExpr).X.(*ast.Ident).Name
			if !tested[of] {
				t.Errorf("%s has no row in everySampler", of)
			}
		}
	}
	if samplers < 5 {
		t.Errorf("%d methods Step are found; there are 5 at least", samplers)
	}
}

// pit is a standard normal in two dimensions, but for what the first number of a point
// stands for.
type pit struct{}

// The first numbers of points where something is not finite.
const (
	nanEnergy = 10 + iota
	nanSlope
	infEnergy
	lowEnergy
	infSlope
	ends
)

func (pit) Dim() int { return 2 }

func (pit) Energies(energy []float64, grad, y []float64) {
	for i := range energy {
		a, b := y[2*i], y[2*i+1]
		if a-a != 0 { // so that it is the position alone that is not finite
			a = 0
		}
		e, slope := (a*a+b*b)/2, [2]float64{a, b}
		switch math.Floor(a) {
		case nanEnergy:
			e = math.NaN()
		case nanSlope:
			slope[1] = math.NaN()
		case infEnergy:
			e = math.Inf(1)
		case lowEnergy:
			e = math.Inf(-1)
		case infSlope:
			slope[0] = math.Inf(-1)
		}
		energy[i] = e
		if grad != nil {
			copy(grad[2*i:2*i+2], slope[:])
		}
	}
}

// stateOf returns the state of chains at y, finite or not: for tempering, of all levels.
func stateOf(s Sampler[float64], target Target[float64], y []float64) *State[float64] {
	state := new(State[float64])
	if temper, ok := s.(*Tempering[float64]); ok {
		target, y = temper.over(target, len(y)/target.Dim()), slices.Repeat(y, len(temper.Betas))
	}
	state.fit(len(y)/target.Dim(), target.Dim())
	copy(state.Y, y)
	state.Refresh(target)
	return state
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// TestNonFiniteChainsStay: a chain whose position, energy or slope is not finite stays to
// the bit, counts as diverged, and changes nothing for the others.
func TestNonFiniteChainsStay(t *testing.T) {
	bad := []float64{nanEnergy + 0.5, nanSlope + 0.5, infEnergy + 0.5, lowEnergy + 0.5, infSlope + 0.5, math.NaN(), math.Inf(1), math.Inf(-1)}
	var y, calm []float64 // every other chain is in order
	for _, v := range bad {
		y, calm = append(y, 0.1, 0.2, v, 0.3), append(calm, 0.1, 0.2, 0.4, 0.3)
	}
	n := 2 * len(bad)
	for name := range everySampler() {
		t.Run(name, func(t *testing.T) {
			sampler, alone := everySampler()[name], everySampler()[name]
			s, other := stateOf(sampler, pit{}, y), stateOf(alone, pit{}, calm)
			start, levels := slices.Clone(s.Y), s.N()/n
			rng, twin := seeded(30), seeded(30)
			for range 20 {
				info, _ := sampler.Step(rng, pit{}, s), alone.Step(twin, pit{}, other)
				if most := len(bad) * levels; info.Diverged < most {
					t.Fatalf("%d chains diverge of %d that are not finite", info.Diverged, most)
				}
				if !(info.Accepted <= 0.5) {
					t.Fatalf("%v of the chains are accepted; half of them cannot move", info.Accepted)
				}
			}
			for i := range s.N() {
				moved := false
				for j, v := range s.Row(i) {
					moved = moved || !sameBits(v, start[2*i+j])
				}
				if i%2 == 1 && moved {
					t.Errorf("a chain that starts at %v is at %v", start[2*i:2*i+2], s.Row(i))
				}
				if i%2 == 0 && (!moved || !slices.Equal(s.Row(i), other.Row(i))) {
					t.Errorf("chain %d is at %v; beside chains that are finite it is at %v", i, s.Row(i), other.Row(i))
				}
			}
		})
	}
}

// TestNonFinitePlacesAreNotEntered: energies that are NaN on one side, and slopes on the
// other, hold no chain.
func TestNonFinitePlacesAreNotEntered(t *testing.T) {
	nan := math.NaN()
	cliff := line(func(y float64) (float64, float64) {
		switch {
		case y > 1.5:
			return nan, y
		case y < -1.5:
			return y * y / 2, nan
		}
		return y * y / 2, y
	})
	for name, sampler := range everySampler() {
		t.Run(name, func(t *testing.T) {
			s, rng, diverged := stateOf(sampler, cliff, make([]float64, 100)), seeded(31), 0
			for range 100 {
				diverged += sampler.Step(rng, cliff, s).Diverged
				for i := range s.N() {
					if y := s.Y[i]; !s.Finite(i) || math.Abs(y) > 1.5 {
						t.Fatalf("a chain is at %v", y)
					}
				}
			}
			if diverged == 0 {
				t.Error("nothing diverges")
			}
		})
	}
}

// TestChainsRedraw: what is not finite at the start of a run is drawn afresh, or starts from
// the data; what stays so does not get into the buffer.
func TestChainsRedraw(t *testing.T) {
	// Half of the fresh starts are not finite themselves.
	fresh := func(rng *rand.Rand, y []float64) {
		y[0], y[1] = float64(rng.IntN(2))*(nanEnergy+0.5), 0.25
	}
	data := []float64{-0.5, 0.5, -0.5, 0.5, -0.5, 0.5, -0.5, 0.5}
	start := []float64{nanEnergy + 0.5, 0, nanSlope + 0.5, 0, infEnergy + 0.5, 0, lowEnergy + 0.5, 0}
	for name, sampler := range everySampler() {
		if strings.HasPrefix(name, "Tempering") { // its states have more rows than draws
			continue
		}
		for _, c := range []struct {
			name   string
			fresh  func(*rand.Rand, []float64)
			data   []float64
			buffer bool
			stays  bool
		}{
			{"fresh", fresh, data, true, false},
			{"fresh, no data", fresh, nil, true, false},
			{"from the data", nil, data, true, false},
			{"from nowhere", nil, nil, true, true},
			{"fresh, without a buffer", fresh, start, false, false},
			{"without a buffer", nil, start, false, true},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				chains := &Chains[float64]{Sampler: sampler, Steps: 3, Fresh: c.fresh}
				if c.buffer {
					chains.Buffer = &Buffer[float64]{Y: slices.Clone(start), Dim: 2}
				}
				y := make([]float64, len(start))
				info := chains.Draw(seeded(32), pit{}, c.data, y)
				s := stateOf(sampler, pit{}, y)
				for i := range s.N() {
					if s.Finite(i) == c.stays {
						t.Errorf("chain %d is at %v; finite: %v", i, s.Row(i), s.Finite(i))
					}
				}
				if c.stays && info.Diverged != s.N() {
					t.Errorf("%d chains of %d diverge", info.Diverged, s.N())
				}
				if c.buffer {
					kept := chains.Buffer.Y
					if now := stateOf(sampler, pit{}, kept); c.stays != slices.Equal(kept, start) || now.allFinite() == c.stays {
						t.Errorf("the buffer has %v", kept)
					}
				}
			})
		}
	}
}

// TestNewStateNamesWhatIsNotFinite: a start is refused for its position, energy or slope.
func TestNewStateNamesWhatIsNotFinite(t *testing.T) {
	for want, first := range map[string]float64{
		"the energy of starting point 1 is NaN; it must be finite":                      nanEnergy + 0.5,
		"the energy of starting point 1 is +Inf; it must be finite":                     infEnergy + 0.5,
		"the slope of starting point 1 is [NaN] from number 1 on; it must be finite":    nanSlope + 0.5,
		"starting point 1 is [NaN 0] from number 0 on; its numbers must be finite":      math.NaN(),
		"the slope of starting point 1 is [-Inf 0] from number 0 on; it must be finite": infSlope + 0.5,
		"starting point 1 is [+Inf 0] from number 0 on; its numbers must be finite":     math.Inf(1),
	} {
		if _, err := NewState[float64](pit{}, []float64{0, 0, first, 0}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for want, betas := range map[string][]float64{
		"Betas[1] is 0; inverse temperatures must fall from 1 and stay above 0": {1, 0},
		"Betas[2] is 0.6": {1, 0.5, 0.6},
		"Betas[1] is NaN": {1, math.NaN()},
		"Betas is [0.5]":  {0.5},
		"Betas is []":     nil,
	} {
		temper := &Tempering[float64]{Betas: betas, Inner: &MALA[float64]{StepSize: 1}}
		if _, err := temper.NewState(pit{}, make([]float64, 4)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// layers is a Bipartite of two units a layer; a row whose first unit is on has a hidden
// probability of NaN, one whose second is on a visible one.
type layers struct{}

func (layers) Visible() int { return 2 }
func (layers) Hidden() int  { return 2 }

func (layers) HiddenGiven(p, v []float64) {
	for i := 0; i < len(v); i += 2 {
		p[i], p[i+1] = 0.5, v[i+1]
		if v[i] != 0 {
			p[i] = math.NaN()
		}
	}
}

func (layers) VisibleGiven(p, h []float64) {
	for i := 0; i < len(h); i += 2 {
		p[i], p[i+1] = h[i]-h[i], 0 // NaN where the hidden unit is
		if h[i+1] != 0 {
			p[i+1] = math.NaN()
		}
	}
}

// TestGibbsStays: rows of probabilities that are NaN stay, on either side, and are counted.
func TestGibbsStays(t *testing.T) {
	var g Gibbs[float64]
	v, p := []float64{0, 0, 1, 0, 0, 1, 0, 0, math.NaN(), 0}, make([]float64, 10)
	start := slices.Clone(v)
	for range 5 {
		if n := g.Step(seeded(33), layers{}, v, p); n != 3 {
			t.Errorf("%d rows diverge; 3 have no probabilities", n)
		}
		if !slices.EqualFunc(v, start, sameBits) {
			t.Errorf("rows are at %v, want %v", v, start)
		}
	}
	if p[0] != 0 || !math.IsNaN(p[2]) || !math.IsNaN(p[5]) {
		t.Errorf("probabilities %v", p)
	}
}
