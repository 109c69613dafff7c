package catalogue

import (
	"strings"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// planeReach is the greatest energy of a plane; the least is 0, as some functionals need it.
const planeReach = 3

// A Plane is a functional of two labels over the energies of both: element i·len(E)+j is at E⁺ = E[i], E⁻ = E[j].
type Plane struct {
	E                         []float64 // of either axis
	Value, ByCorrect, ByOther []float64 // the loss, and its derivatives by E⁺ and E⁻
	Lines                     []MarginLine
}

// A MarginLine is where a margin ends: E⁻ = Slope·E⁺ + At.
type MarginLine struct {
	Slope, At float64
	Name      string
}

// PlaneOf evaluates a functional of two labels, ebm.NAME, over side × side pairs of energies from 0 to 3.
//
// Errors: a name that no functional has; options that it refuses.
func PlaneOf(name string, options map[string]any, side int) (Plane, error) {
	e, err := functional.Lookup(strings.TrimPrefix(name, prefix))
	if err != nil {
		return Plane{}, err
	}
	p := Plane{E: make([]float64, side)}
	for i := range p.E {
		p.E[i] = planeReach * float64(i) / float64(max(side-1, 1))
	}
	var pairs []float64
	for _, correct := range p.E {
		for _, other := range p.E {
			pairs = append(pairs, correct, other)
		}
	}
	a, err := evalPairs(e, options, pairs)
	if err != nil {
		return Plane{}, err
	}
	p.Value = a.Loss.Data
	for i := range p.Value {
		g := a.Grad["energies"].Data
		p.ByCorrect, p.ByOther = append(p.ByCorrect, g[2*i]), append(p.ByOther, g[2*i+1])
	}
	p.Lines = marginLines(e, options)
	return p, nil
}

// DifferenceOf evaluates a functional of two labels along E⁺ − E⁻ where E⁺ + E⁻ = 3, so that all functionals have the same argument and no
// energy is negative. The slope is the derivative by the difference.
//
// Errors: as PlaneOf.
func DifferenceOf(name string, options map[string]any) (Graph, error) {
	e, err := functional.Lookup(strings.TrimPrefix(name, prefix))
	if err != nil {
		return Graph{}, err
	}
	g := Graph{Name: name, Formula: e.Formula, X: "E⁺ − E⁻, where E⁺ + E⁻ = 3; below 0 the answer is right"}
	c := Curve{Name: e.Name}
	var pairs []float64
	for i := range graphSteps + 1 {
		x := float64(planeReach * (float64(2*i)/graphSteps - 1))
		c.X = append(c.X, x)
		pairs = append(pairs, (planeReach+x)/2, (planeReach-x)/2)
	}
	a, err := evalPairs(e, options, pairs)
	if err != nil {
		return Graph{}, err
	}
	c.Value = a.Loss.Data
	for i := range c.Value {
		d := a.Grad["energies"].Data[2*i:]
		c.Slope = append(c.Slope, (d[0]-d[1])/2)
	}
	g.Curves = []Curve{c}
	for _, l := range marginLines(e, options) {
		if l.Slope == 1 {
			g.Marks = append(g.Marks, Mark{At: -l.At, Name: "−" + l.Name})
		}
	}
	return g, nil
}

// evalPairs evaluates a functional at pairs of E⁺ and E⁻, each alone.
func evalPairs(e functional.Entry, options map[string]any, pairs []float64) (*loss.Answer, error) {
	r := loss.Request{Options: map[string]any{}, Inputs: map[string]loss.Array[float64]{
		"energies": {Shape: []int{len(pairs) / 2, 2}, Data: pairs}, "target": vector(make([]float64, len(pairs)/2)...),
	}}
	for name, v := range options {
		if name != "reduction" {
			r.Options[name] = v
		}
	}
	r.Options["reduction"] = "none"
	return evalFunctional(prefix+e.Name, r, false)
}

// marginLines are where the margin of a functional ends; of those without one, where both energies are equal.
func marginLines(e functional.Entry, options map[string]any) []MarginLine {
	equal := MarginLine{1, 0, "0"}
	if !e.Takes("margin") {
		return []MarginLine{equal}
	}
	m := functional.DefaultOptions().Margin
	if v, ok := options["margin"].(float64); ok {
		m = v
	}
	if e.NeedsNonNegative {
		return []MarginLine{equal, {0, m, "m"}}
	}
	return []MarginLine{equal, {1, m, "m"}}
}
