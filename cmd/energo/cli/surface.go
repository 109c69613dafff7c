package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

// surfaceShown is a film in the result of energo surface.
type surfaceShown struct {
	Name   string         `json:"name"`
	Frames int            `json:"frames"`
	Step   int            `json:"last_step"`
	Before measure.Number `json:"spread_before"`
	After  measure.Number `json:"spread_after"`
	Kept   *float64       `json:"margin_kept,omitempty"` // of the last frame's pairs
	Alarm  string         `json:"alarm,omitempty"`
}

// surfaceResult is what --json prints.
type surfaceResult struct {
	Folder string         `json:"folder"`
	Files  []string       `json:"files"`
	Films  []surfaceShown `json:"films"`
}

func newSurface() *cobra.Command {
	var names []string
	var out string
	var asJSON bool
	o := report.FilmOptions{Step: -1}
	cmd := &cobra.Command{
		Use: "surface RUN", Short: "Draw a run's energy surface, and how training changed it", Args: exactly("the run's folder"),
		Long: `Draws the energies over the answers that a run recorded while it was trained: heat maps with contours,
the data, and what was drawn or inferred (PNG, SVG), an animation over training (animated PNG, or GIF), the
pairs of energies E⁺ and E⁻ with the half-plane E⁺ + m < E⁻, and surface.html, a page with a slider.

The jobs parabola, toy2d, generate and jem record surfaces: E(x, y) where x is one number, else a plane of
answers y. Energies are shown above each frame's least. Of a run that is being trained, or was ended before its
time, the frames so far are drawn; while it is trained its folder is in use, and --out names another.`,
		Example: `  energo surface runs/parabola-codes-nll-1
  energo surface runs/toy2d-gaussians-nll-1 --cutoff 10 --gif
  energo surface runs/toy2d-gaussians-nll-1 --step 100 --out early`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("step") && o.Step < 0 {
				return usagef("--step is %d; it must be at least 0", o.Step)
			}
			if !(o.Cutoff >= 0 && o.Cutoff <= math.MaxFloat64) {
				return usagef("--cutoff is %v; it must be a number of at least 0; 0 sets no cutoff", o.Cutoff)
			}
			films, err := surface.Read(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s has no %s: the jobs parabola, toy2d, generate and jem record surfaces", args[0], surface.File)
			}
			if err != nil {
				return err
			}
			if films, err = namedFilms(films, names); err != nil {
				return usageError{err}
			}
			if out == "" {
				lock, err := flock.Folder(args[0])
				if err != nil {
					return err
				}
				defer lock.Release()
				out = filepath.Join(args[0], "surface")
			}
			return drawSurfaces(cmd, films, out, o, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&names, "name", nil, "surface to draw; may be given again (default all)")
	f.IntVar(&o.Step, "step", o.Step, "step of training that the still pictures show; -1 is the last")
	f.Float64Var(&o.Cutoff, "cutoff", 0, "energy above the least at which the shades end; 0 is what 98 % of the surface reaches")
	f.BoolVar(&o.GIF, "gif", false, "animations as GIF instead of animated PNG")
	f.StringVar(&out, "out", "", "`folder` to write to (default surface in the run's folder)")
	jsonFlag(f, &asJSON)
	return cmd
}

// namedFilms picks films by name, all if none is named.
func namedFilms(films []surface.Film, names []string) ([]surface.Film, error) {
	if len(names) == 0 {
		return films, nil
	}
	var has []string
	for _, f := range films {
		has = append(has, f.Name)
	}
	var picked []surface.Film
	for _, n := range names {
		at := slices.Index(has, n)
		if at < 0 {
			return nil, fmt.Errorf("the run has no surface %q; it has %s", n, strings.Join(has, ", "))
		}
		picked = append(picked, films[at])
	}
	return picked, nil
}

func drawSurfaces(cmd *cobra.Command, films []surface.Film, dir string, o report.FilmOptions, asJSON bool) error {
	files, err := report.WriteFilms(dir, films, o)
	if err != nil {
		return err
	}
	r, out := surfaceResult{Folder: dir, Files: files}, cmd.OutOrStdout()
	for i := range films {
		f := &films[i]
		last := len(f.Frames) - 1
		s := surfaceShown{Name: f.Name, Frames: len(f.Frames), Step: f.Frames[last].Step, Before: measure.Number(f.Spread(0)), After: measure.Number(f.Spread(last)), Alarm: f.Alarm()}
		fmt.Fprintf(out, "%s: %s to step %d; spread of the energies %s, at first %s", s.Name, counted(s.Frames, "frame", "frames"), s.Step, number(s.After), number(s.Before))
		if kept := f.Kept(last); !math.IsNaN(kept) {
			what := "data lower than a draw (half is a match)"
			if f.OverY {
				what = "E⁺ + m < E⁻"
			}
			s.Kept = &kept
			fmt.Fprintf(out, "; %s in %s of the pairs", what, share(kept))
		}
		fmt.Fprintln(out)
		if s.Alarm != "" {
			fmt.Fprintf(out, "  %s\n", s.Alarm)
		}
		r.Films = append(r.Films, s)
	}
	fmt.Fprintf(out, "\nLook at %s.\n", shown(filepath.Join(dir, report.FilmPage)))
	return printJSON(out, r, asJSON)
}
