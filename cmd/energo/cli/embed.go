package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
)

// embedProgram is the program that does energo embed. It is one of its own because of Apache Beam's size.
const embedProgram = "energo-embed"

func newEmbed() *cobra.Command {
	return &cobra.Command{
		Use: "embed RUN COLLECTION", Short: "Turn a large collection of pictures into vectors, on one machine or many",
		DisableFlagParsing: true, // they are the program's
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := findEmbed()
			if err != nil {
				return err
			}
			program := exec.CommandContext(cmd.Context(), path, args...)
			program.Stdin, program.Stdout, program.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
			program.Cancel = func() error { return program.Process.Signal(os.Interrupt) } // it says how to continue
			err = program.Run()
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
				return exitError(exit.ExitCode()) // the program has said why
			}
			return err
		},
	}
}

// exitError is the exit code of a program that did the work and has said what was wrong.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// findEmbed finds the program beside this one, or on the PATH.
func findEmbed() (string, error) {
	name := embedProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("energo embed is done by the program %s, which is neither beside this one nor on the PATH; go -C cmd/%[1]s build -o ../../%[1]s, in the source, makes it", embedProgram)
	}
	return path, nil
}
