package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/timedtext"
)

// TestOutsOfSeveral: the recordings of a file, its channels and parts, have files of their own, or one that holds them all; none is written over.
func TestOutsOfSeveral(t *testing.T) {
	dir := t.TempDir()
	files := []spokenFile{
		{path: filepath.Join(dir, "in", "a", "x.wav")},
		{path: filepath.Join(dir, "in", "b", "x.wav")},
		{path: filepath.Join(dir, "in", "a", "x.wav"), part: &audio.Utterance{Name: "../u/1"}},
	}
	if err := nameStems(files); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{filepath.Join("a", "x"), filepath.Join("b", "x"), ".._u_1"} {
		if files[i].stem != want {
			t.Errorf("file %d is named %q; want %q", i, files[i].stem, want)
		}
	}
	write := func(out string, channels bool, stems ...string) error {
		o := outs{names: []string{filepath.Join(dir, out)}, rules: timedtext.Rules{MaxChars: 42, MaxLines: 2, MaxSeconds: 7, MinSeconds: 0.5, MaxRate: 17, Pause: 1}}
		if err := o.plan(files[:1], channels); err != nil {
			return err
		}
		for _, stem := range stems {
			line := &ctc.Timeline{File: stem, Words: []ctc.Timed{{Text: "word", End: 1}}}
			if _, err := o.write(heard{spokenFile: files[0], name: stem, stem: stem}, line, nil); err != nil {
				return err
			}
		}
		return o.finish()
	}
	if err := write("%.vtt", true, "c/x.1", "c/x.2"); err != nil {
		t.Fatal(err)
	}
	if err := write("all.ctm", true, "x.1", "x.2"); err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string]int{"c/x.1.vtt": 1, "c/x.2.vtt": 1, "all.ctm": 2} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Count(string(text), "word") != words {
			t.Errorf("%s has %q, %v; want %d words", name, text, err, words)
		}
	}
	if err := write("x.srt", true, "x.1"); err == nil || !strings.Contains(err.Error(), "with each channel its name needs a %") {
		t.Errorf("a file for every channel: %v", err)
	}
	if err := write("x.srt", false, "x[0]", "x[1]"); err == nil || !strings.Contains(err.Error(), "x[0] and x[1] would both be written to") {
		t.Errorf("a file for all parts: %v", err)
	}
}
