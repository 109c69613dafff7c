package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/train"
)

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

// speech returns the job with settings that train in a moment on a corpus of tones.
func speech(manifest string) (job.Job, *Speech) {
	j := speechJob
	c := j.New().(*Speech)
	c.Data, c.Rate, c.Mels, c.Channels, c.Epochs, c.Batch, c.Validation, c.Seed, c.Priors = manifest, 8000, 16, 16, 25, 8, 10, 3, 0.2
	c.EMA = 0 // there are too few steps for it
	return j, c
}

// group is a row of the table of test lines, by the columns' keys.
func group(r *job.Result, row int) map[string]float64 {
	all, t := map[string]float64{}, r.Tables[0]
	for i, c := range t.Columns {
		all[c.Key] = float64(t.Rows[row].Values[i])
	}
	return all
}

// TestSpeech: tones become words; the saved model reads recordings, whole and in chunks of any size, as training's did; a run
// that loses its model of times gets the same by resuming; other recordings can be measured.
func TestSpeech(t *testing.T) {
	manifest := tones(t, 90, 1)
	j, c := speech(manifest)
	c.Test = []string{tones(t, 15, 2)}
	dir := filepath.Join(t.TempDir(), "run")
	r := run(t, t.Context(), j, c, dir, false, nil)
	g := group(r, 0)
	if r.Tables[0].Rows[0].Name != "corpus" || g["lines"] != 15 || g["words"] == 0 || g["error_rate"] > 0.2 || g["error_rate"] != float64(r.TestError) {
		t.Errorf("two tones are not learnt: %v", r.Tables)
	}
	times, err := os.ReadFile(filepath.Join(dir, read.TimesFile))
	if err != nil {
		t.Fatal(err)
	}
	testReader(t, dir, c.Test[0], g["error_rate"])
	testTimes(t, dir, c.Test[0])
	run(t, t.Context(), j, c, dir, true, nil)
	again, err := os.ReadFile(filepath.Join(dir, read.TimesFile))
	if err != nil || !bytes.Equal(times, again) {
		t.Errorf("resumed, the run has another model of times: %v", err)
	}
	other, err := job.Eval(t.Context(), dir, All(), job.Env{Data: manifest})
	if err != nil || group(other, 0)["lines"] != 90 {
		t.Errorf("evaluation on other recordings: %+v, %v", other, err)
	}
}

// testReader reads a manifest's files and compares with what training said of them.
func testReader(t *testing.T, dir, manifest string, want float64) {
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
	if count.Rate() != want {
		t.Errorf("read from files, the error rate is %v; training said %v", count.Rate(), want)
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
	fails := func(what, want string, set func(c *Speech)) {
		t.Helper()
		j, c := speech("")
		set(c)
		_, err := job.Train(t.Context(), j, c, job.Options{Dir: filepath.Join(dir, "run")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v; it should say %q", what, err, want)
		}
	}
	for want, text := range map[string]string{
		"m.csv, line 2": "path,text\nnone.wav,hi\n",
		"columns path":  "file,text\nnone.wav,hi\n",
		"names no":      "path,text\n",
	} {
		fails(text, want, func(c *Speech) { c.Data = write(text) })
	}
	fails("no manifest", "data is empty", func(*Speech) {})
	fails("a manifest twice", "test names a twice", func(c *Speech) { c.Data, c.Test = "x", []string{"a", "a"} })
	fails("all held out", "validation is 10", func(c *Speech) { c.Data = tones(t, 10, 1) })
	fails("a character that is not known", `character 'z'`, func(c *Speech) {
		c.Data = tones(t, 20, 1)
		c.Test = []string{write("path,text\n" + filepath.Join(filepath.Dir(c.Data), "0.wav") + ",zoom\n")}
	})
}

// TestSpeechOfAnImportedModel: a run resumes with the same bits, and is measured again, after the model that it began with is gone.
func TestSpeechOfAnImportedModel(t *testing.T) {
	model, err := os.ReadFile("../seq/read/testdata/beeps.onnx")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "net.onnx")
	for name, text := range map[string][]byte{path: model, strings.TrimSuffix(path, ".onnx") + read.CardEnding: []byte(beepsCard)} {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	j, c := speech(tones(t, 30, 1))
	c.Rate, c.Mels, c.Channels = 16000, 40, 128
	c.Encoder, c.NewHead, c.Epochs = path, true, 2
	checkGone(t, j, c, path)
}

// TestStripsOfAnImportedModel: a network that strips has made and export has written is trained on, with its own tokens and with a new head, after the file is gone, too.
func TestStripsOfAnImportedModel(t *testing.T) {
	j, s := find(t, "strips")
	first := s.(*Strips)
	first.Epochs = 6
	dir := filepath.Join(t.TempDir(), "run")
	r := run(t, t.Context(), j, first, dir, false, nil)
	for _, newHead := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "net.onnx")
		g, err := first.Graph(dir)
		if err != nil {
			t.Fatal(err)
		}
		m, err := g.Model()
		if err == nil {
			err = format.WriteFile(path, m)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, s := find(t, "strips")
		c := s.(*Strips)
		c.Data, c.Channels, c.Encoder, c.NewHead, c.Epochs = first.Data, 128, path, newHead, 1
		part := filepath.Join(t.TempDir(), "run")
		again := run(t, t.Context(), j, c, part, false, nil)
		if !newHead && again.TestError > r.TestError+0.05 {
			t.Errorf("the error goes from %v to %v", r.TestError, again.TestError)
		}
		reader, err := read.Open(part)
		if err != nil {
			t.Fatal(err)
		}
		if m, err = reader.Graph().Model(); err == nil {
			err = format.WriteFile(filepath.Join(part, "again.onnx"), m)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read.ONNXEmitter(filepath.Join(part, "again.onnx")); err != nil {
			t.Error(err)
		}
		checkGone(t, j, c, path)
	}
}

// beepsCard is the card of a model that oracle/onnx_acoustic.py writes.
const beepsCard = `features: log_mel
rate: 8000
window: 25ms
hop: 10ms
fft: 256
mel_scale: slaney
norm: slaney
symmetric_window: true
preemphasis: 0.97
log: natural
floor: 5.960464477539063e-08
add_floor: true
padding: zeros
drop_last: true
normalise: per_feature
length: length
`

// checkGone trains a job that begins with the model of a file, a part of it again, and resumes that once the file is gone.
func checkGone(t *testing.T, j job.Job, s job.Spec, model string) {
	t.Helper()
	dir, part := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	r := run(t, t.Context(), j, s, dir, false, nil)
	_, again, err := job.ReadConfig(dir, All())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run(t, ctx, j, again, part, false, func(e train.Event) {
		if s, ok := e.(train.Step); ok && s.Step >= 3 {
			cancel()
		}
	})
	if err := os.Remove(model); err != nil {
		t.Fatal(err)
	}
	run(t, t.Context(), j, again, part, true, nil)
	for _, name := range []string{ModelFile, job.EncoderFile, read.CardFile} {
		if file(t, dir, name) != file(t, part, name) {
			t.Errorf("%s of a resumed run differs from an unbroken run's", name)
		}
	}
	e, err := job.Eval(t.Context(), dir, All(), job.Env{})
	if err != nil || e.TestError != r.TestError {
		t.Errorf("error %v, measured again %+v, %v", r.TestError, e, err)
	}
}

// TestStripsReader: a run of strips is opened by its card, and what is no strip is refused; so is a folder that is no run.
func TestStripsReader(t *testing.T) {
	j, s := find(t, "strips")
	dir := filepath.Join(t.TempDir(), "run")
	result := run(t, t.Context(), j, s, dir, false, nil)
	if g := group(result, 1); len(result.Tables[0].Rows) != 2 || g["lines"] != 20 || g["tokens"] < 6*20 {
		t.Errorf("groups %+v", result.Tables)
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
	if _, err := r.Open(filepath.Join(dir, job.ConfigFile)); err == nil {
		t.Error("settings are read as a picture")
	}
	if x, err := r.Emissions(data.Line{H: data.StripHeight}); err != nil || len(x) != 0 {
		t.Errorf("an empty line: %v, %v", x, err)
	}
	if _, err := r.Emissions(data.Line{H: 3, W: 5, Pixels: make([]float32, 15)}); err == nil {
		t.Error("a line of three rows is read")
	}
	if _, err := read.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no") || !strings.Contains(err.Error(), read.CardFile) {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestStripsRefused: pictures that are too large for strips are refused before training.
func TestStripsRefused(t *testing.T) {
	j, s := find(t, "strips")
	large := &data.Images{Pixels: make([]byte, 60*(data.StripHeight+1)), Labels: make([]byte, 60), N: 60, H: data.StripHeight + 1, W: 1}
	s.(*Strips).Sets = func(context.Context, string, data.Progress) (a, b *data.Images, err error) { return large, large, nil }
	_, err := job.Train(t.Context(), j, s, job.Options{Dir: filepath.Join(t.TempDir(), "run")})
	if want := fmt.Sprintf("the pictures have %d×1 pixels", data.StripHeight+1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v; want %q", err, want)
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

// TestReadingLosses: recognisers train by every functional whose statistic alignments have, and the others are refused with
// the reason.
func TestReadingLosses(t *testing.T) {
	all := "energy perceptron hinge log lvq2 mce square_square square_exp nll mee margin_cost_max square_square_misprint"
	for _, c := range []struct{ latent, rival, base, allowed string }{
		{"sum", "least", "raw", "energy nll mee"},
		{"sum", "wrong", "raw", "energy hinge log lvq2 mce nll mee"},
		{"sum", "wrong", "log_probability", "energy hinge log lvq2 mce square_square square_exp nll mee square_square_misprint"},
		{"sum", "wrong", "above_minimum", ""},
		{"least", "least", "raw", "energy perceptron hinge log lvq2 mce nll mee margin_cost_max"},
		{"least", "wrong", "above_minimum", all},
	} {
		for _, e := range functional.Catalogue() {
			s := atDefaults[*Strips](stripsJob)
			s.Functional, s.Latent, s.Rival, s.EnergyBase = e.Name, c.latent, c.rival, c.base
			err := s.Resolve()
			if allowed := slices.Contains(strings.Fields(c.allowed), e.Name); allowed != (err == nil) {
				t.Errorf("%s, %+v: %v", e.Name, c, err)
			}
			var no *answers.NoStatistic
			if err != nil && (!errors.As(err, &no) || no.Why == "") {
				t.Errorf("%s, %+v: the error gives no reason: %v", e.Name, c, err)
			}
		}
	}
	for _, c := range []struct{ functional, latent, rival string }{{"hinge", "least", "least"}, {"mce", "sum", "wrong"}} {
		j, spec := find(t, "strips")
		s := spec.(*Strips)
		s.Functional, s.Latent, s.Rival, s.Epochs = c.functional, c.latent, c.rival, 8
		dir := filepath.Join(t.TempDir(), "run")
		r := run(t, t.Context(), j, s, dir, false, nil)
		if blind := 1.0; float64(r.TestError) >= blind || r.Energy.Terms.Unit != measure.Nat {
			t.Errorf("%+v: error %v", c, r.TestError)
		}
		again, err := job.Eval(t.Context(), dir, All(), job.Env{})
		if err != nil || again.TestError != r.TestError || again.Energy != r.Energy {
			t.Errorf("%+v: evaluated again %+v, %v", c, again, err)
		}
	}
}
