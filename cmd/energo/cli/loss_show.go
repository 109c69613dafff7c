package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/loss"
	"github.com/spf13/cobra"
)

func newLossShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show what a loss is: formula, options, conventions, source",
		Long: `Shows a loss by its name in energo loss list, its Go type, or PyTorch's class; a functional by
ebm.NAME.`,
		Example: "  energo loss show huber\n  energo loss show CrossEntropyLoss\n  energo loss show ebm.nll",
		Args:    exactly("the NAME of a loss"),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if name, ok := strings.CutPrefix(args[0], "ebm."); ok {
				e, err := functional.Lookup(name)
				if err != nil {
					return usageError{err}
				}
				showFunctional(out, e)
				return nil
			}
			e, err := lookupLoss(args[0])
			if err != nil {
				return err
			}
			showLoss(out, e)
			return nil
		},
	}
}

// lookupLoss returns the loss of a name; the error has those that are near it.
func lookupLoss(name string) (loss.Entry, error) {
	e, err := loss.Lookup(name)
	if err != nil {
		return e, usagef("%w%s", err, didYouMean(near(name)))
	}
	return e, nil
}

// near returns the names of losses that hold, or are held by, what was typed, or else those that are spelt alike.
func near(typed string) (names []string) {
	t := strings.ToLower(typed)
	for _, e := range loss.Catalogue() {
		forms := []string{e.Name, strings.ToLower(e.Type), strings.ToLower(e.Called())}
		if slices.ContainsFunc(forms, func(s string) bool { return strings.Contains(s, t) || strings.Contains(t, s) }) {
			names = append(names, e.Name)
		}
	}
	if names != nil {
		return names
	}
	for _, e := range loss.Catalogue() {
		names = append(names, e.Name)
	}
	return spelling.Near(typed, names)
}

func showLoss(w io.Writer, e loss.Entry) {
	peer := ""
	if e.PyTorch != "" {
		peer = "nn." + e.PyTorch + ", "
	}
	fmt.Fprintf(w, "%s: %sloss.%s\n\n  %s\n\n", e.Name, peer, e.Type, e.Formula)
	section(w, "Domain", e.Domain)
	section(w, "Margin", e.Margin)
	section(w, "Kinks", e.Kinks)
	section(w, "Unlike PyTorch", e.Differs)
	fmt.Fprintln(w, "Inputs")
	for _, in := range e.Inputs {
		var notes []string
		if in.Is != "" {
			notes = append(notes, in.Is)
		}
		if in.Optional {
			notes = append(notes, "may be left out")
		}
		if in.Grad {
			notes = append(notes, "has a gradient")
		}
		fmt.Fprintf(w, "  %-16s  %s\n", in.Name, strings.Join(notes, "; "))
	}
	fmt.Fprintln(w, "Options")
	for _, o := range e.Options {
		fmt.Fprintf(w, "  %-16s  %s (default %s)%s\n", o.Name, o.Is, o.Default, needs(e, o.Name))
	}
	section(w, "Source", strings.Join(e.Source, ", ")+" (docs/references.md)")
	if line := catalogue.Example(e); line != "" {
		fmt.Fprintf(w, "A request for energo loss eval\n  %s\n", line)
	}
}

// needs says where an option counts, if it does not always.
func needs(e loss.Entry, option string) string {
	var where []string
	for _, n := range e.Needs {
		if n.Option == option {
			where = append(where, n.Where)
		}
	}
	if where == nil {
		return ""
	}
	return "; only where " + strings.Join(where, " and ")
}

func section(w io.Writer, title, text string) {
	if text != "" {
		fmt.Fprintf(w, "%-16s  %s\n", title, text)
	}
}

func showFunctional(w io.Writer, e functional.Entry) {
	fmt.Fprintf(w, "ebm.%s: a functional over the energies of all answers\n\n  %s\n\n", e.Name, e.Formula)
	domain := "energies, real"
	if e.NeedsNonNegative {
		domain = "energies of at least 0"
	}
	section(w, "Domain", domain)
	section(w, "Margin", e.Margin)
	section(w, "Kinks", e.Kinks)
	section(w, "Print", e.Misread)
	fmt.Fprintln(w, "Inputs")
	fmt.Fprintf(w, "  %-16s  [B, K]; has a gradient\n  %-16s  [B], the correct labels\n", "energies", "target")
	fmt.Fprintln(w, "Options")
	for _, u := range e.Uses {
		switch u {
		case "cost":
			fmt.Fprintf(w, "  %-16s  an input [K, K]: C(correct, other); without it, the margin\n", u)
		case "delta":
			fmt.Fprintf(w, "  %-16s  (default 0)\n", u)
		default:
			fmt.Fprintf(w, "  %-16s  (default 1)\n", u)
		}
	}
	fmt.Fprintf(w, "  %-16s  none, mean or sum (default mean)\n", "reduction")
	section(w, "Source", strings.Join(e.Source, ", ")+" (docs/references.md)")
}
