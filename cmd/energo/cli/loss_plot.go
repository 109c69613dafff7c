package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newLossPlot() *cobra.Command {
	var out string
	var width, height float64
	var options []string
	cmd := &cobra.Command{
		Use: "plot NAME", Short: "Draw a loss and its derivative against its argument",
		Long: `Draws a loss, solid, and its derivative, dashed: pointwise losses against the input, for a few
targets; losses of class scores against how far the right score lies above the other of two; cosine
embedding against the angle; functionals against the difference of energies E⁺ − E⁻, or E⁻ where they take more than the
difference. For triplet losses it draws what their gradient does to an anchor, a positive and a negative.`,
		Example: `  energo loss plot ebm.hinge                     # the lecture's Figure 4
  energo loss plot ebm.log --out log.png         # … and 5
  energo loss plot triplet                       # … and 1
  energo loss plot huber --option delta=2`,
		Args: exactly("the NAME of a loss"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(width >= 100 && width <= 5000 && height >= 100 && height <= 5000) {
				return usagef("--width and --height are points, from 100 to 5000")
			}
			values, err := parseOptions(options)
			if err != nil {
				return err
			}
			name := args[0]
			if out == "" {
				out = name + ".svg"
			}
			if short, ok := strings.CutPrefix(name, "ebm."); ok {
				e, err := functional.Lookup(short)
				if err != nil {
					return usageError{err}
				}
				err = plotFunctional(e, values, out, width, height)
				return written(cmd, out, err)
			}
			e, err := lookupLoss(name)
			if err != nil {
				return err
			}
			return written(cmd, out, plotLoss(e, values, out, width, height))
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "`file` to write, .svg or .png, or a device or pipe, which takes SVG (default NAME.svg)")
	f.Float64Var(&width, "width", 520, "width in points")
	f.Float64Var(&height, "height", 360, "height in points")
	f.StringArrayVar(&options, "option", nil, "an option of the loss, as `NAME=NUMBER`; may be given again")
	return cmd
}

func written(cmd *cobra.Command, path string, err error) error {
	if err == nil {
		fmt.Fprintf(messages(cmd, path), "Wrote %s.\n", shown(path))
	}
	return err
}

func parseOptions(assignments []string) (map[string]any, error) {
	values := map[string]any{}
	for _, g := range assignments {
		name, text, ok := strings.Cut(g, "=")
		v, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil {
			return nil, usagef("--option %s: it must be NAME=NUMBER", g)
		}
		if before, twice := values[name]; twice {
			return nil, usagef("--option names %s twice, as %v and %v", name, before, v)
		}
		values[name] = v
	}
	return values, nil
}

// A view is how a loss is shown along one number.
type view struct {
	x        string // what the number is
	lo, hi   float64
	targets  []float64 // one curve each
	name     string    // of the targets, in the legend
	request  func(x, target float64) map[string]loss.Array[float64]
	input    string                                            // whose gradient is the slope
	along    func(x float64, grad loss.Array[float64]) float64 // the derivative by x
	markAt   string                                            // an option whose value is marked, and its default
	fallback float64
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

// viewOf returns how a loss is shown.
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
		v.markAt, v.fallback = "margin", 1
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
		v.markAt, v.fallback = "margin", 1
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
	return view{}, false
}

func plotLoss(e loss.Entry, options map[string]any, out string, width, height float64) error {
	if e.Name == "triplet" || e.Name == "triplet_with_distance" {
		return plotTriplet(e, options, out, width, height)
	}
	v, ok := viewOf(e)
	if !ok {
		return usagef("%s has no picture along one number: it is not of one score and one target", e.Name)
	}
	p := report.LossPlot{Title: e.Type + ":  " + e.Formula, X: v.x, Width: width, Height: height}
	if strings.Count(p.Title, "")*7 > int(width)+60 {
		p.Title = e.Type
	}
	for _, target := range v.targets {
		c := report.LossCurve{Name: v.name + " = " + number(target)}
		if math.IsNaN(target) {
			c.Name = e.Called()
		}
		const steps = 480
		for i := range steps + 1 {
			x := v.lo + (v.hi-v.lo)*float64(i)/steps
			a, err := e.Eval(loss.Request{Options: options, Inputs: v.request(x, target)}, false)
			if err != nil {
				return usageError{err}
			}
			c.X = append(c.X, x)
			c.Value = append(c.Value, a.Loss.Data[0])
			c.Slope = append(c.Slope, v.along(x, a.Grad[v.input]))
		}
		p.Curves = append(p.Curves, c)
	}
	if v.markAt != "" {
		at := v.fallback
		if option, ok := options[v.markAt].(float64); ok {
			at = option
		}
		p.Marks = []report.LossMark{{At: at, Name: v.markAt}}
	}
	return p.Write(out)
}

// triplet is one in the plane whose negative is nearer than its positive.
func triplet() map[string]loss.Array[float64] {
	return map[string]loss.Array[float64]{"anchor": vector(0, 0), "positive": vector(1.5, 0.9), "negative": vector(0.9, -0.9)}
}

// plotTriplet lets a triplet follow the loss's gradient.
func plotTriplet(e loss.Entry, options map[string]any, out string, width, height float64) error {
	names := []string{"anchor", "positive", "negative"}
	at := triplet()
	arrows := make([]report.Arrow, len(names))
	for i, n := range names {
		arrows[i] = report.Arrow{Name: n, X: at[n].Data[0], Y: at[n].Data[1]}
	}
	var before, after float64
	for step := range 60 {
		a, err := e.Eval(loss.Request{Options: options, Inputs: at}, false)
		if err != nil {
			return usageError{err}
		}
		if after = a.Loss.Data[0]; step == 0 {
			before = after
		}
		next := map[string]loss.Array[float64]{}
		for _, n := range names {
			next[n] = vector(at[n].Data[0]-0.01*a.Grad[n].Data[0], at[n].Data[1]-0.01*a.Grad[n].Data[1])
		}
		at = next
	}
	for i, n := range names {
		arrows[i].ToX, arrows[i].ToY = at[n].Data[0], at[n].Data[1]
	}
	note := fmt.Sprintf("faint: before; solid: after 60 small steps down the gradient; the loss falls from %.2f to %.2f", before, after)
	return report.LossGeometry(out, e.Type+": the positive is pulled, the negative pushed", note, arrows, width, height)
}

// plotFunctional draws a functional over two labels.
func plotFunctional(e functional.Entry, options map[string]any, out string, width, height float64) error {
	o := functional.DefaultOptions()
	for name, v := range options {
		field, ok := map[string]*float64{"margin": &o.Margin, "beta": &o.Beta, "gamma": &o.Gamma, "cap": &o.Cap, "delta": &o.Delta}[name]
		if !ok || !e.Takes(name) {
			return usagef("ebm.%s has no option %q; it has %s", e.Name, name, strings.Join(slices.DeleteFunc(slices.Clone(e.Uses), func(s string) bool { return s == "cost" }), ", "))
		}
		*field = v.(float64)
	}
	f, err := functional.New(e.Name, o)
	if err != nil {
		return usageError{err}
	}
	p := report.LossPlot{Title: "ebm." + e.Name + ":  " + e.Formula, X: "energy of the correct answer − that of the most offending one; below 0 it is right", Width: width, Height: height}
	curves := []float64{math.NaN()} // E⁺; NaN is the difference
	lo, hi := -3.0, 3.0
	switch {
	case e.NeedsNonNegative:
		p.X, curves, lo, hi = "energy of the most offending incorrect answer (the derivative is by it)", []float64{0, 0.5, 1}, 0, 3
	case e.Takes("margin"):
		p.Marks = []report.LossMark{{At: -o.Margin, Name: "−m"}}
	}
	if e.NeedsNonNegative && e.Takes("margin") {
		p.Marks = []report.LossMark{{At: o.Margin, Name: "m"}}
	}
	for _, fixed := range curves {
		c := report.LossCurve{Name: fmt.Sprintf("E⁺ = %g", fixed)}
		by := 1 // the energy that moves
		if math.IsNaN(fixed) {
			c.Name, by = e.Name, 0
		}
		const steps = 480
		for i := range steps + 1 {
			x := lo + (hi-lo)*float64(i)/steps
			energies := []float64{fixed, x}
			if by == 0 {
				energies = []float64{x, 0}
			}
			var each [1]float64
			var grad [2]float64
			if err := functional.Labels(f, energies, 2, []int{0}, each[:], grad[:]); err != nil {
				return err
			}
			c.X, c.Value, c.Slope = append(c.X, x), append(c.Value, each[0]), append(c.Slope, grad[by])
		}
		p.Curves = append(p.Curves, c)
	}
	return p.Write(out)
}
