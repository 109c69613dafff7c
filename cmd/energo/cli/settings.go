package cli

import "github.com/spf13/cobra"

// A rule says whether a flag counts beside the others. One that does not is refused where it is named.
type rule struct {
	flag   string
	counts bool
	why    string // it does not count
}

// refuseVoid refuses flags that are named and have no effect beside the others.
func refuseVoid(cmd *cobra.Command, rules []rule) error {
	for _, r := range rules {
		if f := cmd.Flags().Lookup(r.flag); !r.counts && f.Changed {
			return usagef("--%s %s has no effect: %s", f.Name, f.Value, r.why)
		}
	}
	return nil
}

// complete gives the shell the values of flags.
func complete(cmd *cobra.Command, flags map[string][]string) {
	for name, values := range flags {
		err := cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		})
		if err != nil {
			panic(err)
		}
	}
}
