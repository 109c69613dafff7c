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
	spec := Spec{Height: 8, Tokens: r.Characters(), Channels: 4}
	if err := r.Spell(spec); err != nil || !slices.Equal(r.Targets[0], []int{1, 2, 0, 1}) {
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
	if len(u) != 1 || u[0].Path != r.Paths[0] || !slices.Equal(u[0].Tokens, r.Targets[0]) {
		t.Errorf("utterances %+v", u)
	}
	before := r.Checksum()
	r.Texts[1] = "d"
	if r.Checksum() == before {
		t.Error("another text has the same checksum")
	}
	if err := r.Spell(spec); err == nil || !strings.Contains(err.Error(), "1.wav") {
		t.Errorf("a character that is no token: %v", err)
	}
	path := recorded(t, "a")
	if err := os.Remove(filepath.Join(filepath.Dir(path), "0.wav")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRecordings(path, f); err == nil || !strings.Contains(err.Error(), path+", line 2") {
		t.Errorf("a recording that is not there: %v", err)
	}
}
