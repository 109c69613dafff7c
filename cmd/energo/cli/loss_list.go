package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/spf13/cobra"
)

// lossRow is a loss as `loss list --json` has it.
type lossRow struct {
	Name    string `json:"name"`
	Formula string `json:"formula"`
	Domain  string `json:"domain"`
	Margin  string `json:"margin"`
	PyTorch string `json:"pytorch"`
}

// lossRows lists the losses, then the functionals.
func lossRows() []lossRow {
	var rows []lossRow
	for _, e := range loss.Catalogue() {
		rows = append(rows, lossRow{e.Name, e.Formula, e.Domain, e.Margin, e.Called()})
	}
	for _, e := range functional.Catalogue() {
		domain := "energies, real"
		if e.NeedsNonNegative {
			domain = "energies ≥ 0"
		}
		rows = append(rows, lossRow{"ebm." + e.Name, e.Formula, domain, e.Margin, ""})
	}
	return rows
}

func newLossList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the losses and the functionals", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if asJSON {
				return printJSON(out, lossRows(), true)
			}
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tFORMULA\tDOMAIN\tMARGIN\tPYTORCH")
			for _, r := range lossRows() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Name, r.Formula, r.Domain, r.Margin, r.PyTorch)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}
