package cli

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/surface"
	"github.com/spf13/cobra"
)

func newTrainToy2D() *cobra.Command {
	c := recipe.DefaultToy2D()
	var dir string
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "toy2d",
		Short: "Train densities exp(−E(y))/Z over the plane, whose truth is known",
		Long: `Trains an energy over the plane for each of six distributions that are known exactly: gaussians
(eight), rings, moons, spirals, checkerboard, pinwheel. The loss is the negative log-likelihood, its partition
function a quadrature. What comes out is held against the truth: Kullback-Leibler divergence by quadrature, modes
covered and maximum mean discrepancy by draws. About half a minute a set.`,
		Example: "  energo train toy2d\n  energo train toy2d --set spirals --steps 1000",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainToy2D(cmd, resolved, dir, asJSON, quiet)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&c.Sets, "set", nil, "set to train on; may be given again (default all)")
	f.StringVar(&c.Objective, "objective", c.Objective, "what trains: nll (by quadrature), cd and pcd (contrastive divergence), denoising and sliced (score matching), nce")
	f.IntVar(&c.Steps, "steps", c.Steps, "steps of each training")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "seed of everything that is random")
	f.IntVar(&c.Threads, "threads", c.Threads, "cores to use; 0 is all; the result does not depend on it")
	f.StringVar(&dir, "run", "", "`folder` of the run, new or empty (default runs/toy2d and a number)")
	f.BoolVar(&asJSON, "json", false, "print the result as one JSON object, the last line of stdout")
	f.BoolVar(&quiet, "quiet", false, "no progress")
	return cmd
}

// toy2DResult is outcomes.json.
type toy2DResult struct {
	Run      string               `json:"run"`
	Recipe   string               `json:"recipe"`
	Settings recipe.Toy2DConfig   `json:"settings"`
	Sets     []recipe.Toy2DResult `json:"sets"`
}

func trainToy2D(cmd *cobra.Command, c recipe.Toy2DConfig, dir string, asJSON, quiet bool) error {
	folder, err := claim(dir, false, "toy2d")
	if err != nil {
		return err
	}
	defer folder.Release()
	dir = folder.Dir
	p := newProgress(cmd.ErrOrStderr(), quiet)
	results, err := recipe.Toy2D(cmd.Context(), c, func(r recipe.Toy2DResult) {
		p.say("%s: KL %s nat after %.1f s", r.Set, number(r.KL), r.Seconds)
	})
	if err != nil {
		if cmd.Context().Err() != nil {
			return errInterrupted
		}
		return err
	}
	g := report.Gallery{
		Title: "Densities over the plane", Subtitle: "Energies −log p, low ones dark, cut off 10 nat above the least: the truth, and the model with draws of it.",
	}
	out := cmd.OutOrStdout()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SET\tKL nat\tMODES COVERED\tMMD²\tSECONDS")
	for _, r := range results {
		modes := "–"
		if r.Modes > 0 {
			modes = fmt.Sprintf("%d of %d", r.Covered, r.Modes)
		}
		fmt.Fprintf(w, "%s\t%.4f\t%s\t%.5f\t%.1f\n", r.Set, r.KL, modes, r.MMD, r.Seconds)
		plane := report.Plane{X: r.Axis, Y: r.Axis, Most: 10}
		truth, model := plane, plane
		truth.Name, truth.Title, truth.Note, truth.Energy = r.Set+"-truth", "Truth", "energies −log p", r.Truth
		model.Name, model.Title, model.Note, model.Energy, model.Draws = r.Set+"-model", "Model", "energies −log p and draws", r.Model, r.Draws
		g.Groups = append(g.Groups, report.GalleryGroup{
			Title: r.Set, Alarm: r.KL > 0.05, Planes: []report.Plane{truth, model},
			Verdict: fmt.Sprintf("Divergence of the model from the truth: %s nat; modes covered: %s; squared discrepancy of draws: %s.", number(r.KL), modes, number(r.MMD)),
		})
	}
	if err := w.Flush(); err != nil {
		return err
	}
	result := toy2DResult{dir, "toy2d", c, results}
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
