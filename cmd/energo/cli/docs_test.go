package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A shownLine is a command line that help or a document shows.
type shownLine struct {
	where, text string
	inline      bool // in running text, which may name a command without its arguments
}

// everyCommand calls do for the root and all below.
func everyCommand(do func(c *cobra.Command)) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		do(c)
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(Energo().root())
}

// shownLines returns the command lines of all help texts and documents.
func shownLines(t *testing.T) (all []shownLine) {
	t.Helper()
	everyCommand(func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			all = append(all, shownLine{"help of " + c.CommandPath(), line, false})
		}
	})
	inline := regexp.MustCompile("`((?:go run \\./cmd/energo|energo) [^`]*)`")
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		files, err := filepath.Glob(filepath.Join("../../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for i, block := range strings.Split(string(text), "```") {
				if i%2 == 1 {
					for line := range strings.Lines(block) {
						all = append(all, shownLine{name, line, false})
					}
					continue
				}
				for _, m := range inline.FindAllStringSubmatch(block, -1) {
					all = append(all, shownLine{name, m[1], true})
				}
			}
		}
	}
	return all
}

// shellWords splits a line as a shell does, each pipe's commands apart, up to a comment.
func shellWords(line string) (commands [][]string) {
	var words []string
	var word strings.Builder
	var quote rune
	started := false
	end := func() {
		if started {
			words = append(words, word.String())
		}
		word.Reset()
		started = false
	}
	for _, r := range line + "\n" {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == '#' && !started:
			return append(commands, words)
		case r == '|':
			end()
			commands, words = append(commands, words), nil
		case r == ' ' || r == '\t' || r == '\n':
			end()
		default:
			word.WriteRune(r)
			started = true
		}
	}
	return append(commands, words)
}

// ofEnergo returns the arguments of energo in a command, and whether it is one of energo's.
func ofEnergo(words []string) ([]string, bool) {
	switch {
	case len(words) > 0 && words[0] == "energo":
		return words[1:], true
	case len(words) > 2 && strings.Join(words[:3], " ") == "go run ./cmd/energo":
		return words[3:], true
	}
	return nil, false
}

// TestShownCommands: what help and documents show is taken: commands, jobs and flags exist, and values are allowed. Words in
// capitals stand for something; of such lines, what is not a flag's value is looked at.
func TestShownCommands(t *testing.T) {
	lines := shownLines(t)
	t.Chdir(t.TempDir())
	placeholder := regexp.MustCompile(`(^| )[A-Z]+( |$)`)
	checked := 0
	for _, line := range lines {
		stdin := ""
		for _, words := range shellWords(line.text) {
			if len(words) > 1 && words[0] == "echo" {
				stdin = words[1]
			}
			args, ok := ofEnergo(words)
			if !ok {
				continue
			}
			checked++
			cmd, rest, err := Energo().root().Find(args)
			if err != nil {
				t.Errorf("%s: %s: %v", line.where, line.text, err)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %s: %v", line.where, line.text, err)
				continue
			}
			if placeholder.MatchString(line.text) || cmd.HasSubCommands() || line.inline && len(rest) == 0 {
				if cmd.HasSubCommands() && cmd.Args != nil && !placeholder.MatchString(line.text) {
					if err := cmd.Args(cmd, cmd.Flags().Args()); err != nil {
						t.Errorf("%s: %s: %v", line.where, line.text, err)
					}
				}
				continue
			}
			if err := taken(args, stdin); err != nil {
				t.Errorf("%s: %s: %v", line.where, line.text, err)
			}
		}
	}
	if checked < 80 {
		t.Errorf("only %d lines were checked", checked)
	}
}

// taken runs a command line that is interrupted before it begins and finds no data, and returns what was wrong with the line.
func taken(args []string, stdin string) error {
	if cmd, rest, _ := Energo().root().Find(args); cmd.Flags().Lookup("data") != nil && !strings.Contains(strings.Join(rest, " "), "--data") &&
		!strings.Contains(strings.Join(rest, " "), "--pairs") {
		args = append(args, "--data", "nowhere")
	}
	if i := slices.Index(args, "--config"); i >= 0 {
		if err := os.WriteFile("config.yaml", []byte("recipe: "+args[1]+"\n"), 0o666); err != nil {
			return err
		}
		args[i+1] = "config.yaml"
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	root := Energo().root()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&bytes.Buffer{})
	root.SetErr(&bytes.Buffer{})
	err := root.ExecuteContext(ctx)
	if usage := (usageError{}); errors.As(err, &usage) {
		return err
	}
	return nil
}

// TestShownRuns: the folders of runs in examples are called as runs are by default, or are made by another example.
func TestShownRuns(t *testing.T) {
	made := map[string]bool{}
	var byDefault []*regexp.Regexp
	everyCommand(func(c *cobra.Command) {
		if f := c.LocalFlags().Lookup("run"); f != nil {
			if m := regexp.MustCompile(`default (runs/\S+) and a number`).FindStringSubmatch(f.Usage); m != nil {
				name := regexp.MustCompile(`[A-Z]+`).ReplaceAllString(m[1], `[a-z0-9_]+`)
				byDefault = append(byDefault, regexp.MustCompile(`^`+name+`-\d+$`))
			}
		}
	})
	folder := regexp.MustCompile(`runs/[a-zA-Z0-9_-]+`)
	lines := shownLines(t)
	for _, line := range lines {
		if i := strings.Index(line.text, "--run runs/"); i >= 0 {
			made[folder.FindString(line.text[i:])] = true
		}
	}
	for _, line := range lines {
		for _, name := range folder.FindAllString(line.text, -1) {
			known := made[name]
			for _, r := range byDefault {
				known = known || r.MatchString(name)
			}
			if !known {
				t.Errorf("%s: %s: no run is called %s by default", line.where, line.text, name)
			}
		}
	}
}

// TestOneDefault: help says once what a flag is by default.
func TestOneDefault(t *testing.T) {
	everyCommand(func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			alone := pflag.NewFlagSet("", pflag.ContinueOnError)
			alone.AddFlag(f)
			if usage := alone.FlagUsages(); strings.Count(usage, "(default") > 1 {
				t.Errorf("%s: %s", c.CommandPath(), usage)
			}
		})
	})
}

// TestPlotsDefaultName: loss plot writes the file that its help names.
func TestPlotsDefaultName(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"ebm.hinge", "huber"} {
		if code := Energo().Main([]string{"loss", "plot", name}, &bytes.Buffer{}, os.Stderr); code != 0 {
			t.Fatalf("loss plot %s: exit code %d", name, code)
		}
		if _, err := os.Stat(name + ".svg"); err != nil {
			t.Error(err)
		}
	}
}
