package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/catalogue"
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
			if !strings.HasPrefix(name, "ebm.") {
				e, err := lookupLoss(name)
				if err != nil {
					return err
				}
				if e.Name == "triplet" || e.Name == "triplet_with_distance" {
					return written(cmd, out, plotTriplet(e, values, out, width, height))
				}
			}
			g, err := catalogue.GraphOf(name, values)
			if err != nil {
				return usageError{err}
			}
			return written(cmd, out, plotGraph(g, out, width, height))
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

// plotGraph draws a loss along one number.
func plotGraph(g catalogue.Graph, out string, width, height float64) error {
	p := report.LossPlot{Title: g.Name + ":  " + g.Formula, X: g.X, Width: width, Height: height}
	if strings.Count(p.Title, "")*7 > int(width)+60 {
		p.Title = g.Name
	}
	for _, c := range g.Curves {
		p.Curves = append(p.Curves, report.LossCurve(c))
	}
	for _, m := range g.Marks {
		p.Marks = append(p.Marks, report.LossMark(m))
	}
	return p.Write(out)
}

// plotTriplet lets a triplet follow the loss's gradient.
func plotTriplet(e loss.Entry, options map[string]any, out string, width, height float64) error {
	names := []string{"anchor", "positive", "negative"}
	at := catalogue.Sample(e)
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
			x, g := at[n].Data, a.Grad[n].Data
			next[n] = loss.Array[float64]{Shape: []int{2}, Data: []float64{x[0] - 0.01*g[0], x[1] - 0.01*g[1]}}
		}
		at = next
	}
	for i, n := range names {
		arrows[i].ToX, arrows[i].ToY = at[n].Data[0], at[n].Data[1]
	}
	note := fmt.Sprintf("faint: before; solid: after 60 small steps down the gradient; the loss falls from %.2f to %.2f", before, after)
	return report.LossGeometry(out, e.Type+": the positive is pulled, the negative pushed", note, arrows, width, height)
}
