package cli

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/seq/read"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// doing is what a command does with each file: the first line of a journal.
type doing struct {
	Command string            `json:"command"`
	Model   string            `json:"model"`    // its sum
	Flags   map[string]string `json:"settings"` // those that are not as by default
}

// apartFlags are those that change nothing of what is kept of a file.
var apartFlags = []string{"resume", "manifest", "json", "edits", "truth"}

// doingOf describes a command with a model.
func doingOf(cmd *cobra.Command, model string, e *read.Emitter) (does doing, err error) {
	does = doing{Command: cmd.Name(), Flags: map[string]string{}}
	if does.Model, err = modelSum(model, e); err != nil {
		return does, err
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == f.DefValue || slices.Contains(apartFlags, f.Name) {
			return
		}
		does.Flags[f.Name] = f.Value.String()
		if what, _ := pflag.UnquoteUsage(f); what != "file" || f.Name == "out" {
			return
		}
		paths := []string{f.Value.String()}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			paths = several.GetSlice()
		}
		for _, path := range paths {
			sum, failed := fileSum(path)
			if failed != nil {
				err = failed
			}
			does.Flags[f.Name] += " " + sum
		}
	})
	return does, err
}

// modelSum tells models apart: by what the classes mean, and by the files at a path, without those of a run that say how it was trained.
func modelSum(path string, e *read.Emitter) (string, error) {
	names, err := modelFiles(path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %d %q %v %v %v", e.Classes, e.Blank, e.Separator, e.Tokens.Roles, e.Frame, e.Offset)
	for _, name := range names {
		one, err := fileSum(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%q %s", filepath.Base(name), one)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// modelFiles are those of a model: of a folder, its weights and cards; of an ONNX model, what lies beside it by its name; else the file.
func modelFiles(path string) (names []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	folder, stem := path, ""
	if !info.IsDir() {
		if !strings.EqualFold(filepath.Ext(path), ".onnx") {
			return []string{path}, nil
		}
		folder, stem = filepath.Dir(path), strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+"."
	}
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		name := entry.Name()
		kept := strings.HasPrefix(name, stem)
		if stem == "" {
			kept = slices.Contains([]string{".safetensors", ".onnx", ".json", ".yaml", ".bin", ".pt", ".txt"}, filepath.Ext(name)) && name != "result.json" && name != "checkpoint.safetensors"
		}
		if kept && entry.Type().IsRegular() {
			names = append(names, filepath.Join(folder, name))
		}
	}
	return names, err
}

// same refuses to resume where the first line of a journal says something else.
func (d doing) same(text []byte) error {
	var before doing
	if err := strictly(text, &before); err != nil {
		return err
	}
	if before.Command != d.Command {
		return fmt.Errorf("the files are those of energo %s", before.Command)
	}
	for _, name := range slices.Sorted(maps.Keys(before.Flags)) {
		if d.Flags[name] != before.Flags[name] {
			return fmt.Errorf("the files were begun with --%s %s", name, before.Flags[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Flags)) {
		if _, ok := before.Flags[name]; !ok {
			return fmt.Errorf("the files were begun without --%s", name)
		}
	}
	if before.Model != d.Model {
		return fmt.Errorf("the files were begun with another model")
	}
	return nil
}

const (
	resumeUse = "continue what an interrupted command began: files that are written whole are not done again"
	noFiles   = "without --out, no files are written"
)

// open opens the journal of a command that does several files and writes some.
func (c *corpus) open(cmd *cobra.Command, model string, e *read.Emitter, outs []string, resume bool) error {
	path := journalPath(outs)
	if len(c.files) < 2 && !resume || path == "" {
		return nil
	}
	does, err := doingOf(cmd, model, e)
	if err != nil {
		return err
	}
	c.journal, err = openJournal(path, does, resume)
	return err
}
