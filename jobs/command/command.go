// Package command is the command line of energo for programs that have jobs of their own.
package command

import (
	"io"

	"github.com/energo-ml/energo/internal/cli"
	"github.com/energo-ml/energo/job"
)

// Main runs the command line of a program and returns its exit code: all commands of energo, with the jobs instead of energo's own.
// Each job has train, compare, resume, eval and report, and its runs are listed. A program that has energo's jobs, too, appends its
// own to jobs.All(). Results are written to stdout, progress and errors to stderr.
//
//	func main() { os.Exit(command.Main("mine", append(jobs.All(), mine()), os.Args[1:], os.Stdout, os.Stderr)) }
//
// Exit codes: 0 where the command did what it should, 1 where it failed, 2 where the command line or a setting is wrong, 130 where it
// was interrupted.
func Main(name string, all []job.Job, args []string, stdout, stderr io.Writer) int {
	return cli.Program{Name: name, Jobs: all}.Main(args, stdout, stderr)
}
