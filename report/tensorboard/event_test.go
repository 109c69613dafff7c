package tensorboard

import (
	"bytes"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// TestGolden: the bytes are those of TensorBoard's own protocol buffers and record writer (oracle/tensorboard_events.py).
func TestGolden(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "events.golden"))
	if err != nil {
		t.Fatal(err)
	}
	png, err := hex.DecodeString("89504e470d0a1a0a0000000d49484452000000020000000108020000007b40e8dd0000000f49444154789c63f8cfc0f0ff3f030000")
	if err != nil {
		t.Fatal(err)
	}
	at := func(seconds float64) time.Time { return time.UnixMicro(int64((1500000000 + seconds) * 1e6)) }
	r := &report.Run{
		Config: []report.Setting{{Key: "format", Value: "2"}, {Key: "seed", Value: "0"}, {Key: "functional", Value: "hinge"}, {Key: "lr", Value: "0.01"}, {Key: "raw", Value: "false"}},
		Began:  at(0.25), Last: at(3), Result: &report.Result{},
	}
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Scalar(at(0.25), 10, "train/loss", 0.75)
	w.Scalar(at(1.5), 20, "train/loss", 0)
	w.Scalar(at(2), 300, "train/loss", math.NaN())
	w.Histogram(at(3), 300, "test/gap", []float64{30, 0, 1, math.NaN(), 2.5, 1, math.Inf(1)})
	w.Picture(at(3), 300, "plots/loss", 2, 1, png)
	w.session(r, "a")
	w.experiment([]*report.Run{{Config: settings(r)}}, []string{"test/error"})
	if got := b.Bytes(); !bytes.Equal(got, want) {
		n := 0
		for n < min(len(got), len(want)) && got[n] == want[n] {
			n++
		}
		t.Errorf("%d bytes differ from the golden file's %d at byte %d:\n%q\n%q", len(got), len(want), n, got[n:min(n+80, len(got))], want[n:min(n+80, len(want))])
	}
	before := b.Len()
	w.Histogram(at(3), 300, "none", []float64{math.NaN()})
	if b.Len() != before {
		t.Error("a histogram of nothing is written")
	}
	w.Histogram(at(3), 300, "one", []float64{2, 2})
	if b.Len() == before || w.Err() != nil {
		t.Error("a histogram of one number is not written")
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestFull(t *testing.T) {
	w := NewWriter(full{})
	w.Scalar(time.Time{}, 1, "a", 1)
	if w.Err() != os.ErrClosed {
		t.Errorf("the error of the writer is %v", w.Err())
	}
}

// TestKinds: a setting is of numbers, of truth values or of texts.
func TestKinds(t *testing.T) {
	for text, want := range map[string]string{"0.5": "11000000000000e03f", "true": "2001", "nan": "1a036e616e", "0x10": "1a0430783130", "1e-3": "11fca9f1d24d62503f"} {
		if got := hex.EncodeToString(plain(text)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// TestWrite writes runs as they are found: unfinished, diverged, and without epochs.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	run := &report.Run{Dir: t.TempDir(), Done: &train.Done{Reason: "diverged"}, Steps: []train.Step{{Step: 10, Loss: 1}}, StepTimes: []time.Time{time.Unix(1, 0)}}
	n, err := Write(dir, []Named{{run, "a/b"}, {&report.Run{Dir: t.TempDir()}, "c"}})
	if err != nil || n != 3 {
		t.Fatal(n, err)
	}
	for _, name := range []string{File, filepath.Join("a", "b", File), filepath.Join("c", File)} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 50 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(run.Dir, modelFile), []byte("damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(dir, []Named{{run, "a/b"}}); err == nil {
		t.Error("damaged weights are no error")
	}
}
