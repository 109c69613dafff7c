package audio

import (
	"bytes"
	"errors"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestFLAC reads every kind of frame that libFLAC and FFmpeg write, exactly, and without a line of log.
func TestFLAC(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	testFormats(t, "flac")
	if logged.Len() > 0 {
		t.Errorf("it logs %q", logged.String())
	}
}

// bitWriter writes bits, the highest first.
type bitWriter struct {
	data []byte
	n    int // bits
}

func (w *bitWriter) bits(v int64, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.data = append(w.data, 0)
		}
		w.data[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// checksum is that of a polynomial of 8 or 16 bits, bit by bit.
func checksum(data []byte, polynomial, width int) int64 {
	sum := 0
	for _, b := range data {
		sum ^= int(b) << (width - 8)
		for range 8 {
			if sum <<= 1; sum>>width&1 == 1 {
				sum ^= 1<<width | polynomial
			}
		}
	}
	return int64(sum)
}

// flacFile is a FLAC file of 8 samples at 8000 a second in one frame, of depth bits.
func flacFile(channels, depth int, code int64, subframes func(w *bitWriter)) []byte {
	var w bitWriter
	for _, c := range "fLaC" {
		w.bits(int64(c), 8)
	}
	w.bits(0x80, 8)
	w.bits(34, 24)
	w.bits(8<<16|8, 32)
	w.bits(0, 48) // the sizes of frames
	w.bits(8000, 20)
	w.bits(int64(channels-1), 3)
	w.bits(int64(depth-1), 5)
	w.bits(8, 36)
	w.data = append(w.data, make([]byte, 16)...) // no digest
	frame := bitWriter{}
	frame.bits(0x7ffc, 15)
	frame.bits(0, 1)
	frame.bits(6, 4) // a size of 8 bits
	frame.bits(0, 4) // the file's rate
	frame.bits(code, 4)
	frame.bits(0, 4) // the file's depth
	frame.bits(0xe18080, 24)
	frame.bits(7, 8)
	frame.bits(checksum(frame.data, 0x07, 8), 8)
	subframes(&frame)
	frame.n = 8 * len(frame.data)
	frame.bits(checksum(frame.data, 0x8005, 16), 16)
	return append(w.data, frame.data...)
}

// TestFLACFrames reads what encoders rarely write: rests that are not coded, differences of 33 bits, bits that are left out of all samples.
func TestFLACFrames(t *testing.T) {
	plain := []int64{3, -4, 0, 1, -1, 2, -3, 1}
	for name, c := range map[string]struct {
		file []byte
		want []float64 // times 2^(depth−1), the channels side by side
		unit float64
	}{
		"rests of 3 bits and of none": {flacFile(1, 16, 0, func(w *bitWriter) {
			w.bits(8<<1, 8) // predicted by 0
			w.bits(1, 2)    // parameters of 5 bits
			w.bits(1, 4)    // two parts
			w.bits(31, 5)
			w.bits(3, 5)
			for _, v := range plain[:4] {
				w.bits(v, 3)
			}
			w.bits(31, 5)
			w.bits(0, 5)
		}), []float64{3, -4, 0, 1, 0, 0, 0, 0}, 1 << 15},
		"a difference of 33 bits": {flacFile(2, 32, 8, func(w *bitWriter) {
			w.bits(0, 8)
			w.bits(-1<<31, 32)
			w.bits(0, 8)
			w.bits(-1<<32+1, 33)
		}), slices.Repeat([]float64{-1 << 31, 1<<31 - 1}, 8), 1 << 31},
		"bits left out": {flacFile(1, 16, 0, func(w *bitWriter) {
			w.bits(1<<1|1, 8)
			w.bits(1, 3) // three
			for _, v := range plain {
				w.bits(v, 13)
			}
		}), []float64{24, -32, 0, 8, -8, 16, -24, 8}, 1 << 15},
	} {
		all, err := DecodeChannels(bytes.NewReader(c.file), Each)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, v := range c.want {
			if got, want := all[i%len(all)].Samples[i/len(all)], float32(v/c.unit); got != want {
				t.Errorf("%s: sample %d is %v, want %v", name, i, got, want)
			}
		}
	}
}

// TestFLACErrors: what is not FLAC's is refused, and says why, though the checksums are right.
func TestFLACErrors(t *testing.T) {
	silence := func(w *bitWriter) { w.bits(0, 8+16) }
	valid := flacFile(1, 16, 0, silence)
	changed := func(at int, to byte) []byte {
		b := bytes.Clone(valid)
		b[at] = to
		return b
	}
	for want, file := range map[string][]byte{
		"the reserved kind 2":                            flacFile(1, 16, 0, func(w *bitWriter) { w.bits(2<<1, 8) }),
		"4 bits, of which 16 are left out":               flacFile(1, 4, 0, func(w *bitWriter) { w.bits(1, 8); w.bits(1, 16); w.bits(0, 40) }),
		"a predictor of 32 samples begins a frame of 8":  flacFile(1, 16, 0, func(w *bitWriter) { w.bits(63<<1, 8) }),
		"8 samples, 4 of them ahead, are in 4 parts":     flacFile(1, 16, 0, func(w *bitWriter) { w.bits(12<<1, 8); w.bits(0, 64); w.bits(2, 6); w.bits(0, 40) }),
		"8 samples, 0 of them ahead, are in 16 parts":    flacFile(1, 16, 0, func(w *bitWriter) { w.bits(8<<1, 8); w.bits(4, 6) }),
		"in 1 parts by the method 2":                     flacFile(1, 16, 0, func(w *bitWriter) { w.bits(8<<1, 8); w.bits(2, 2); w.bits(0, 4) }),
		"coefficients of 16 bits, shifted by 0":          flacFile(1, 16, 0, func(w *bitWriter) { w.bits(32<<1, 8); w.bits(0, 16); w.bits(15, 4); w.bits(0, 40) }),
		"coefficients of 4 bits, shifted by -1":          flacFile(1, 16, 0, func(w *bitWriter) { w.bits(32<<1, 8); w.bits(0, 16); w.bits(3, 4); w.bits(31, 5) }),
		"a rest has more than 32 bits":                   flacFile(1, 16, 0, func(w *bitWriter) { w.bits(8<<1, 8); w.bits(1, 2); w.bits(0, 4); w.bits(30, 5); w.bits(1, 10) }),
		"a frame has 2 channels of 16 bits at 8000":      flacFile(1, 16, 1, silence),
		"a frame does not begin as one":                  flacFile(1, 16, 11, silence),
		"the checksum of a frame's header is":            changed(47, 6),
		"the checksum of a frame is":                     changed(52, 6),
		"its FLAC header has 1 channels of 2 bits at 8":  flacFile(1, 2, 0, silence),
		"of kind 4 and 34 bytes; the first, and no othe": changed(4, 0x84),
		"it ends at byte 12, within the FLAC header":     valid[:12],
		"it ends before its first sample":                valid[:len(valid)-1],
	} {
		_, err := Decode(bytes.NewReader(file))
		if err == nil || !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	broken := errors.New("the disk is broken")
	_, err := Decode(io.MultiReader(bytes.NewReader(valid[:45]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || errors.Is(err, ErrContent) {
		t.Errorf("%v; want the reader's error", err)
	}
}
