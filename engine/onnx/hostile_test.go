package onnx

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var long = flag.Bool("long", false, "take a thousand damaged copies of each model instead of a few")

// TestDamagedModels loads and runs damaged copies of a convolutional, a recurrent and an attending network: there is an error or a result, within 10 seconds and 1 GiB, and never a panic.
func TestDamagedModels(t *testing.T) {
	copies := 40
	if *long {
		copies = 1000
	}
	for _, path := range []string{"testdata/finetune.onnx", "../../seq/read/testdata/beeps.onnx", "../../seq/read/testdata/waveform.onnx"} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		loaded, ran := 0, 0
		for i := range copies {
			text := damaged(whole, rand.New(rand.NewPCG(uint64(i), 1)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			opened, err := runOnce(text)
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("%s, copy %d: %v", path, i, took)
			}
			if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 1<<30 {
				t.Errorf("%s, copy %d: %d MiB are allocated", path, i, (after.TotalAlloc-before.TotalAlloc)>>20)
			}
			if opened {
				loaded++
			}
			if err == nil {
				ran++
			}
		}
		t.Logf("%s: of %d damaged copies %d are loaded and %d run", path, copies, loaded, ran)
	}
}

// damaged changes a few places of a file: bits, numbers, pieces that are cut out, doubled or moved.
func damaged(whole []byte, r *rand.Rand) []byte {
	text := bytes.Clone(whole)
	for range 1 + r.IntN(3) {
		at := r.IntN(len(text))
		if r.IntN(2) == 0 { // the structure stands at the beginning and the end, weights between
			at = r.IntN(min(len(text), 4000))
		}
		n := min(1+r.IntN(40), len(text)-at)
		switch r.IntN(12) {
		case 0, 1, 2, 3, 4, 5:
			text[at] ^= 1 << r.IntN(8)
		case 6, 7, 8:
			text[at] = byte(r.UintN(256))
		case 9:
			text = append(text[:at:at], text[at+n:]...)
		case 10:
			text = append(text[:at+n:at+n], text[at:]...)
		default:
			copy(text[at:], text[r.IntN(len(text)-n+1):][:n])
		}
	}
	return text
}

// runOnce loads a model and runs it on zeros of its own sizes, small ones where they are open.
func runOnce(text []byte) (loaded bool, err error) {
	f, err := format.Decode(text)
	if err != nil {
		return false, err
	}
	m, err := New(f, nil)
	if err != nil {
		return false, err
	}
	in := map[string]*value.Value{}
	for _, p := range m.Inputs {
		var shape []int
		for i, d := range p.Shape {
			n := d.Size
			switch {
			case n >= 0:
			case i == 0:
				n = 1
			case len(p.Shape) == 2:
				n = 1000 // samples of sound
			default:
				n = 40
			}
			if n > 1<<12 {
				return true, nil // more than a test has to give
			}
			shape = append(shape, n)
		}
		if n, err := value.Volume(shape); err != nil || n > 1<<22 {
			return true, err
		}
		if in[p.Name], err = value.New(p.Kind, shape...); err != nil {
			return true, err
		}
	}
	_, err = m.Run(in)
	return true, err
}
