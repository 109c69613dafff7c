package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/studio"
	"github.com/spf13/cobra"
)

func newStudio() *cobra.Command {
	frame, open := frameFlags{log: "text", level: "warn"}, true
	cmd := &cobra.Command{
		Use: "studio [FOLDER]", Short: "Show the runs in a folder (default runs) in a browser, live", Args: positional(1),
		Long: `Serves a page about the runs in a folder, and opens it in the browser. It reads what the runs write, also while another
process trains them, and asks nothing of the training. By default it listens on this machine only, and asks nobody who they are. An
interrupt ends it.`,
		Example: `  energo studio
  energo studio sweeps/rate --listen 127.0.0.1:0 --open=false`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "runs"
			if len(args) == 1 {
				dir = args[0]
			}
			if err := frame.openLog(cmd); err != nil {
				return err
			}
			if open {
				frame.opened = func(url string) { openBrowser(cmd, url) }
			}
			return frame.run(cmd.Context(), cmd, "see the runs, and delete them", func(s *serve.Server) (string, error) {
				return "the studio of " + shown(dir), studio.Mount(s, studio.Options{Folder: dir})
			})
		},
	}
	f := cmd.Flags()
	frame.addListen(f)
	f.BoolVar(&open, "open", true, "open the page in the browser")
	return cmd
}

// browsers are the programs that open an address as the user has it, by system.
var browsers = map[string][]string{
	"darwin":  {"open"},
	"windows": {"rundll32", "url.dll,FileProtocolHandler"},
}

// openBrowser has the browser show a page; that there is none is said, and no failure.
func openBrowser(cmd *cobra.Command, url string) {
	words, known := browsers[runtime.GOOS]
	if !known {
		words = []string{"xdg-open"}
	}
	opener := exec.CommandContext(context.WithoutCancel(cmd.Context()), words[0], append(words[1:], url)...)
	err := opener.Start()
	if err == nil {
		go func() { _ = opener.Wait() }() // it says itself what it cannot
		return
	}
	if errors.Is(err, exec.ErrNotFound) {
		err = fmt.Errorf("there is no %s", words[0])
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "energo: the browser was not opened: %v (--open=false)\n", err)
}
