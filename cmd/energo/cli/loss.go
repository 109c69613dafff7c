package cli

import (
	"github.com/spf13/cobra"
)

func newLoss() *cobra.Command {
	cmd := &cobra.Command{
		Use: "loss", Short: "List, show and evaluate losses",
		Long: `PyTorch's losses (torch.nn), and the energy functionals, from the shell: what each is, what it
makes of numbers that you give it, and how fast it is on this machine.`,
		Example: `  energo loss list
  energo loss show bce_logits
  echo '{"id":1,"loss":"MSELoss","inputs":{"input":{"shape":[2],"data":[1,2]},"target":{"shape":[2],"data":[0,4]}}}' | energo loss eval`,
	}
	return group(cmd, "energo loss has no command %[1]q%[2]s", newLossList(), newLossShow(), newLossPlot(), newLossBench(), newLossEval())
}
