package cli

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/timedtext"
	"github.com/spf13/pflag"
)

// outs are the files that timelines are written to.
type outs struct {
	names []string // a % in them is the name of the file that was read
	rules timedtext.Rules

	written map[string]string          // what each file is of that has been written
	shared  map[string][]*ctc.Timeline // what files hold that are of several
}

const outUse = "`file` to write: .srt, .vtt, .ass, .TextGrid, .ctm, .csv or .json"

func (o *outs) add(f *pflag.FlagSet, more string) {
	f.StringArrayVar(&o.names, "out", nil, outUse+more+"; may be given again, and a % is the name of the file that is read")
	f.IntVar(&o.rules.MaxChars, "max-chars", 42, "characters on a line of subtitles; East Asian ones count twice")
	f.IntVar(&o.rules.MaxLines, "max-lines", 2, "lines of a subtitle")
	f.Float64Var(&o.rules.MaxSeconds, "max-seconds", 7, "seconds that a subtitle is seen")
	f.Float64Var(&o.rules.MinSeconds, "min-seconds", 0.833, "least seconds that a subtitle is seen, where the next one leaves time")
	f.Float64Var(&o.rules.MaxRate, "max-rate", 17, "characters a second of a subtitle, where the next one leaves time")
	f.Float64Var(&o.rules.Pause, "pause", 1.5, "seconds of silence that end a subtitle")
	f.BoolVar(&o.rules.WordTimes, "word-times", false, "mark the time of each word in .vtt")
}

// isPicture reports whether a name is of a picture.
func isPicture(name string) bool {
	return slices.Contains([]string{".png", ".svg"}, strings.ToLower(filepath.Ext(name)))
}

const ofSubtitles = "it is of subtitles, .srt, .vtt or .ass (--out)"

// subtitles reports whether some are written.
func (o *outs) subtitles() bool {
	return slices.ContainsFunc(o.names, func(name string) bool {
		f, _ := timedtext.FormatOf(name)
		return f.Subtitles()
	})
}

// void says which flags count.
func (o *outs) void() (all []rule) {
	subtitles := o.subtitles()
	for _, name := range []string{"max-chars", "max-lines", "max-seconds", "min-seconds", "max-rate", "pause"} {
		all = append(all, rule{name, subtitles, ofSubtitles})
	}
	vtt := slices.ContainsFunc(o.names, func(name string) bool {
		f, _ := timedtext.FormatOf(name)
		return f == timedtext.VTT
	})
	return append(all, rule{"word-times", vtt, "it is of subtitles as .vtt (--out)"})
}

// check refuses names and rules that cannot be, before anything is read.
func (o *outs) check(unit string, pictures bool) error {
	for _, name := range o.names {
		f, known := timedtext.FormatOf(name)
		switch {
		case !known && isPicture(name) && !pictures:
			return usagef("--out %s: energo align draws pictures", shown(name))
		case !known && !isPicture(name):
			return usagef("--out %s: its name must end in .json, .ctm, .csv, .TextGrid, .srt, .vtt%s", shown(name), map[bool]string{true: ", .ass, .png or .svg", false: " or .ass"}[pictures])
		case known && f != timedtext.JSON && unit != read.Seconds:
			return usagef("--out %s: the format has seconds; strips have %s. Take .json%s", shown(name), unit, map[bool]string{true: ", .png or .svg"}[pictures])
		}
	}
	for _, least := range []struct {
		flag  string
		value float64
	}{{"max-chars", float64(o.rules.MaxChars)}, {"max-lines", float64(o.rules.MaxLines)}, {"max-seconds", o.rules.MaxSeconds}, {"min-seconds", o.rules.MinSeconds}, {"max-rate", o.rules.MaxRate}, {"pause", o.rules.Pause}} {
		if !(least.value > 0) {
			return usagef("--%s is %v; it must be above 0", least.flag, least.value)
		}
	}
	if err := o.rules.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// plan refuses names of files that cannot be written, before anything is read: one for two files that are read, one that is read itself, and one that
// is written twice. Where several channels are read each, a file is never alone.
func (o *outs) plan(files []spokenFile, channels bool) error {
	o.written, o.shared = map[string]string{}, map[string][]*ctc.Timeline{}
	inputs := map[string]bool{}
	for _, f := range files {
		inputs[absolute(f.path)] = true
	}
	type use struct{ out, file string }
	taken := map[string]use{}
	for _, out := range o.names {
		switch {
		case inOneFile(out) || strings.Contains(out, "%"):
		case len(files) > 1:
			return usagef("--out %s: of %d files its name needs a %%, for each file's own name", shown(out), len(files))
		case channels:
			return usagef("--out %s: with each channel its name needs a %%, for each channel's own name", shown(out))
		}
		for _, f := range files {
			path := pathOf(out, f.stem)
			before, twice := taken[absolute(path)]
			switch {
			case inputs[absolute(path)]:
				return usagef("--out %s would write over %s, which is read", shown(out), shown(path))
			case twice && before.out != out:
				return usagef("--out %s and --out %s would both write %s", shown(before.out), shown(out), shown(path))
			case twice && before.file == f.path && !inOneFile(out):
				return usagef("--out %s: %s is read twice, and both would be written to %s", shown(out), shown(f.path), shown(path))
			case twice && !inOneFile(out):
				return usagef("--out %s: %s and %s would both be written to %s", shown(out), shown(before.file), shown(f.path), shown(path))
			}
			taken[absolute(path)] = use{out, f.path}
		}
	}
	return nil
}

// inOneFile reports whether all that is read is written to one file.
func inOneFile(out string) bool {
	format, _ := timedtext.FormatOf(out)
	return format.HoldsMany() && !strings.Contains(out, "%")
}

// pathOf is the file that is written for what has a stem.
func pathOf(out, stem string) string { return filepath.Clean(strings.ReplaceAll(out, "%", stem)) }

// absolute is a path by which two can be compared.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" { // whose files have names of either case
		path = strings.ToLower(path)
	}
	return path
}

// nameStems sets what a % is of each file: the name that its manifest has, or its path within the folder that all have in common, without its ending.
func nameStems(files []spokenFile) error {
	paths := make([]string, len(files))
	root := ""
	for i, f := range files {
		if f.part != nil && f.part.Name != "" {
			continue
		}
		path, err := filepath.Abs(f.path)
		if err != nil {
			return err
		}
		if f.path == "-" {
			path = filepath.Join(filepath.Dir(path), "stdin")
		}
		paths[i] = path
		if root == "" {
			root = filepath.Dir(path)
		}
		for !strings.HasPrefix(path, strings.TrimSuffix(root, string(filepath.Separator))+string(filepath.Separator)) && filepath.Dir(root) != root {
			root = filepath.Dir(root)
		}
	}
	for i, path := range paths {
		if path == "" {
			files[i].stem = strings.NewReplacer("/", "_", `\`, "_").Replace(files[i].part.Name)
			continue
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files[i].stem = strings.TrimSuffix(name, filepath.Ext(name))
	}
	return nil
}

// write writes the files of what was read, and returns their paths; those that are of several are written when they are finished. draw draws a picture.
func (o *outs) write(f heard, t *ctc.Timeline, draw func(path string) error) (wrote []string, err error) {
	for _, out := range o.names {
		path := pathOf(out, f.stem)
		if inOneFile(out) {
			o.shared[path] = append(o.shared[path], t)
			continue
		}
		if before, twice := o.written[absolute(path)]; twice {
			return wrote, fmt.Errorf("--out %s: %s and %s would both be written to %s; a %% in its name is the own name of each", shown(out), shown(before), shown(f.name), shown(path))
		}
		o.written[absolute(path)] = f.name
		if format, known := timedtext.FormatOf(path); known {
			err = o.one(path, format, t)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o777); err == nil {
			err = draw(path)
		}
		if err != nil {
			return wrote, err
		}
		wrote = append(wrote, path)
	}
	return wrote, nil
}

// again takes what was read and written before.
func (o *outs) again(f heard, t *ctc.Timeline) {
	for _, out := range o.names {
		if path := pathOf(out, f.stem); inOneFile(out) {
			o.shared[path] = append(o.shared[path], t)
		} else {
			o.written[absolute(path)] = f.name
		}
	}
}

// one writes a file.
func (o *outs) one(path string, format timedtext.Format, all ...*ctc.Timeline) error {
	var b bytes.Buffer
	if err := timedtext.Write(&b, format, o.rules, all...); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return wholefile.Write(path, b.Bytes())
}

// finish writes the files that several share.
func (o *outs) finish() error {
	for _, path := range slices.Sorted(maps.Keys(o.shared)) {
		format, _ := timedtext.FormatOf(path)
		if err := o.one(path, format, o.shared[path]...); err != nil {
			return err
		}
	}
	return nil
}
