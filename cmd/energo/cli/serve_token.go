package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/energo-ml/energo/serve/bearer"
	"github.com/spf13/cobra"
)

func newServeToken() *cobra.Command {
	var scope string
	cmd := &cobra.Command{
		Use: "token FILE NAME", Short: "Make a token for a client, and add it to a file of tokens", Args: exactly("the file of tokens", "a name for the client"),
		Long: `Prints a new token, and adds a line to the file of tokens that energo serve takes as --tokens: the client's name, what it may do, and the SHA-256
of the token. The token itself is printed once and kept nowhere. The scopes are

  read   searches, inference, items, figures, the description
  write  changes of what is served
  admin  changes of the server

and none contains another. A client whose line is taken out of the file is refused within some seconds. For a token of your own, which
must be random, the SHA-256 is

  printf %s "$TOKEN" | sha256sum`,
		Example: `  energo serve token tokens grafana --scope read
  energo serve token tokens loader --scope read,write`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if scope == "" {
				return usagef("energo serve token: --scope is missing: read, write, admin, or several with commas between them")
			}
			scopes, err := bearer.ParseScopes(scope)
			if err != nil {
				return usagef("--scope: %w", err)
			}
			if err := bearer.CheckName(args[1]); err != nil {
				return usageError{err}
			}
			token := bearer.New()
			if err := addToken(args[0], bearer.Holder{Name: args[1], Scopes: scopes}, token); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	cmd.Flags().StringVar(&scope, "scope", "", "what the client may do: `scopes` read, write, admin, with commas between several")
	complete(cmd, map[string][]string{"scope": {"read", "write", "admin", "read,write"}})
	return cmd
}

// addToken adds a token to a file of tokens, which need not be there.
func addToken(path string, h bearer.Holder, token string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	list, err := bearer.Parse(path, text)
	if err != nil {
		return err
	}
	if list.Has(h.Name) {
		return fmt.Errorf("%s has a token of the name %s already; choose another, or take its line out", path, h.Name)
	}
	line := bearer.Line(h, token)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		line = "\n" + line
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line) // at once, so that a server reads all of it or nothing
	return errors.Join(err, f.Sync(), f.Close())
}
