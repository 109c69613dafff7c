package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/spf13/cobra"
)

func newFunctionals() *cobra.Command {
	return &cobra.Command{
		Use: "functionals", Short: "List the loss functionals", Args: exactly(),
		Long: `Lists the loss functionals: their names, their formulas in the energy of the correct answer E⁺
and of the most offending incorrect answer E⁻, the margin that the theory says they enforce, and the
flags that set them.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tFORMULA\tMARGIN\tGOOD\tFLAGS")
			for _, e := range functional.Catalogue() {
				good := "no"
				if e.GoodMargin {
					good = "yes"
				}
				flags := ""
				for _, u := range e.Settings(functional.DefaultOptions()) {
					if u != "cost" {
						flags += " --" + u
					}
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.Name, e.Formula, e.Margin, good, flags)
			}
			return w.Flush()
		},
	}
}
