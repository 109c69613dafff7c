package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/serve/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// serverFlags say which server is asked, instead of files of this machine.
type serverFlags struct{ server, tokenFile string }

func (s *serverFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.server, "server", "", "ask the server at this `address`, http://HOST:PORT, which energo serve runs")
	f.StringVar(&s.tokenFile, "token-file", "", "`file` of the token that the server knows its client by")
}

// check refuses an empty address, as that of a variable that is not set, and what has no effect.
func (s *serverFlags) check(cmd *cobra.Command) error {
	if s.server == "" && cmd.Flags().Changed("server") {
		return usagef("--server is empty; it must be the address of a server, http://HOST:PORT")
	}
	return refuseVoid(cmd, []rule{{"token-file", s.server != "", "it is the token of a --server"}})
}

// client makes a client of the server.
func (s *serverFlags) client() (*client.Client, error) {
	var o client.Options
	if s.tokenFile != "" {
		text, err := os.ReadFile(s.tokenFile)
		if err != nil {
			return nil, err
		}
		if o.Token = strings.TrimSpace(string(text)); o.Token == "" {
			return nil, fmt.Errorf("%s has no token; it must have one, as energo serve token prints it", excerpt.Line(s.tokenFile))
		}
	}
	c, err := client.New(s.server, o)
	if err != nil {
		return nil, usagef("--server: %s", strings.TrimPrefix(err.Error(), "client: "))
	}
	return c, nil
}
