package studio

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/serve/wire"
)

// FuzzLog: any log is read as a summary and as curves, whole and in two parts, which give the same.
func FuzzLog(f *testing.F) {
	f.Add([]byte(stepLine(1, 1, began, 1, 0.1)+epochLine(1, 1, began, 1, 0.5, 2)+`{"type":"done","reason":"finished"}`+"\n"), 40)
	f.Add([]byte(`{"type":"start","epochs":3,"steps":-1}`+"\n\x00\n"+`{"type":"step","loss":1e999}`+"\n{"), 3)
	f.Add([]byte(`{"type":"epoch","terms":{"error":{"name":"é"}},"loss":"NaN","error":"Infinity"}`+"\n"), 0)
	f.Fuzz(func(t *testing.T, log []byte, cut int) {
		dir := t.TempDir()
		path := filepath.Join(dir, "events.jsonl")
		put := func(text []byte) {
			if err := os.WriteFile(path, text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		put(log)
		r := summarize(dir, "a", false)
		if _, err := json.Marshal(answerOf([]*summary{r})); err != nil {
			t.Errorf("a summary that JSON does not have: %v", err)
		}
		whole, err := newSeries().read(path)
		if err != nil {
			t.Fatal(err)
		}
		cut = min(max(cut, 0), len(log))
		put(log[:cut])
		parts, err := newSeries().read(path)
		if err != nil {
			t.Fatal(err)
		}
		put(log)
		if parts, err = parts.read(path); err != nil {
			t.Fatal(err)
		}
		if parts.at != whole.at || parts.bytes != whole.bytes {
			t.Errorf("in parts up to %v, %d bytes; whole %v, %d", parts.at, parts.bytes, whole.at, whole.bytes)
		}
		for _, c := range []columns{whole.steps, whole.epochs} {
			for key, y := range c {
				tx, ty := thin(c["step"], y, 10)
				if len(tx) != len(ty) || len(tx) > 10 {
					t.Errorf("%s: %d, %d points of at most 10", key, len(tx), len(ty))
				}
				if _, err := json.Marshal(ty); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// FuzzPlace: a place is read as it is written, and nothing else is one.
func FuzzPlace(f *testing.F) {
	for _, text := range []string{"0-00000000", "12-0123abcd", "-1-0", "1-+1234567", "٣-00000000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePlace(text); err == nil && (p.String() != text || p.holds(bytes.NewReader(make([]byte, 10))) && p.at > 10) {
			t.Errorf("%q is read as %v", text, p)
		}
	})
}

// FuzzNotes: notes that are read are within bounds.
func FuzzNotes(f *testing.F) {
	f.Add([]byte(`{"note":"a","tags":["b"]}`))
	f.Add([]byte(`{"tags":["a,b"," "]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, err := parseNotes(text); err == nil && n.check() != nil {
			t.Errorf("%q: %v", text, n.check())
		}
	})
}

// FuzzText: any text is aligned, with a trellis that agrees, or refused as a client's doing.
func FuzzText(f *testing.F) {
	dir := f.TempDir()
	writeSpeech(f, dir, "speech-1")
	m, err := openRecogniser(f.Context(), filepath.Join(dir, "speech-1"))
	if err != nil {
		f.Fatal(err)
	}
	h, err := m.read(f.Context(), saying(f, "i", "o"))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"i o", "O, i!", "", " ", "*", "i\n\no", "ï", "\xff", "iiiiiiii"} {
		f.Add(text, 1.0)
	}
	f.Fuzz(func(t *testing.T, text string, beta float64) {
		if len(text) > textMost || !(beta > 0 && beta <= betaMost) {
			return
		}
		a, err := m.align(h, &text)
		if err == nil {
			err = m.addTrellis(h, &a, &text, beta)
		}
		if p := (*wire.Problem)(nil); err != nil && !errors.As(err, &p) {
			t.Fatalf("%q, β = %v: %v", text, beta, err)
		}
		if err != nil {
			return
		}
		if _, err := json.Marshal(a); err != nil {
			t.Fatal(err)
		}
		if x := a.Trellis; x != nil && (math.Abs(x.Least-a.Least) > 1e-3 || x.Free > x.Least+1e-6) {
			t.Errorf("%q, β = %v: minimum %v beside the aligner's %v, free energy %v", text, beta, x.Least, a.Least, x.Free)
		}
	})
}
