package report

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/energo-ml/energo/train"

	"gonum.org/v1/plot/vg"
)

func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	f := newFake()
	r, err := Open(f.write(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "run-1" || len(r.Notes) != 0 {
		t.Errorf("name %q, notes %v", r.Name, r.Notes)
	}
	if len(r.Steps) != f.epochs*f.perEpoch || len(r.Epochs) != f.epochs || r.Start == nil || r.Done == nil || r.Result == nil {
		t.Errorf("%d steps, %d epochs, start %v, done %v, result %v", len(r.Steps), len(r.Epochs), r.Start, r.Done, r.Result)
	}
	if r.Last.IsZero() {
		t.Error("the last event has no time")
	}
	if lr, none, second := r.Get("lr"), r.Get("nothing"), r.Get("hold_out[1]"); lr != "0.001" || none != "" || second != "b" {
		t.Errorf("lr is %q, what is not there %q, the second class held out %q", lr, none, second)
	}
	if m, ok := r.Margin(); m != 1 || !ok {
		t.Errorf("margin %v, %v", m, ok)
	}
	if b := r.Best(); b == nil || b.Epoch != f.epochs {
		t.Errorf("best epoch %v", b)
	}
}

// TestBest: the best epoch is the last one that was the best so far; where none was, the run keeps the weights that it began with.
func TestBest(t *testing.T) {
	r := &Run{Epochs: []train.Epoch{{Epoch: 1, Error: 0.3}, {Epoch: 2, Error: 0.2, Best: true}, {Epoch: 3, Error: 0.2}}}
	if b := r.Best(); b == nil || b.Epoch != 2 {
		t.Errorf("the best epoch is %+v, want 2", b)
	}
	r.Epochs[1].Best = false
	if b := r.Best(); b != nil {
		t.Errorf("the best epoch is %+v; none is better than the start", b)
	}
	if tile := errorTile(r, nil); !strings.Contains(tile.Note, "no epoch so far is better than the weights before training") {
		t.Errorf("the page says %q", tile.Note)
	}
}

func TestOpenTruncated(t *testing.T) {
	f := newFake()
	dir := f.write(t)
	text := f.events()
	cut := text[:strings.LastIndex(strings.TrimSpace(text), "\n")-40] // inside the last epoch's line
	writeFile(t, dir, train.LogFile, cut)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Epochs) != f.epochs-1 || r.Done != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "events.jsonl ends within line") {
		t.Errorf("%d epochs, done %v, notes %v", len(r.Epochs), r.Done, r.Notes)
	}
}

// TestOpenDamagedEnd flips bits of the last line: none passes for a line that a kill cut off.
func TestOpenDamagedEnd(t *testing.T) {
	f := newFake()
	dir := f.write(t)
	text := f.events()
	last := strings.LastIndex(strings.TrimSpace(text), "\n") + 1
	for _, at := range []int{last, last + 1, last + 8, len(text) - 2, len(text) - 1} {
		damaged := []byte(text)
		damaged[at] ^= 1
		writeFile(t, dir, train.LogFile, string(damaged))
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if r.Done == nil && (len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "could not be read")) {
			t.Errorf("byte %d of %d flipped: notes %q", at, len(text), r.Notes)
		}
	}
}

func TestOpenDamagedLine(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, train.LogFile, `{"type":"start","epochs":2,"steps":4}
{"type":"step","step":1,"lo
{"type":"step","step":2,"loss":0.5}
garbage
{"type":"from the future","x":[1]}
{"type":"epoch","epoch":"one"}
{"type":"epoch","epoch":1,"step":2,"error":0.5}
`)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 1 || r.Steps[0].Step != 2 || len(r.Epochs) != 1 {
		t.Errorf("steps %v, epochs %v", r.Steps, r.Epochs)
	}
	if len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "line 2") || !strings.Contains(r.Notes[1], "3 such lines") {
		t.Errorf("notes %q", r.Notes)
	}
}

func TestOpenResumed(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, train.LogFile, `{"type":"start","epochs":2,"steps":4}
{"type":"step","step":1,"loss":3}
{"type":"step","step":2,"loss":2}
{"type":"epoch","epoch":1,"step":2}
{"type":"saved","step":2}
{"type":"done","reason":"interrupted"}
{"type":"start","epochs":3,"steps":6,"step":2}
{"type":"step","step":3,"loss":1}
`)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 3 || r.Steps[2].Loss != 1 || len(r.Epochs) != 1 || r.Done != nil || r.Start.Epochs != 3 || r.Start.Step != 0 {
		t.Errorf("%+v", r)
	}
}

func TestOpenNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err == nil {
		t.Error("an empty folder opens")
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	writeFile(t, dir, "file", "")
	if _, err := Open(filepath.Join(dir, "file")); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file: %v", err)
	}
	writeFile(t, dir, ConfigFile, "a: b")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Surface(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("energies that are not there: %v", err)
	}
}

// TestPagesOfOddRuns: whatever the files hold, a run opens and its page is drawn.
func TestPagesOfOddRuns(t *testing.T) {
	for i, files := range oddRuns() {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			dir := t.TempDir()
			for k, name := range []string{train.LogFile, ConfigFile, ResultFile} {
				writeFile(t, dir, name, files[k])
			}
			r, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			p := newPage(r, nil)
			if p.add(r, nil, nil); p.err != nil {
				t.Fatal(p.err)
			}
			r.Outcome()
		})
	}
}

// oddRuns are the events, settings and result of runs that few would write.
func oddRuns() [][3]string {
	return [][3]string{
		{`{"type":"start","epochs":-1,"steps":-5,"step":-9}` + "\n" + `{"type":"step","step":-3,"loss":1e308,"lr":-1e308}` + "\n", "margin: .nan\nfunctional: hinge", `{"train_seconds":1e300}`},
		{`{"type":"epoch","epoch":0,"step":0,"error":-1,"gap":{"p05":1e307,"p95":-1e307}}` + "\n", "? [a]\n: &x [*x]", "["},
		{`{"type":"epoch","epoch":1,"step":9223372036854775807,"error":1e-300}` + "\n" + `{"type":"step","step":9223372036854775807,"loss":5e-324}` + "\n", "\x00", "null"},
		{`{"type":"step","step":1,"loss":2}` + "\n" + `{"type":"epo`, "functional: hinge\nmargin: 1\n", `{"test_error":0.1,"epochs":1,"steps":2,"train_seconds":1,"collapsed":false}`},
	}
}

// FuzzRun feeds the readers of a run's own files texts of any content: what cannot be read is noted.
func FuzzRun(f *testing.F) {
	for _, files := range oddRuns() {
		f.Add([]byte(files[0]), []byte(files[1]), []byte(files[2]))
	}
	f.Fuzz(func(t *testing.T, events, config, result []byte) {
		r := &Run{Name: "x"}
		r.readConfig(config)
		r.readEvents(events)
		r.readResult(result)
		if r.Result == nil && r.Broken == nil {
			t.Fatal("a result was neither read nor told damaged")
		}
		r.Outcome()
	})
}

// TestSurface holds the surface against its definition on random energies with ties.
func TestSurface(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, n := rapid.IntRange(2, 6).Draw(t, "k"), rapid.IntRange(1, 8).Draw(t, "n")
		value := rapid.SampledFrom([]float64{-2, -1, 0, 0.5, 3, math.NaN(), math.Inf(1), math.Inf(-1)})
		energies := rapid.SliceOfN(value, n*k, n*k).Draw(t, "energies")
		labels := rapid.SliceOfN(rapid.IntRange(0, k-1), n, n).Draw(t, "labels")
		s, err := NewSurface(energies, k, labels)
		if err != nil {
			t.Fatal(err)
		}
		wrong, broken := 0, 0
		for i, y := range labels {
			row := energies[i*k : (i+1)*k]
			bad := false
			for a, e := range row {
				bad = bad || math.IsNaN(e) || math.IsInf(e, 0)
				if p := s.Predicted[i]; p >= 0 && (e < row[p] || e == row[p] && a < p) {
					t.Fatalf("sample %d: answer %d, but %d has energy %v", i, p, a, e)
				}
				if a != y && e < s.Offending[i] {
					t.Fatalf("sample %d: offending energy %v, but %d has %v", i, s.Offending[i], a, e)
				}
			}
			if bad {
				broken++
			}
			if s.Predicted[i] != y {
				wrong++
			}
			if g := s.Offending[i] - row[y]; g != s.Gap[i] && !(math.IsNaN(g) && math.IsNaN(s.Gap[i])) {
				t.Fatalf("sample %d: gap %v, want %v", i, s.Gap[i], g)
			}
		}
		if s.Wrong != wrong || s.Broken != broken {
			t.Fatalf("%d wrong and %d broken, want %d and %d", s.Wrong, s.Broken, wrong, broken)
		}
	})
}

// TestPickSamples: as many as there are, each once, every label among them.
func TestPickSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, n := rapid.IntRange(2, 10).Draw(t, "k"), rapid.IntRange(1, 40).Draw(t, "n")
		energies := rapid.SliceOfN(rapid.SampledFrom([]float64{-1, 0, 0, 2, math.NaN()}), n*k, n*k).Draw(t, "energies")
		labels := rapid.SliceOfN(rapid.IntRange(0, k-1), n, n).Draw(t, "labels")
		s, err := NewSurface(energies, k, labels)
		if err != nil {
			t.Fatal(err)
		}
		picked := pickSamples(s)
		if len(picked) != min(n, sampleCells) {
			t.Fatalf("%d of %d samples", len(picked), n)
		}
		once, seen := map[int]bool{}, map[int]bool{}
		for _, i := range picked {
			if once[i] {
				t.Fatalf("sample %d twice", i)
			}
			once[i], seen[labels[i]] = true, true
		}
		for _, y := range labels {
			if !seen[y] {
				t.Fatalf("no sample of label %d", y)
			}
		}
	})
}

func TestSurfaceErrors(t *testing.T) {
	for name, f := range map[string]func() (*Surface, error){
		"one answer":   func() (*Surface, error) { return NewSurface([]float64{1}, 1, []int{0}) },
		"lengths":      func() (*Surface, error) { return NewSurface([]float64{1, 2, 3}, 2, []int{0, 1}) },
		"label":        func() (*Surface, error) { return NewSurface([]float64{1, 2}, 2, []int{2}) },
		"minus labels": func() (*Surface, error) { return NewSurface([]float64{1, 2}, 2, []int{-1}) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestQuantile holds quantile against its definition at the ends and in the middle.
func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		v       []float64
		q, want float64
	}{
		{[]float64{5}, 0.3, 5},
		{[]float64{1, 2, 3}, 0, 1},
		{[]float64{1, 2, 3}, 1, 3},
		{[]float64{1, 2, 3, 4}, 0.5, 2.5},
	} {
		if got := quantile(test.v, test.q); got != test.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", test.v, test.q, got, test.want)
		}
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("the quantile of nothing is a number")
	}
}

// TestWilson: the textbook's example, and the ends stay in [0, 1].
func TestWilson(t *testing.T) {
	b := wilson(10, 100)
	if math.Abs(b.lo-0.05523) > 1e-4 || math.Abs(b.hi-0.17437) > 1e-4 {
		t.Errorf("10 of 100: %v", b)
	}
	if b := wilson(0, 50); b.lo != 0 || !(b.hi > 0 && b.hi < 0.1) {
		t.Errorf("0 of 50: %v", b)
	}
	if b := wilson(50, 50); b.hi != 1 || !(b.lo > 0.9 && b.lo < 1) {
		t.Errorf("50 of 50: %v", b)
	}
}

// TestHistogramCountsAll: every finite value lies in exactly one bin, also on edges.
func TestHistogramCountsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-50, 50), 1, 200).Draw(t, "values")
		b := empty().with(values...).wide()
		h := bins(b, binWidth(b, len(values)))
		h.add(values)
		sum := 0
		for _, c := range h.counts {
			sum += c
		}
		if sum != len(values) || len(h.counts) > 200 {
			t.Fatalf("%d of %d values in %d bins", sum, len(values), len(h.counts))
		}
	})
}

// TestCaptions: what stands under a picture is no wider, and is cut last.
func TestCaptions(t *testing.T) {
	st := style{size: textSize - 1}
	for name, must := range map[string]string{"7": "label 7", "animals-birds": "animals-birds", "architecture of the nineteenth century": "archi"} {
		got, small := caption("label ", name, st)
		if !strings.HasPrefix(got, must) || textWidth(got, small) > cellPicture {
			t.Errorf("%q: the caption is %q, of width %v; a picture has %v", name, got, textWidth(got, small), vg.Length(cellPicture))
		}
	}
}
