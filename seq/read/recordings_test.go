package read

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/audio"
)

// recorded writes WAV files of tones and their manifest.
func recorded(t *testing.T, texts ...string) string {
	t.Helper()
	dir, rows := t.TempDir(), "path,text\n"
	for i, text := range texts {
		c := audio.Clip{Rate: 8000, Samples: make([]float32, 4000)}
		for k := range c.Samples {
			c.Samples[k] = float32(0.4 * math.Sin(float64(k)/float64(2+i)))
		}
		name := fmt.Sprintf("%d.wav", i)
		if err := audio.Write(filepath.Join(dir, name), c); err != nil {
			t.Fatal(err)
		}
		rows += name + "," + text + "\n"
	}
	path := filepath.Join(dir, "all.csv")
	if err := os.WriteFile(path, []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRecordings(t *testing.T) {
	f, err := NewFeatures(audio.LogMel{Rate: 8000, Mels: 8})
	if err != nil {
		t.Fatal(err)
	}
	r, err := LoadRecordings(recorded(t, "Ab  a", "c"), f, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Texts, []string{"ab a", "c"}) || !slices.Equal(r.Characters(), []string{" ", "a", "b", "c"}) {
		t.Errorf("texts %q of characters %q", r.Texts, r.Characters())
	}
	r.Fit()
	network, err := NewNetwork(Spec{Height: 8, Tokens: r.Characters(), Channels: 4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Spell(network); err != nil || !slices.Equal(r.Targets[0], []int{1, 2, 0, 1}) {
		t.Errorf("tokens %v, %v", r.Targets, err)
	}
	sum := make([]float64, 8)
	for _, l := range r.Lines(0, 2) {
		for i, v := range l.Pixels {
			sum[i/l.W] += float64(v)
		}
	}
	for mel, v := range sum {
		if math.Abs(v) > 1e-3 {
			t.Errorf("normalised, mel %d adds up to %v", mel, v)
		}
	}
	widths, rng := map[int]bool{}, rand.New(rand.NewPCG(1, 1))
	for range 20 {
		l, err := r.Draw(0, audio.SpecAugment{}, rng)
		if err != nil {
			t.Fatal(err)
		}
		widths[l.W] = true
		if shift := l.Pixels[0] - r.Line(0).Pixels[0]; shift == 0 {
			t.Error("a recording is drawn as loud as it is")
		}
	}
	if len(widths) != 2 {
		t.Errorf("played at two speeds, recordings have lengths %v", widths)
	}
	if _, err := r.Draw(0, audio.SpecAugment{TimeMasks: -1}, rng); err == nil {
		t.Error("-1 masks are no error")
	}
	u := r.Utterances(1)
	if len(u) != 1 || u[0].Sound.Path != r.Paths[0] || !slices.Equal(u[0].Tokens, r.Targets[0]) {
		t.Errorf("utterances %+v", u)
	}
	before := r.Checksum()
	r.Texts[1] = "d\u0301"
	if r.Checksum() == before {
		t.Error("another text has the same checksum")
	}
	if err := r.Spell(network); err != nil || len(r.Paths) != 1 || len(r.Lines(0, 1)) != 1 || len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0].Error(), "1.wav") || !strings.Contains(r.LeftOut[0].Error(), "line 3") {
		t.Errorf("a character that is no token: %v, left out %v", err, r.LeftOut)
	}
	path := recorded(t, "a")
	if err := os.Remove(filepath.Join(filepath.Dir(path), "0.wav")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRecordings(path, f); err == nil || !strings.Contains(err.Error(), "none of 1 recordings is left") || !strings.Contains(err.Error(), path+", line 2") {
		t.Errorf("a recording that is not there: %v", err)
	}
}

// TestRecordingsInNFC: texts are composed, and tokens that are decomposed spell them, too.
func TestRecordingsInNFC(t *testing.T) {
	f, err := NewFeatures(audio.LogMel{Rate: 8000, Mels: 8})
	if err != nil {
		t.Fatal(err)
	}
	for tokens, want := range map[string][]int{"é": {0}, "e\u0301": {0, 1}} {
		r, err := LoadRecordings(recorded(t, "é", "e\u0301", "è"), f)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Texts, []string{"é", "é", "è"}) {
			t.Errorf("texts %+q", r.Texts)
		}
		network, err := NewNetwork(Spec{Height: 8, Tokens: strings.Split(tokens, ""), Channels: 4}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Spell(network); err != nil || len(r.Targets) != 2 || !slices.Equal(r.Targets[0], want) || !slices.Equal(r.Targets[1], want) || len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0].Error(), `"è"`) {
			t.Errorf("tokens %+q: %v, %v, %v", tokens, r.Targets, r.LeftOut, err)
		}
	}
}

// TestRecordingsLeftOut leaves out what cannot be trained on: half a second has 24 frames.
func TestRecordingsLeftOut(t *testing.T) {
	f, err := NewFeatures(audio.LogMel{Rate: 8000, Mels: 8})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("ab", 12)
	path := recorded(t, "ab", long, long+"ab", strings.Repeat("a", 14), "b", "a", "")
	dir := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(dir, "4.wav"), []byte("not sound"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := audio.Write(filepath.Join(dir, "5.wav"), audio.Clip{Rate: 8000}); err != nil {
		t.Fatal(err)
	}
	r, err := LoadRecordings(path, f, 1.5)
	if err != nil {
		t.Fatal(err)
	}
	r.Fit()
	network, err := NewNetwork(Spec{Height: 8, Tokens: []string{"a", "b"}, Channels: 4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Spell(network); err != nil || !slices.Equal(r.Texts, []string{"ab", long, ""}) {
		t.Errorf("left are %q, %v", r.Texts, err)
	}
	for i, want := range []string{"line 6: " + dir, "line 7: " + dir, "line 4: " + dir + "/2.wav: the text has 26 tokens, which need 26 frames; there are 24", "line 5: " + dir + "/3.wav: the text has 14 tokens, which need 27 frames"} {
		if i >= len(r.LeftOut) || !strings.Contains(r.LeftOut[i].Error(), want) {
			t.Errorf("left out is %v; want %q", r.LeftOut, want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		if l, err := r.Draw(1, audio.SpecAugment{}, rng); err != nil || network.Frames(l.W) < len(long) {
			t.Fatalf("%d tokens are drawn with %d frames, %v", len(long), network.Frames(l.W), err)
		}
	}
}
