package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/surface"
	"github.com/spf13/cobra"
)

func newTrainParabola() *cobra.Command {
	c := recipe.DefaultParabola()
	var dir string
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "parabola",
		Short: "Replay the tutorial's lesson on Y = X²: the loss that works for one architecture flattens another",
		Long: `Trains energies over real answers y to inputs x, with the right answers on Y = X², as in the 2006 tutorial:

  1         |G(x) − y|, energy loss: works
  2         ‖G₁(x) − G₂(y)‖, energy loss: collapses to a flat surface
  3         the same with square-square and the most offending answer outside a ball: works
  4         the same with the negative log-likelihood over 20 answers: works
  misprint  the same with square-square as the tutorial's table prints it: fails

Each with several seeds, a second or less each. The run's folder then holds outcomes.json, and report.html
with the energy surfaces before and after.`,
		Example: "  energo train parabola\n  energo train parabola --case 2 --case 3 --seeds 3",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainParabola(cmd, resolved, dir, asJSON, quiet)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&c.Cases, "case", nil, "case to train; may be given again (default all)")
	f.IntVar(&c.Seeds, "seeds", c.Seeds, "runs of each case")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "seed of the first run")
	f.IntVar(&c.Steps, "steps", c.Steps, "steps of each run")
	f.IntVar(&c.Threads, "threads", c.Threads, "cores to use; 0 is all; the result does not depend on it")
	f.StringVar(&dir, "run", "", "`folder` of the run, new or empty (default runs/parabola and a number)")
	f.BoolVar(&asJSON, "json", false, "print the result as one JSON object, the last line of stdout")
	f.BoolVar(&quiet, "quiet", false, "no progress")
	return cmd
}

// parabolaResult is outcomes.json.
type parabolaResult struct {
	Run      string                  `json:"run"`
	Recipe   string                  `json:"recipe"`
	Settings recipe.ParabolaConfig   `json:"settings"`
	Cases    []recipe.ParabolaResult `json:"cases"`
}

func trainParabola(cmd *cobra.Command, c recipe.ParabolaConfig, dir string, asJSON, quiet bool) error {
	folder, err := claim(dir, false, "parabola")
	if err != nil {
		return err
	}
	defer folder.Release()
	dir = folder.Dir
	p := newProgress(cmd.ErrOrStderr(), quiet)
	results, err := recipe.Parabola(cmd.Context(), c, func(k recipe.ParabolaCase, o recipe.ParabolaOutcome, d time.Duration) {
		p.say("case %s, seed %d: squared error %s, spread of the energies %s, before %s  %.1f s%s", k.Name, o.Seed, number(o.MSE), number(o.Spread), number(o.Before), d.Seconds(), o.Why)
	})
	if err != nil {
		if cmd.Context().Err() != nil {
			return errInterrupted
		}
		return err
	}
	g := report.Gallery{
		Title:    "Y = X², by four losses",
		Subtitle: fmt.Sprintf("Energies E(x, y), low ones dark, each case's first of %d seeds. The least energy's y is the answer.", c.Seeds),
	}
	out := cmd.OutOrStdout()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tENERGY\tFUNCTIONAL\tFLAT\tSQUARED ERROR, mean\tworst")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d of %d\t%s\t%s\n", r.Name, r.Energy, r.Functional, r.Flat, len(r.Runs), number(r.MSE), number(r.WorstMSE))
		g.Groups = append(g.Groups, parabolaGroup(r))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	result := parabolaResult{dir, "parabola", c, results}
	if err := report.WriteGallery(dir, g, result); err != nil {
		return err
	}
	var films []surface.Film
	for _, r := range results {
		films = append(films, r.Film)
	}
	if err := surface.Write(dir, films); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nLook at %s; energo surface %s shows the training as films.\n", shown(filepath.Join(dir, "report.html")), shellQuote(dir))
	return printJSON(out, result, asJSON)
}

func parabolaGroup(r recipe.ParabolaResult) report.GalleryGroup {
	g := report.GalleryGroup{
		Title: fmt.Sprintf("Case %s: %s with %s", r.Name, r.Energy, r.Functional),
		Verdict: fmt.Sprintf("Theory: it %s. Measured: %d of %d surfaces flat; squared error of the answers %s on average, %s at worst.",
			r.Expect, r.Flat, len(r.Runs), number(r.MSE), number(r.WorstMSE)),
		Alarm: r.WorstMSE > 0.01,
	}
	span := slices.Max(r.Before.Energy) - slices.Min(r.Before.Energy)
	for _, when := range []struct {
		name   string
		s      recipe.Surface
		spread float64
	}{{"before", r.Before, float64(r.Runs[0].Before)}, {"after", r.After, float64(r.Runs[0].Spread)}} {
		s := when.s
		right := make([]float64, len(s.X))
		for i, x := range s.X {
			right[i] = x * x
		}
		g.Planes = append(g.Planes, report.Plane{
			Name: "case-" + r.Name + "-" + when.name, Title: strings.ToUpper(when.name[:1]) + when.name[1:] + " training",
			Note: "spread of the energies over y: " + number(when.spread), X: s.X, Y: s.Y, Energy: s.Energy, Inferred: s.Inferred, Right: right, Least: span,
		})
	}
	return g
}
