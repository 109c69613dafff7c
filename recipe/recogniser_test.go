package recipe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/read"

	"github.com/energo-ml/energo/audio"
	"github.com/energo-ml/energo/ctc"
	"github.com/energo-ml/energo/data"
)

func tinyStrips() StripsConfig {
	c := DefaultStrips()
	c.Epochs, c.Batch, c.Strips, c.Longest, c.Channels, c.Validation, c.Tested, c.Seed = 2, 8, 64, 3, 8, 50, 20, 3
	return c
}

// TestStripsResumes: an interrupted run that goes on ends where an unbroken one does, and
// evaluating says again what training said.
func TestStripsResumes(t *testing.T) {
	trainSet, testSet := sets()
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	want, err := Strips(t.Context(), tinyStrips(), Options{Dir: whole, Train: trainSet, Test: testSet})
	if err != nil {
		t.Fatal(err)
	}
	ctx, emit := cutShort(t)
	r, err := Strips(ctx, tinyStrips(), Options{Dir: broken, Train: trainSet, Test: testSet, Emit: emit})
	if err != nil || r.Reason != "interrupted" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err = Strips(t.Context(), tinyStrips(), Options{Dir: broken, Resume: true, Train: trainSet, Test: testSet}); err != nil {
		t.Fatal(err)
	}
	sameCheckpoint(t, whole, broken, "label_prior")
	again, err := EvalStrips(t.Context(), broken, testSet)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(again.Groups) != fmt.Sprint(want.Groups) {
		t.Errorf("evaluation says %v, training said %v", again.Groups, want.Groups)
	}
	if len(want.Groups) != 2 || want.Groups[0].Lines != 20 {
		t.Errorf("groups %+v", want.Groups)
	}
}

// TestOthers: what one text and all others have adds up to 1.
func TestOthers(t *testing.T) {
	for _, e := range []float64{1e-9, 0.01, 1, 40, 700} {
		s := others(e)
		if p := math.Exp(-s.Correct) + math.Exp(-s.Offending); math.Abs(p-1) > 1e-12 {
			t.Errorf("energy %v: the probabilities add up to %v", e, p)
		}
	}
	if s := others(0); math.IsInf(s.Offending, 0) {
		t.Error("a sure text leaves the others an infinite energy")
	}
}

// tones writes a corpus of two words, a low tone and a high one, between silences, and beside it when they are said,
// times.csv.
func tones(t *testing.T, n int, seed uint64) (manifest string) {
	t.Helper()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(seed, 5))
	var rows, times strings.Builder
	rows.WriteString("path,text\n")
	times.WriteString("path,word,start,end\n")
	for i := range n {
		name := fmt.Sprintf("%d.wav", i)
		clip := audio.Clip{Rate: 8000}
		silence := func() { clip.Samples = append(clip.Samples, make([]float32, 400+rng.IntN(800))...) }
		var words []string
		silence()
		for range 1 + rng.IntN(3) {
			word, hz := "lo", 300.0
			if rng.IntN(2) == 1 {
				word, hz = "hi", 1500
			}
			words = append(words, word)
			start := len(clip.Samples)
			for k := range 1000 + rng.IntN(600) {
				clip.Samples = append(clip.Samples, float32(0.4*math.Sin(2*math.Pi*hz*float64(k)/8000)))
			}
			fmt.Fprintf(&times, "%s,%s,%.4f,%.4f\n", name, word, float64(start)/8000, float64(len(clip.Samples))/8000)
			silence()
		}
		if err := audio.Write(filepath.Join(dir, name), clip); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rows, "%s,%s\n", name, strings.Join(words, " "))
	}
	if err := os.WriteFile(filepath.Join(dir, "times.csv"), []byte(times.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	manifest = filepath.Join(dir, "corpus.csv")
	if err := os.WriteFile(manifest, []byte(rows.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return manifest
}

func tinySpeech(manifest string) SpeechConfig {
	c := DefaultSpeech()
	c.Data, c.Rate, c.Mels, c.Channels, c.Epochs, c.Batch, c.Validation, c.Seed, c.Priors = manifest, 8000, 16, 16, 25, 8, 10, 3, 0.2
	c.EMA = 0 // there are too few steps for it
	return c
}

// TestSpeech: tones become words; an interrupted run goes on to the same weights; the saved
// model reads recordings, whole and in chunks of any size, as training's did.
func TestSpeech(t *testing.T) {
	manifest := tones(t, 90, 1)
	c := tinySpeech(manifest)
	c.Test = []string{tones(t, 15, 2)}
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	want, err := Speech(t.Context(), c, Options{Dir: whole})
	if err != nil {
		t.Fatal(err)
	}
	if g := want.Groups[0]; g.Name != "corpus" || g.Lines != 15 || g.Words == 0 || g.ErrorRate > 0.2 {
		t.Errorf("two tones are not learnt: %+v", g)
	}
	ctx, emit := cutShort(t)
	r, err := Speech(ctx, c, Options{Dir: broken, Emit: emit})
	if err != nil || r.Reason != "interrupted" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := Speech(t.Context(), c, Options{Dir: broken, Resume: true}); err != nil {
		t.Fatal(err)
	}
	sameCheckpoint(t, whole, broken, "label_prior")
	if file(t, whole, read.TimesFile) != file(t, broken, read.TimesFile) {
		t.Error("the run that went on has another model of times")
	}
	testReader(t, whole, c.Test[0], want.Groups[0])
	testTimes(t, whole, c.Test[0])
	again, err := EvalSpeech(t.Context(), whole, "")
	if err != nil || fmt.Sprint(again.Groups) != fmt.Sprint(want.Groups) {
		t.Errorf("evaluation says %+v, %v; training said %v", again, err, want.Groups)
	}
	if again, err = EvalSpeech(t.Context(), whole, manifest); err != nil || again.Groups[0].Lines != 90 {
		t.Errorf("evaluation on other recordings: %+v, %v", again, err)
	}
}

// testReader reads a manifest's files and compares with what training said of them.
func testReader(t *testing.T, dir, manifest string, want ReadingResult) {
	t.Helper()
	reader, err := read.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := audio.Manifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var count ctc.ErrorCount
	for i, u := range all {
		x, err := emissionsOf(reader, u.Path)
		if err != nil {
			t.Fatal(err)
		}
		x = append([]float32(nil), x...)
		best, err := ctc.Greedy(x, len(reader.Classes), 0)
		if err != nil {
			t.Fatal(err)
		}
		target, err := reader.Spell(u.Text)
		if err != nil {
			t.Fatal(err)
		}
		count.Add(ctc.Edits(target, best.Tokens))
		clip, err := audio.Read(u.Path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := reader.Stream()
		if err != nil {
			t.Fatal(err)
		}
		var streamed []float32
		for size := 1 + 700*i; len(clip.Samples) > 0; {
			n := min(size, len(clip.Samples))
			part, err := s.Push(clip.Samples[:n])
			if err != nil {
				t.Fatal(err)
			}
			streamed, clip.Samples = append(streamed, part...), clip.Samples[n:]
		}
		part, err := s.Finish()
		if err != nil {
			t.Fatal(err)
		}
		streamed = append(streamed, part...)
		if len(streamed) != len(x) {
			t.Fatalf("%s: %d emissions in chunks, %d whole", u.Path, len(streamed), len(x))
		}
		for k, v := range x {
			if math.Abs(float64(v-streamed[k])) > 1e-4*max(1, math.Abs(float64(v))) {
				t.Fatalf("%s: emission %d is %v in chunks, %v whole", u.Path, k, streamed[k], v)
			}
		}
	}
	if count.Rate() != float64(want.ErrorRate) {
		t.Errorf("read from files, the error rate is %v; training said %v", count.Rate(), want.ErrorRate)
	}
}

// TestSpeechErrors: what is wrong with a corpus is said by file and line.
func TestSpeechErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, "m.csv")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for want, text := range map[string]string{
		"m.csv, line 2": "path,text\nnone.wav,hi\n",
		"columns path":  "file,text\nnone.wav,hi\n",
		"names no":      "path,text\n",
	} {
		_, err := Speech(t.Context(), tinySpeech(write(text)), Options{Dir: filepath.Join(dir, "run")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v; it should say %q", text, err, want)
		}
	}
	few := tinySpeech(tones(t, 10, 1))
	if _, err := Speech(t.Context(), few, Options{Dir: filepath.Join(dir, "run")}); err == nil || !strings.Contains(err.Error(), "validation is 10") {
		t.Errorf("all held out: %v", err)
	}
	other := tinySpeech(tones(t, 20, 1))
	other.Test = []string{write("path,text\n" + filepath.Join(filepath.Dir(other.Data), "0.wav") + ",zoom\n")}
	if _, err := Speech(t.Context(), other, Options{Dir: filepath.Join(dir, "run")}); err == nil || !strings.Contains(err.Error(), `character 'z'`) {
		t.Errorf("a character that is not known: %v", err)
	}
}

// TestOpenReader: folders that are no finished run of a recogniser are refused, and pictures
// of any size and polarity become strips.
func TestOpenReader(t *testing.T) {
	trainSet, testSet := sets()
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := Strips(t.Context(), tinyStrips(), Options{Dir: dir, Train: trainSet, Test: testSet}); err != nil {
		t.Fatal(err)
	}
	r, err := read.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stream(); err == nil {
		t.Error("strips have a stream")
	}
	if got, err := r.Spell("31"); err != nil || len(got) != 2 || got[0] != 4 {
		t.Errorf("31 is spelled %v, %v", got, err)
	}
	if _, err := r.Open(filepath.Join(dir, ConfigFile)); err == nil {
		t.Error("settings are read as a picture")
	}
	if x, err := r.Emissions(data.Line{H: data.StripHeight}); err != nil || len(x) != 0 {
		t.Errorf("an empty line: %v, %v", x, err)
	}
	if _, err := r.Emissions(data.Line{H: 3, W: 5, Pixels: make([]float32, 15)}); err == nil {
		t.Error("a line of three rows is read")
	}
	if _, err := read.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no") {
		t.Errorf("an empty folder: %v", err)
	}
	_, digits := trained(t, small())
	if _, err := read.Open(digits); err == nil || !strings.Contains(err.Error(), read.CardFile) {
		t.Errorf("a run of digits: %v", err)
	}
}

func emissionsOf(r *read.Reader, path string) ([]float32, error) {
	s, err := r.Open(path)
	if err != nil {
		return nil, err
	}
	return r.Emissions(s.Line)
}

// errorOf is the median error of the words' times.
func errorOf(t *testing.T, all [][]ctc.Timed, truth [][]audio.Interval) float64 {
	t.Helper()
	var e ctc.TimeError
	for i, tokens := range all {
		var want []ctc.Timed
		for _, w := range truth[i] {
			want = append(want, ctc.Timed{Text: w.Word, Start: w.Start, End: w.End})
		}
		if err := e.Add(ctc.TimedWords(tokens, " "), want); err != nil {
			t.Fatal(err)
		}
	}
	return e.All().Median
}

// testTimes: a run's model of times is much more exact than its emissions, with which a run without one
// aligns.
func testTimes(t *testing.T, dir, manifest string) {
	t.Helper()
	reader, err := read.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := audio.Manifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	times, err := audio.Times(filepath.Join(filepath.Dir(manifest), "times.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var coarse, exact [][]ctc.Timed
	var truth [][]audio.Interval
	for _, u := range lines {
		s, err := reader.Open(u.Path)
		if err != nil {
			t.Fatal(err)
		}
		target, err := reader.Spell(u.Text)
		if err != nil {
			t.Fatal(err)
		}
		x, err := reader.Emissions(s.Line)
		if err != nil {
			t.Fatal(err)
		}
		var aligner ctc.Aligner
		a, err := aligner.Align(x, len(reader.Classes), target)
		if err != nil {
			t.Fatal(err)
		}
		tokens := ctc.TimedTokens(a.Spans, func(class int) string { return reader.Classes[class] }, reader.Frame, max(0, reader.Offset-reader.Frame/2))
		refined, err := reader.Refine(s, tokens)
		if err != nil {
			t.Fatal(err)
		}
		coarse, exact, truth = append(coarse, tokens), append(exact, refined), append(truth, times[u.Path])
	}
	before, after := errorOf(t, coarse, truth), errorOf(t, exact, truth)
	if after > 0.02 || before < 2*after {
		t.Errorf("the median error is %.4f s, by emissions %.4f s", after, before)
	}
	if err := os.Remove(filepath.Join(dir, read.TimesFile)); err != nil {
		t.Fatal(err)
	}
	without, err := read.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	same, err := without.Refine(read.Source{}, coarse[0])
	if err != nil || !slices.Equal(same, coarse[0]) {
		t.Errorf("without a model of times: %v, %v", same, err)
	}
}
