package lesson

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/energo-ml/energo/data/toy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/surface"
)

// Settings say what is trained, and how. Margin, Beta and Ball are of Functional, and those that it does not take must be 0.
type Settings struct {
	Set        string       `json:"set"`                  // parabola, pairs: answers; a name of toy.Names(), points: a density
	Points     [][2]float64 `json:"points,omitempty"`     // of the sets pairs, as (x, y), and points, as (y₁, y₂)
	Energy     string       `json:"energy,omitempty"`     // of answers: one of Architectures
	Functional string       `json:"functional,omitempty"` // of answers: one of Functionals
	Margin     float64      `json:"margin,omitempty"`
	Beta       float64      `json:"beta,omitempty"`
	Ball       float64      `json:"ball,omitempty"`      // around the correct answer, where nothing is pushed up
	Objective  string       `json:"objective,omitempty"` // of a density: one of Objectives
	Rate       float64      `json:"rate"`                // of a step
	Decay      float64      `json:"decay,omitempty"`     // weight of R(W)
	Batch      int          `json:"batch"`
	Seed       uint64       `json:"seed"`
}

// The sets besides those of toy.Names.
const (
	parabola = "parabola" // Y = X²
	pairs    = "pairs"
	points   = "points"
)

// Sets are the names of all sets: those of answers, and those of densities.
func Sets() []string { return slices.Concat([]string{parabola, pairs}, toy.Names(), []string{points}) }

// Functionals are those whose statistics real answers have: all but those of costs, which are of labels.
func Functionals() (names []string) {
	for _, e := range functional.Catalogue() {
		f, err := functional.New(e.Name, functional.DefaultOptions())
		if err != nil {
			continue
		}
		switch f.Statistic().Kind {
		case functional.None, functional.Minimum, functional.Offending, functional.FreeEnergy:
			names = append(names, e.Name)
		}
	}
	return names
}

// Default gives settings that train a set as the jobs parabola and toy2d do.
func Default(set string) Settings {
	s := Settings{Set: set, Seed: 1}
	if s.answers() {
		s.Energy, s.Rate, s.Decay, s.Batch = "codes", 0.05, 0.002, 64
		return s.With("nll")
	}
	s.Objective, s.Rate, s.Batch = "nll", 3e-3, 512
	return s
}

// With gives the settings with another functional, and what that takes at its defaults.
func (s Settings) With(name string) Settings {
	s.Functional, s.Margin, s.Beta, s.Ball = name, 0, 0, 0
	o := functional.DefaultOptions()
	for _, of := range s.options() {
		if of.taken {
			*of.value = of.standard(o)
		}
	}
	return s
}

// option is a setting of functionals.
type option struct {
	name     string
	value    *float64
	taken    bool
	standard func(functional.Options) float64
}

// options are those of the functional.
func (s *Settings) options() []option {
	e, err := functional.Lookup(s.Functional)
	known := err == nil && s.answers()
	offends := false
	if f, err := functional.New(s.Functional, functional.DefaultOptions()); err == nil {
		offends = f.Statistic().Kind == functional.Offending
	}
	return []option{
		{"margin", &s.Margin, known && e.Takes("margin"), func(o functional.Options) float64 { return o.Margin }},
		{"beta", &s.Beta, known && e.Takes("beta"), func(o functional.Options) float64 { return o.Beta }},
		{"ball", &s.Ball, known && offends, func(functional.Options) float64 { return Ball }},
	}
}

// around is how far from the correct answer others are incorrect: by the functional's ball, or by the tutorial's where the functional has none.
func (s *Settings) around() float64 {
	for _, o := range s.options() {
		if o.name == "ball" && o.taken {
			return s.Ball
		}
	}
	return Ball
}

// answers says that the surface is over inputs and answers, not a density.
func (s *Settings) answers() bool { return s.Set == parabola || s.Set == pairs }

// functional makes that of the settings.
func (s *Settings) functional() (functional.Functional, error) {
	o := functional.DefaultOptions()
	o.Margin = s.Margin
	if s.Beta != 0 {
		o.Beta = s.Beta
	}
	return functional.New(s.Functional, o)
}

// The largest settings.
const (
	maxPoints = 10000
	maxBatch  = 4096
	maxScale  = 1e6
)

// Check says what of the settings is wrong, by name and value.
func (s *Settings) Check() error {
	if !slices.Contains(Sets(), s.Set) {
		return fmt.Errorf("set is %q; it must be one of %q", s.Set, Sets())
	}
	if err := s.checkPoints(); err != nil {
		return err
	}
	if err := s.checkKind(); err != nil {
		return err
	}
	for _, o := range s.options() {
		if !o.taken && *o.value != 0 {
			return fmt.Errorf("%s is %v; %s has none, so it must be 0", o.name, *o.value, s.trainedBy())
		}
		if !(*o.value >= 0 && *o.value <= maxScale) || o.name == "beta" && o.taken && *o.value == 0 {
			return fmt.Errorf("%s is %v; it must be from 0 to %v, and beta above 0", o.name, *o.value, float64(maxScale))
		}
	}
	if !(s.Rate > 0 && s.Rate <= 1e3) {
		return fmt.Errorf("rate is %v; it must be above 0 and at most 1000", s.Rate)
	}
	if !(s.Decay >= 0 && s.Decay <= maxScale) {
		return fmt.Errorf("decay is %v; it must be from 0 to %v", s.Decay, float64(maxScale))
	}
	if s.Batch < 1 || s.Batch > maxBatch {
		return fmt.Errorf("batch is %d; it must be from 1 to %d", s.Batch, maxBatch)
	}
	return nil
}

// trainedBy names the functional or the objective.
func (s *Settings) trainedBy() string {
	if s.answers() {
		return s.Functional
	}
	return "the objective " + s.Objective
}

// checkKind checks the settings that answers alone have, and those that densities alone have.
func (s *Settings) checkKind() error {
	if !s.answers() {
		named := map[string]string{"energy": s.Energy, "functional": s.Functional}
		for _, name := range slices.Sorted(maps.Keys(named)) {
			v := named[name]
			if v != "" {
				return fmt.Errorf("%s is %q; the set %s is a density, which has none", name, v, s.Set)
			}
		}
		if !slices.Contains(Objectives(), s.Objective) {
			return fmt.Errorf("objective is %q; it must be one of %q", s.Objective, Objectives())
		}
		return nil
	}
	if s.Objective != "" {
		return fmt.Errorf("objective is %q; the set %s has answers, which are trained by a functional", s.Objective, s.Set)
	}
	if !slices.Contains(Architectures(), s.Energy) {
		return fmt.Errorf("energy is %q; it must be one of %q", s.Energy, Architectures())
	}
	if !slices.Contains(Functionals(), s.Functional) {
		return fmt.Errorf("functional is %q; it must be one of %q", s.Functional, Functionals())
	}
	return nil
}

// checkPoints checks points of one's own.
func (s *Settings) checkPoints() error {
	if s.Set != pairs && s.Set != points {
		if len(s.Points) > 0 {
			return fmt.Errorf("points has %d; the set %s has points of its own", len(s.Points), s.Set)
		}
		return nil
	}
	if len(s.Points) < 1 || len(s.Points) > maxPoints {
		return fmt.Errorf("points has %d; the set %s needs from 1 to %d", len(s.Points), s.Set, maxPoints)
	}
	x, y := s.axes(2)
	for i, p := range s.Points {
		for k, axis := range [][]float64{x, y} {
			if v := p[k]; math.IsNaN(v) || v < axis[0] || v > axis[1] {
				return fmt.Errorf("points[%d][%d] is %v; it must be from %v to %v", i, k, v, axis[0], axis[1])
			}
		}
	}
	return nil
}

// axes are n places on each axis of the plane.
func (s *Settings) axes(n int) (x, y []float64) {
	if s.answers() {
		return surface.Axis(n, -1, 1), surface.Axis(n, AnswersFrom, AnswersTo)
	}
	return surface.Axis(n, -Edge, Edge), surface.Axis(n, -Edge, Edge)
}
