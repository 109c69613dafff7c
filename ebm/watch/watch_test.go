package watch

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/google/go-cmp/cmp"
)

// looks are of n samples with k answers.
func looks(n, k int) Look {
	l := Look{Set: Set{Answers: k}, Energies: make([]float32, n*k)}
	for i := range n {
		l.Labels, l.Samples = append(l.Labels, i%k), append(l.Samples, 2*i)
	}
	return l
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder without a record: %v", err)
	}
	l := looks(3, 2)
	l.Names = []string{"a", "b"}
	var r Record
	for epoch := range 3 {
		l.Energies[1] = float32(epoch)
		if err := r.Take(epoch, l); err != nil {
			t.Fatal(err)
		}
	}
	l.Energies[1], l.Labels[0] = 9, 9 // they are the caller's
	if err := Write(dir, &r); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&r, got); d != "" {
		t.Error(d)
	}
	if got.Frames[2].Energies[1] != 2 || got.Labels[0] != 0 {
		t.Errorf("read as %+v", got)
	}
	if got.Until(1); len(got.Frames) != 2 {
		t.Errorf("%d frames until epoch 1", len(got.Frames))
	}
}

// TestBounds: a record stays small, and is the same however often it was read back between two epochs, also where later frames were dropped.
func TestBounds(t *testing.T) {
	var whole, parts Record
	dir := t.TempDir()
	for epoch := range 1000 {
		l := looks(2, 2)
		l.Energies[0] = float32(epoch)
		if err := whole.Take(epoch, l); err != nil {
			t.Fatal(err)
		}
		if len(whole.Frames) > framesMost || whole.Frames[0].Epoch != 0 || whole.Frames[len(whole.Frames)-1].Epoch != epoch {
			t.Fatalf("epoch %d: %d frames from %d", epoch, len(whole.Frames), whole.Frames[0].Epoch)
		}
		if err := parts.Take(epoch, l); err != nil {
			t.Fatal(err)
		}
		if epoch%7 == 3 { // the next epoch is done twice, as after a kill before its checkpoint
			later := looks(2, 2)
			if err := parts.Take(epoch+1, later); err != nil {
				t.Fatal(err)
			}
			if err := Write(dir, &parts); err != nil {
				t.Fatal(err)
			}
			again, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			parts = *again
			parts.Until(epoch)
		} else if d := cmp.Diff(whole, parts); d != "" {
			t.Fatalf("epoch %d: %s", epoch, d)
		}
	}
	due := 0
	for epoch := range 1000 {
		if Due(epoch) {
			due++
		}
	}
	if !Due(0) || !Due(framesMost-2) || Due(framesMost-1) || due > 250 {
		t.Errorf("%d of 1000 epochs are due", due)
	}
	var many Record
	if err := many.Take(0, looks(5000, 3)); err != nil || len(many.Labels) != SamplesMost || len(many.Frames[0].Energies) != 3*SamplesMost {
		t.Errorf("%d samples are kept, %v", len(many.Labels), err)
	}
	var wide Record
	if err := wide.Take(0, looks(100, 10000)); err != nil || len(wide.Labels) != 6 {
		t.Errorf("%d samples of many answers are kept, %v", len(wide.Labels), err)
	}
}

func TestRefuses(t *testing.T) {
	for want, change := range map[string]func(l *Look){
		"1 answers":             func(l *Look) { l.Answers = 1 },
		"0 labels":              func(l *Look) { l.Labels, l.Samples, l.Energies = nil, nil, nil },
		"label 1 is 2":          func(l *Look) { l.Labels[1] = 2 },
		"number -1":             func(l *Look) { l.Samples[0] = -1 },
		"5 energies":            func(l *Look) { l.Energies = l.Energies[:5] },
		"1 names":               func(l *Look) { l.Names = []string{"a"} },
		"other samples":         func(l *Look) { l.Samples[0] = 1 },
		"2 labels of 3 samples": func(l *Look) { l.Labels = l.Labels[:2] },
	} {
		var r Record
		if err := r.Take(1, looks(3, 2)); err != nil {
			t.Fatal(err)
		}
		l := looks(3, 2)
		change(&l)
		if err := r.Take(2, l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
		if err := r.Take(1, looks(3, 2)); err == nil || !strings.Contains(err.Error(), "epoch 1 follows epoch 1") {
			t.Errorf("an epoch again: %v", err)
		}
	}
	if err := Write(t.TempDir(), &Record{Set: looks(3, 2).Set}); err == nil {
		t.Error("a record without frames is written")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, File), []byte("nothing"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), File) {
		t.Errorf("a damaged file: %v", err)
	}
}

// FuzzDecode feeds the reader tensors of any shape and content: a record that holds together and is written as it was, or an error. The
// reader of safetensors has a target of its own.
func FuzzDecode(f *testing.F) {
	f.Add(`["a","b"]`, uint8(1), uint8(2), uint8(2), []byte{0, 0, 1, 0, 1, 1, 2, 3, 4})
	f.Add(``, uint8(2), uint8(1), uint8(3), []byte{0, 1, 1, 0, 0})
	f.Add(`null`, uint8(0), uint8(0), uint8(0), []byte{255, 254})
	f.Fuzz(func(t *testing.T, names string, frames, samples, answers uint8, values []byte) {
		fill := func(dt tensor.DType, shape ...int) *tensor.Tensor {
			x := tensor.New(dt, shape...)
			for i := range x.Len() {
				v := 0.
				if len(values) > 0 {
					if v = float64(values[0]); v > 250 {
						v = []float64{math.NaN(), math.Inf(1), -1, 0.5, 1e300}[int(v)-251]
					}
					values = values[1:]
				}
				if dt == tensor.Float64 {
					x.Float64s()[i] = v
				} else {
					x.Float32s()[i] = float32(v)
				}
			}
			return x
		}
		nf, n, k := int(frames%4), int(samples%4), int(answers%4)
		in := &tensor.File{Metadata: map[string]string{"format": format}, Tensors: []tensor.Named{
			{Name: "epochs", Tensor: fill(tensor.Float64, nf)}, {Name: "labels", Tensor: fill(tensor.Float64, n)}, {Name: "samples", Tensor: fill(tensor.Float64, n)}, {Name: "energies", Tensor: fill(tensor.Float32, nf, n, k)},
		}}
		if names != "" {
			in.Metadata[namesKey] = names
		}
		r, err := decode(in)
		if err != nil {
			return
		}
		dir := t.TempDir()
		if err := Write(dir, r); err != nil {
			t.Fatal(err)
		}
		again, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Frames) != len(r.Frames) || !again.same(r.Set) {
			t.Errorf("%+v is read as %+v", r, again)
		}
	})
}
