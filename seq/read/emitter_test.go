package read

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
)

// written is a file of frames, each of which has the probability 0.97 at its class and 0.01 at the three others.
func written(t *testing.T, classes []int) string {
	t.Helper()
	var frames [][]float64
	for _, k := range classes {
		row := make([]float64, 4)
		for i := range row {
			row[i] = math.Log(0.01)
		}
		row[k] = math.Log(0.97)
		frames = append(frames, row)
	}
	text, err := json.Marshal(frames)
	path := filepath.Join(t.TempDir(), "frames.json")
	if err == nil {
		err = os.WriteFile(path, text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOtherEmitter: words of another system's emissions have their frames' times, wherever the blank is among the tokens.
func TestOtherEmitter(t *testing.T) {
	for _, tokens := range []string{"<blank>\n<space>\na\nb\n", "a\nb\n<space>\n<blank>\n"} {
		path := filepath.Join(t.TempDir(), "tokens.txt")
		if err := os.WriteFile(path, []byte(tokens), 0o666); err != nil {
			t.Fatal(err)
		}
		e, err := OtherEmitter(path, OtherOptions{Frame: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		class := map[byte]int{'_': e.Blank}
		for i, text := range e.Classes {
			if text != "" {
				class[text[0]] = i
			}
		}
		var frames []int
		for _, c := range []byte("_aa_b_ _bb_") { // "ab b"
			frames = append(frames, class[c])
		}
		x, err := e.Emit(written(t, frames))
		if err != nil || x.Frames != len(frames) || x.Length != 0.5*float64(len(frames)) || x.Line != nil {
			t.Fatalf("%d frames of %v s, %v", x.Frames, x.Length, err)
		}
		b := "ab  B"
		for _, text := range []*string{nil, new(e.Normal("ab  b")), new("* b")} {
			got, err := e.Align(x, text, true)
			if err != nil {
				t.Fatal(err)
			}
			last := got.Words[len(got.Words)-1]
			if last.Text != "b" || last.Start != 4 || last.End != 5 || got.Unit != Seconds || got.Duration != x.Length || !(got.LogProb <= got.Total) {
				t.Errorf("blank %d: %+v", e.Blank, got)
			}
			if first := got.Words[0]; text == nil && (first.Text != "ab" || first.Start != 0.5 || first.End != 2.5) {
				t.Errorf("blank %d: the first word is %+v", e.Blank, first)
			}
		}
		if _, err := e.Align(x, &b, true); err == nil || !strings.Contains(err.Error(), "B") {
			t.Errorf("a text with a character that is no token: %v", err)
		}
		if all, err := e.spellings(x, new("* ab *")); err != nil || fmt.Sprint(all) != fmt.Sprint(ctc.OneSpelling([]int{ctc.Wildcard, class['a'], class['b'], ctc.Wildcard})) {
			t.Errorf("the spellings are %v, %v", all, err)
		}
		if text := e.Text([]int{class['b'], class[' '], class['a']}); text != "b a" {
			t.Errorf("the text is %q", text)
		}
	}
}

// TestOtherEmitterLogits: logits become log-probabilities; a file of another number of classes is refused, and so are tokens without a blank if there is no class more.
func TestOtherEmitterLogits(t *testing.T) {
	dir := t.TempDir()
	tokens, none, logits, wide := filepath.Join(dir, "tokens.txt"), filepath.Join(dir, "none.txt"), filepath.Join(dir, "logits.json"), filepath.Join(dir, "wide.json")
	for path, text := range map[string]string{tokens: "<blank>\na\n", none: "a\nb\n", logits: "[[1, 1], [0, 2]]", wide: "[[1, 1, 1]]"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	e, err := OtherEmitter(tokens, OtherOptions{Frame: 1, Scale: ctc.Logits})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Emit(logits)
	if err != nil || math.Abs(float64(x.LogProbs[0])+math.Ln2) > 1e-6 || math.Abs(float64(x.LogProbs[2])+math.Log(1+math.Exp(2))) > 1e-6 {
		t.Errorf("%v, %v", x.LogProbs, err)
	}
	if _, err := e.Emit(wide); err == nil || !strings.Contains(err.Error(), "3 classes") {
		t.Errorf("of three classes: %v", err)
	}
	if e, err := OtherEmitter(none, OtherOptions{Frame: 1, First: wide}); err != nil || e.Blank != 2 {
		t.Errorf("without a blank, of one class more: %+v, %v", e, err)
	}
	if _, err := OtherEmitter(none, OtherOptions{Frame: 1, First: logits}); err == nil || !strings.Contains(err.Error(), "--blank") {
		t.Errorf("without a blank, of no more classes: %v", err)
	}
}

// TestNewEmitter: the emissions of a recording are those of the reader's network.
func TestNewEmitter(t *testing.T) {
	dir, _ := saved(t)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	clip := audio.Clip{Rate: 8000, Samples: make([]float32, 4000)}
	for i := range clip.Samples {
		clip.Samples[i] = float32(math.Sin(float64(i*i) / 1e4))
	}
	path := filepath.Join(t.TempDir(), "clip.wav")
	if err := audio.Write(path, clip); err != nil {
		t.Fatal(err)
	}
	s, err := r.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	emissions, err := r.Emissions(s.Line)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(emissions)
	e := NewEmitter(r)
	x, err := e.Emit(path)
	if err != nil || fmt.Sprint(x.LogProbs) != want || x.Line == nil || math.Abs(x.Length-0.5) > 0.02 || e.Unit != Seconds {
		t.Errorf("%d frames of %v s, %v", x.Frames, x.Length, err)
	}
	if got, err := e.Align(x, new("hi hi"), true); err != nil || len(got.Words) != 2 || !(got.Words[0].End <= got.Words[1].Start) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSentences: sentences end with their line, and with marks of their end, behind which quotes and brackets may stand.
func TestSentences(t *testing.T) {
	got := fmt.Sprint(sentences("one two.\nthree\n\n\"Four five!\" six … 3.5 (seven?) eight"))
	if want := `[[one two.] [three] ["Four five!"] [six …] [3.5 (seven?)] [eight]]`; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}
