// Package cli is the energo command, one file a command, for energo and for programs that have jobs of their own.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/energo-ml/energo/internal/notices"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// Exit codes.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// usageError is an error in what was typed.
type usageError struct{ error }

// errInterrupted ends a command that was told to stop and has said so.
var errInterrupted = errors.New("interrupted")

// A Program is energo's command line over a set of jobs: each of them has train, compare, resume, eval and report, and its runs are
// listed. A program with jobs of its own appends them to jobs.All():
//
//	func main() { os.Exit(cli.Program{"mine", append(jobs.All(), mine())}.Main(os.Args[1:], os.Stdout, os.Stderr)) }
type Program struct {
	Name string
	Jobs []job.Job
}

// Energo is the program energo.
func Energo() Program { return Program{"energo", jobs.All()} }

// Main runs a command line and returns its exit code: 0 where the command did what it should, 1 where it failed, 2 where the command
// line or a setting is wrong, 130 where it was interrupted. Results are written to stdout, progress and errors to stderr.
func (p Program) Main(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "%s: internal error: %v\n%s", p.Name, r, debug.Stack())
			code = exitFailure
		}
	}()
	ctx, stop := untilSignal()
	defer stop()
	root := p.commands(func(j job.Job) bool { return slices.Contains(args, j.Name) })
	root.SetArgs(args)
	out := &output{w: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = out.err
	}
	err = namedBy(cmd, err)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(stderr, "%s: interrupted\n", p.Name)
		return exitInterrupted
	}
	if exit := exitError(0); errors.As(err, &exit) {
		return int(exit)
	}
	fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
	if usage := (usageError{}); errors.As(err, &usage) {
		fmt.Fprintf(stderr, "See %s help, or the command with --help.\n", p.Name)
		return exitUsage
	}
	return exitFailure
}

// namedBy adds to an error about a file or folder the flag that names that.
func namedBy(cmd *cobra.Command, err error) error {
	at := (*fs.PathError)(nil)
	if !errors.As(err, &at) {
		return err
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == at.Path {
			err = fmt.Errorf("--%s: %w", f.Name, err)
		}
	})
	return err
}

// messages is where a command says what it did while it writes to path: stderr where path
// may be stdout itself, or another device or pipe.
func messages(cmd *cobra.Command, path string) io.Writer {
	if wholefile.Straight(path) {
		return cmd.ErrOrStderr()
	}
	return cmd.OutOrStdout()
}

// untilSignal returns a context that an interrupt, a request to end or a terminal that hangs up cancels. A second interrupt
// or request ends the program at once; a second hang-up does not, for shells pass on the one that the terminal sent already.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-signals:
			cancel()
			signal.Ignore(syscall.SIGHUP)
			signal.Reset(os.Interrupt, syscall.SIGTERM)
		case <-ctx.Done():
			signal.Stop(signals)
		}
	}()
	return ctx, cancel
}

// output is stdout. It keeps its first error, so that no result is lost in silence.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// terminal tells whether what is written goes to a terminal.
func terminal(w io.Writer) bool {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// root is the whole tree of commands.
func (p Program) root() *cobra.Command { return p.commands(func(job.Job) bool { return true }) }

// commands is the tree of commands, with the flags of some jobs' commands alone: those of all jobs take a third of the time of start-up,
// and a command line needs the ones of the jobs that it names.
func (p Program) commands(flags func(job.Job) bool) *cobra.Command {
	root := &cobra.Command{
		Use:   p.Name,
		Short: "Train and inspect energy-based models by what their loss does to the energies",
		Long: `energo trains energy-based models: E(W, y, x) is low where answer y fits input x. A loss
functional says which energies are pushed down and which up; energo trains with the one that
you name, and shows what it did to the energies, or that they collapsed.`,
		Example: `  energo train digits                                 # MNIST, a small CNN, negative log-likelihood
  energo train digits --functional hinge --margin 2
  energo train digits --energy code --codes learned --functional energy   # see it collapse
  energo compare digits --epochs 2                    # every functional, side by side`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(flagError)
	root.Version = version()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpCommand(newHelp(root))
	root.CompletionOptions.HiddenDefaultCmd = true
	return group(root, "unknown command %[1]q for %[3]s%[2]s",
		newTrain(p.Jobs, flags), newEval(p.Jobs), newReport(p.Jobs), newExport(p.Jobs), newPredict(p.Jobs), newTag(p.Jobs), newTranscribe(), newAlign(), newTokens(), newLM(), newSurface(),
		newCompare(p.Jobs, flags), newSweep(p.Jobs, flags), newRuns(), newStudio(p.Jobs), newFunctionals(), newLoss(), newIndex(), newEmbed(), newONNX(), newServe(p.Jobs), newVersion(), exitCodes())
}

// flagError is the error of flags that cannot be read, with the names that an unknown one is near to.
func flagError(cmd *cobra.Command, err error) error {
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return usageError{err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return usagef("%w%s", err, spelling.DidYouMean("--"+unknown.GetSpecifiedName(), names))
}

// newHelp is help of a command by its names.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND...]", Short: "Help about any command",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd := root
			for i, name := range args {
				next, _, err := cmd.Find([]string{name})
				if err != nil || next == cmd {
					return usagef("there is no help on %q%s", strings.Join(args[:i+1], " "), didYouMean(cmd.SuggestionsFor(name)))
				}
				cmd = next
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ", did you mean " + strings.Join(names, " or ") + "?"
}

// exactly wants a number of arguments and says which are missing.
func exactly(names ...string) cobra.PositionalArgs { return positional(len(names), names...) }

// positional wants the arguments that are named, and at most that number in all; it says which are missing.
func positional(most int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("%s: %s is missing", cmd.CommandPath(), names[len(args)])
		}
		if len(args) > most {
			return usagef("%s: unexpected argument %q", cmd.CommandPath(), args[most])
		}
		return nil
	}
}

// group makes cmd one that does nothing but hold other commands: alone it shows its help. unknown is the format of the error about
// a name that none of them has: of the name, of those that are near it, and of the group's own.
func group(cmd *cobra.Command, unknown string, commands ...*cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef(unknown, args[0], didYouMean(cmd.SuggestionsFor(args[0])), cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
	return cmd
}

// jobGroup is the group of the commands that each job has.
func jobGroup(cmd *cobra.Command, all []job.Job, each func(j job.Job) *cobra.Command) *cobra.Command {
	group(cmd, "there is no job %[1]q%[2]s (%[3]s --help lists them)")
	for _, j := range all {
		cmd.AddCommand(each(j))
	}
	return cmd
}

// jsonFlag gives a command that prints text the flag to print its result as JSON, too.
func jsonFlag(f *pflag.FlagSet, asked *bool) {
	f.BoolVar(asked, "json", false, "print the result as one JSON object, the last line of stdout")
}

func newVersion() *cobra.Command {
	var licenses bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print energo's version and the machine's instruction set", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if licenses {
				fmt.Fprint(cmd.OutOrStdout(), notices.Text)
				return nil
			}
			fmt.Fprintln(cmd.OutOrStdout(), version())
			return nil
		},
	}
	cmd.Flags().BoolVar(&licenses, "licenses", false, "print the licences of the code of others in this program instead")
	return cmd
}

func exitCodes() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What energo's exit codes mean", Long: `Exit codes:
  0    the command did what it was asked to; a collapsed model is a result, not a failure
  1    it failed: data, files, or a training that diverged for good
  2    the command line or a setting is wrong; nothing was done
  130  it was interrupted; training has saved a checkpoint and says how to resume`}
}
