package cli

import (
	"github.com/spf13/cobra"
)

func newLoss() *cobra.Command {
	cmd := &cobra.Command{
		SuggestionsMinimumDistance: 2,

		Use: "loss", Short: "List, show and evaluate losses",
		Long: `PyTorch's losses (torch.nn), and the energy functionals, from the shell: what each is, what it
makes of numbers that you give it, and how fast it is on this machine.`,
		Example: `  energo loss list
  energo loss show bce_logits
  echo '{"id":1,"loss":"MSELoss","inputs":{"input":{"shape":[2],"data":[1,2]},"target":{"shape":[2],"data":[0,4]}}}' | energo loss eval`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("energo loss has no command %q%s", args[0], didYouMean(cmd.SuggestionsFor(args[0])))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLossList(), newLossShow(), newLossPlot(), newLossBench(), newLossEval())
	return cmd
}
