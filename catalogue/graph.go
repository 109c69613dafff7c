package catalogue

import (
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// A Graph is a loss and its derivative along one number.
type Graph struct {
	Name    string // of the loss: its Go type, or ebm.NAME
	Formula string
	X       string // what the number is
	Curves  []Curve
	Marks   []Mark
}

// A Curve is a loss for one target, from left to right.
type Curve struct {
	Name            string // what the target is
	X, Value, Slope []float64
}

// A Mark is a value of the argument that means something, such as a margin.
type Mark struct {
	At   float64
	Name string
}

// graphSteps are the steps between the points of a curve.
const graphSteps = 480

// GraphOf evaluates a loss, by any name that loss.Lookup knows, or a functional of two labels, ebm.NAME, along one number:
// pointwise losses against the input, losses of class scores against how far the right score lies above the other, functionals
// against E⁺ − E⁻, or against E⁻ where they take more than the difference, losses of several vectors against a coordinate or the angle of one.
//
// Errors: a name that no loss has; options that the loss refuses.
func GraphOf(name string, options map[string]any) (Graph, error) {
	if short, ok := strings.CutPrefix(name, prefix); ok {
		e, err := functional.Lookup(short)
		if err != nil {
			return Graph{}, err
		}
		return functionalView(e, options).graph(Graph{Name: name, Formula: e.Formula}, e.Name, options, func(r loss.Request) (*loss.Answer, error) {
			return evalFunctional(name, r, false)
		})
	}
	e, err := loss.Lookup(name)
	if err != nil {
		return Graph{}, err
	}
	v, ok := viewUnder(e, options)
	if !ok {
		return Graph{}, fmt.Errorf("%s has no picture along one number", e.Name)
	}
	return v.graph(Graph{Name: e.Type, Formula: e.Formula}, e.Called(), options, func(r loss.Request) (*loss.Answer, error) { return e.Eval(r, false) })
}

// A view is how a loss is shown along one number.
type view struct {
	x       string // what the number is
	lo, hi  float64
	targets []float64 // one curve each; NaN where there is but one
	name    string    // of the targets, in the legend
	request func(x, target float64) map[string]loss.Array[float64]
	input   string                                            // whose gradient is the slope
	along   func(x float64, grad loss.Array[float64]) float64 // the derivative by x
	mark    mark
	base    map[string]any // options that must be there
}

// with are options with those that must be there.
func (v view) with(options map[string]any) map[string]any {
	all := maps.Clone(v.base)
	if all == nil {
		return options
	}
	maps.Copy(all, options)
	return all
}

// A mark is an option whose value is marked; without a name no value is.
type mark struct {
	option, name string
	fallback     float64 // the option's default
	scale        float64 // from the option to the place
}

// graph evaluates a loss along a view and adds that to g. alone is the name of the curve of a loss that has one.
func (v view) graph(g Graph, alone string, options map[string]any, eval func(loss.Request) (*loss.Answer, error)) (Graph, error) {
	g.X = v.x
	for _, target := range v.targets {
		c := Curve{Name: strings.ReplaceAll(fmt.Sprintf("%s = %g", v.name, target), "-", "−")}
		if math.IsNaN(target) {
			c.Name = alone
		}
		for i := range graphSteps + 1 {
			x := v.lo + (v.hi-v.lo)*float64(i)/graphSteps
			a, err := eval(loss.Request{Options: v.with(options), Inputs: v.request(x, target)})
			if err != nil {
				return g, err
			}
			c.X, c.Value, c.Slope = append(c.X, x), append(c.Value, a.Loss.Data[0]), append(c.Slope, v.along(x, a.Grad[v.input]))
		}
		g.Curves = append(g.Curves, c)
	}
	if m := v.mark; m.option != "" {
		at := m.fallback
		if value, ok := options[m.option].(float64); ok {
			at = value
		}
		g.Marks = []Mark{{At: m.scale * at, Name: m.name}}
	}
	return g, nil
}

func vector(v ...float64) loss.Array[float64] {
	return loss.Array[float64]{Shape: []int{len(v)}, Data: v}
}

func scalar(v float64) loss.Array[float64] {
	return loss.Array[float64]{Shape: []int{}, Data: []float64{v}}
}

// pointwise is the view of a loss of input and target.
func pointwise(x string, lo, hi float64, targets ...float64) view {
	return view{
		x: x, lo: lo, hi: hi, targets: targets, name: "y", input: "input",
		request: func(x, y float64) map[string]loss.Array[float64] {
			return map[string]loss.Array[float64]{"input": vector(x), "target": vector(y)}
		},
		along: func(_ float64, g loss.Array[float64]) float64 { return g.Data[0] },
	}
}

// scores is the view of a loss of the scores of two classes, the first of them right.
func scores(target loss.Array[float64]) view {
	v := pointwise("how far the right class's score lies above the other", -4, 4, math.NaN())
	v.request = func(x, _ float64) map[string]loss.Array[float64] {
		return map[string]loss.Array[float64]{"input": vector(x, 0), "target": target}
	}
	return v
}

// viewUnder returns how a loss with options is shown.
func viewUnder(e loss.Entry, options map[string]any) (view, bool) {
	if e.Name == "poisson_nll" && options["log_input"] == false {
		return pointwise("input: rate", 0.02, 6, 0, 1, 4), true
	}
	return viewOf(e)
}

// viewOf returns how a loss is shown with the options that it has by default.
func viewOf(e loss.Entry) (view, bool) {
	switch e.Name {
	case "l1", "mse", "smooth_l1", "huber":
		return pointwise("residual: input − target", -3, 3, 0), true
	case "poisson_nll":
		return pointwise("input: log of the rate", -2, 3, 0, 1, 4), true
	case "gaussian_nll":
		v := pointwise("input − target", -3, 3, 0.3, 1, 3)
		v.name = "var"
		v.request = func(x, s float64) map[string]loss.Array[float64] {
			return map[string]loss.Array[float64]{"input": vector(x), "target": vector(0), "var": vector(s)}
		}
		return v, true
	case "kl_div":
		return pointwise("input: log-probability", -5, 0, 0.1, 0.5, 0.9), true
	case "bce":
		return pointwise("input: probability", 0.002, 0.998, 0, 0.5, 1), true
	case "bce_logits":
		return pointwise("input: score", -5, 5, 0, 0.5, 1), true
	case "multilabel_soft_margin":
		return pointwise("input: score", -5, 5, 0, 1), true
	case "soft_margin":
		return pointwise("input: score", -4, 4, -1, 1), true
	case "hinge_embedding":
		v := pointwise("input: distance", 0, 2.5, -1, 1)
		v.mark = mark{"margin", "margin", 1, 1}
		return v, true
	case "margin_ranking":
		v := pointwise("input1 − input2", -3, 3, -1, 1)
		v.input = "input1"
		v.request = func(x, y float64) map[string]loss.Array[float64] {
			return map[string]loss.Array[float64]{"input1": vector(x), "input2": vector(0), "target": vector(y)}
		}
		return v, true
	case "cross_entropy":
		return scores(scalar(0)), true
	case "multi_margin":
		v := scores(scalar(0))
		v.mark = mark{"margin", "margin", 1, 1}
		return v, true
	case "multilabel_margin":
		return scores(vector(0, -1)), true
	case "nll":
		v := scores(scalar(0))
		v.x, v.lo, v.hi = "input: log-probability of the right class", -5, 0
		return v, true
	case "linear_cross_entropy":
		v := scores(scalar(0))
		v.request = func(x, _ float64) map[string]loss.Array[float64] {
			return map[string]loss.Array[float64]{
				"input": vector(x, 0), "linear_weight": {Shape: []int{2, 2}, Data: []float64{1, 0, 0, 1}}, "target": scalar(0),
			}
		}
		return v, true
	case "cosine_embedding":
		v := pointwise("angle between the two, in degrees", 0, 180, 1, -1)
		v.input = "input2"
		v.request = func(x, y float64) map[string]loss.Array[float64] {
			sin, cos := math.Sincos(x * math.Pi / 180)
			return map[string]loss.Array[float64]{"input1": vector(1, 0), "input2": vector(cos, sin), "target": scalar(y)}
		}
		v.along = func(x float64, g loss.Array[float64]) float64 { // by the angle in radians
			sin, cos := math.Sincos(x * math.Pi / 180)
			return -sin*g.Data[0] + cos*g.Data[1]
		}
		return v, true
	}
	return vectorView(e)
}

// functionalView is the view of a functional over two labels, the first of them correct.
func functionalView(e functional.Entry, options map[string]any) view {
	delta, _ := options["delta"].(float64) // of lvq2, which divides by E⁻ then
	v := pointwise("energy of the correct answer − that of the most offending one; below 0 it is right", -3, 3, math.NaN())
	margin := mark{"margin", "−m", functional.DefaultOptions().Margin, -1}
	v.input = "energies"
	energies := func(x, _ float64) []float64 { return []float64{x, 0} }
	if e.NeedsNonNegative || delta > 0 {
		v = pointwise("energy of the most offending incorrect answer (the derivative is by it)", 0, 3, 0, 0.5, 1)
		margin.name, margin.scale = "m", 1
		v.name, v.input = "E⁺", "energies"
		energies = func(x, correct float64) []float64 { return []float64{correct, x} }
		v.along = func(_ float64, g loss.Array[float64]) float64 { return g.Data[1] }
	}
	v.request = func(x, correct float64) map[string]loss.Array[float64] {
		return map[string]loss.Array[float64]{"energies": {Shape: []int{1, 2}, Data: energies(x, correct)}, "target": vector(0)}
	}
	if e.Takes("margin") {
		v.mark = margin
	}
	return v
}
