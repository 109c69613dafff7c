package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestDecodeGolden(t *testing.T) {
	type cases struct {
		Name string
		Rate int
		File []byte
		Y    []float64
	}
	golden(t, "wav", func(c cases) {
		for _, r := range []io.Reader{bytes.NewReader(c.File), iotest.OneByteReader(bytes.NewReader(c.File))} {
			got, err := Decode(r)
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			if got.Rate != c.Rate {
				t.Errorf("%s: rate %d, want %d", c.Name, got.Rate, c.Rate)
			}
			near(t, c.Name, got.Samples, c.Y, 1e-7)
		}
		for n := range len(c.File) - 1 { // no sample may go missing without a word; the last byte may be a pad
			if got, err := Decode(bytes.NewReader(c.File[:n])); !errors.Is(err, ErrContent) && got.Warning == "" {
				t.Fatalf("%s: the first %d bytes give %v without a warning", c.Name, n, err)
			}
		}
	})
}

// chunk returns a chunk that says it is so long, with what is in it and no pad byte.
func chunk(id string, size uint32, body ...byte) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte(id), size), body...)
}

func format(tag, channels, rate, align, bits int, more ...byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*align))
	b = le.AppendUint16(b, uint16(align))
	b = append(le.AppendUint16(b, uint16(bits)), more...)
	return chunk("fmt ", uint32(len(b)), b...)
}

func file(size uint32, chunks ...[]byte) []byte {
	return slices.Concat(append([][]byte{chunk("RIFF", size, []byte("WAVE")...)}, chunks...)...)
}

var (
	mono8  = format(tagPCM, 1, 8000, 1, 8)
	mono16 = format(tagPCM, 1, 8000, 2, 16)
)

func TestDecodeLayouts(t *testing.T) {
	subFormat := func(tag byte, bits byte) []byte {
		return append([]byte{22, 0, bits, 0, 4, 0, 0, 0, tag, 0}, subFormatTail...)
	}
	ds64 := chunk("ds64", 28, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	list := chunk("LIST", 4, 1, 2, 3, 4)
	rf64 := file(math.MaxUint32, ds64, mono8, chunk("data", math.MaxUint32, 0, 255), list)
	copy(rf64, "RF64")
	for name, c := range map[string]struct {
		file []byte
		want []float32
	}{
		"odd chunk and its pad byte": {file(0, chunk("note", 3, 9, 9, 9, 0), mono8, chunk("data", 2, 0, 192)), []float32{-1, 0.5}},
		"odd fmt chunk":              {file(0, format(tagPCM, 1, 8000, 1, 8, 7), []byte{0}, chunk("data", 1, 64)), []float32{-0.5}},
		"long fmt chunk":             {file(0, format(tagPCM, 1, 8000, 1, 8, make([]byte, 51)...), []byte{0}, chunk("data", 1, 64)), []float32{-0.5}},
		"chunks behind the samples":  {file(50, mono8, chunk("data", 2, 0, 192), list), []float32{-1, 0.5}},
		"no samples":                 {file(36, mono8, chunk("data", 0)), nil},
		"no samples, chunk behind":   {file(48, mono8, chunk("data", 0), list), nil},
		"streamed, zero":             {file(0, mono8, chunk("data", 0, 0, 192, 64)), []float32{-1, 0.5, -0.5}},
		"streamed, zero but header":  {file(36, mono8, chunk("data", 0, 0, 192, 64))[:46], []float32{-1, 0.5}},
		"streamed, all ones":         {file(math.MaxUint32, mono8, chunk("data", math.MaxUint32, 0, 192, 64)), []float32{-1, 0.5, -0.5}},
		"streamed, espeak-ng":        {file(0x7ffff024, mono16, chunk("data", 0x7ffff000, 0, 64, 0)), []float32{0.5}},
		"part of a frame":            {file(0, mono16, chunk("data", 3, 0, 64, 9)), []float32{0.5}},
		"16 bits in both signs":      {file(0, mono16, chunk("data", 6, 0, 128, 255, 127, 255, 255)), []float32{-1, 32767. / 32768, -1. / 32768}},
		"24 bits":                    {file(0, format(tagPCM, 1, 1, 3, 24), chunk("data", 6, 0, 0, 128, 0, 0, 64)), []float32{-1, 0.5}},
		"mean of channels":           {file(0, format(tagPCM, 3, 1, 3, 8), chunk("data", 6, 128, 128, 224, 0, 128, 128)), []float32{0.25, -1. / 3}},
		"extensible":                 {file(0, format(tagExtensible, 1, 1, 2, 16, subFormat(1, 16)...), chunk("data", 2, 0, 64)), []float32{0.5}},
		"extensible float":           {file(0, format(tagExtensible, 1, 1, 4, 32, subFormat(3, 32)...), chunk("data", 4, 0, 0, 0, 64)), []float32{2}},
		"20 bits in three bytes":     {file(0, format(tagPCM, 1, 1, 3, 20), chunk("data", 3, 0, 0, 64)), []float32{0.5}},
		"float of 16 bits":           {file(0, format(tagFloat, 1, 1, 2, 16), chunk("data", 8, 0, 0x3c, 0, 0xb8, 1, 0, 0, 0x80)), []float32{1, -0.5, 1. / (1 << 24), 0}},
		"12 of 16 bits":              {file(0, format(tagExtensible, 1, 1, 2, 16, subFormat(1, 12)...), chunk("data", 2, 0, 64)), []float32{0.5}},
		"zeros behind the samples":   {file(48, mono8, chunk("data", 2, 0, 192), make([]byte, 10)), []float32{-1, 0.5}},
		"odd, no pad byte, a chunk":  {file(49, mono8, chunk("data", 1, 64), list), []float32{-0.5}},
		"cut behind the samples":     {file(50, mono8, chunk("data", 2, 0, 192), list[:10]), []float32{-1, 0.5}},
		"text behind the RIFF chunk": {file(38, mono8, chunk("data", 2, 0, 192), []byte("TAGsomething")), []float32{-1, 0.5}},
		"RF64":                       {rf64, []float32{-1, 127. / 128}},
	} {
		got, err := Decode(bytes.NewReader(c.file))
		if err != nil || !slices.Equal(got.Samples, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got.Samples, err, c.want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	nan := binary.LittleEndian.AppendUint32(make([]byte, 8), math.Float32bits(float32(math.NaN())))
	huge := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":        {nil, "it begins with \"\""},
		"FORM":           {[]byte("FORM1234WAVE"), "FORM"},
		"big endian":     {[]byte("RIFX1234WAVE"), "big-endian WAV"},
		"AVI":            {[]byte("RIFF1234AVI "), "AVI"},
		"no data":        {file(0, mono8), "no data chunk"},
		"no fmt":         {file(0, chunk("data", 2, 0, 0)), "before any fmt"},
		"cut fmt":        {file(0, mono8[:12]), "byte 24"},
		"short fmt":      {file(0, chunk("fmt ", 14, make([]byte, 14)...)), "14 bytes"},
		"cut header":     {file(0, mono8, []byte("dat")), "header"},
		"cut chunk":      {file(0, chunk("LIST", 1<<30, 1, 2)), "LIST"},
		"short ds64":     {file(0, chunk("ds64", 24, make([]byte, 24)...)), "ds64"},
		"GSM":            {file(0, format(0x31, 1, 8000, 65, 0)), "GSM 6.10 (format 49)"},
		"12-bit µ-law":   {file(0, format(tagMuLaw, 1, 8000, 2, 12)), "format 7 with 12 bits"},
		"40 bits":        {file(0, format(tagPCM, 1, 8000, 5, 40)), "40 bits"},
		"24-bit float":   {file(0, format(tagFloat, 1, 8000, 3, 24)), "24 bits"},
		"3-bit ADPCM":    {file(0, format(tagIMA, 1, 8000, 256, 3)), "3 bits a sample"},
		"no ADPCM":       {file(0, format(tagIMA, 2, 8000, 8, 4)), "more than 8"},
		"predictors":     {file(0, format(tagMS, 1, 8000, 256, 4, 32, 0, 244, 1, 7, 0, 0, 1)), "7 predictors"},
		"big blocks":     {file(0, format(tagIMA, 1, 8000, 256, 4, 2, 0, 250, 1)), "have 506 samples by its fmt chunk; they have room for 505"},
		"nothing of 5":   {file(0, mono8, chunk("data", 5)), "before its first sample"},
		"no channels":    {file(0, format(tagPCM, 0, 8000, 0, 8)), "0 channels"},
		"frame size":     {file(0, format(tagPCM, 2, 8000, 2, 16)), "must have 4"},
		"rate 0":         {file(0, format(tagPCM, 1, 0, 1, 8)), "rate is 0"},
		"rate too high":  {file(0, format(tagPCM, 1, 1<<24+1, 1, 8)), "16777217"},
		"no sub-format":  {file(0, format(tagExtensible, 1, 8000, 1, 8, 0, 0)), "40 or more"},
		"sub-format":     {file(0, format(tagExtensible, 1, 8000, 1, 8, make([]byte, 24)...)), "sub-format"},
		"fewer samples":  {file(40, mono8, chunk("data", 2, 1, 2, 3, 4)), "2 bytes of samples are declared, and what follows at byte 46"},
		"no samples":     {file(52, mono8, chunk("data", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)), "0 bytes of samples"},
		"other chunk":    {file(48, mono8, chunk("data", 2, 0, 192), chunk("LIST", 3, 1, 2)), "byte 46"},
		"NaN":            {file(0, format(tagFloat, 1, 8000, 4, 32), chunk("data", 12, nan...)), "frame 2 has the sample NaN"},
		"beyond float32": {file(0, format(tagFloat, 1, 8000, 8, 64), chunk("data", 8, huge...)), "frame 0 has the sample +Inf"},
	} {
		if _, err := Decode(bytes.NewReader(c.file)); !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	broken := errors.New("broken")
	for n := range 46 {
		r := io.MultiReader(bytes.NewReader(file(0, mono8, chunk("data", 9, 0, 1))[:n]), iotest.ErrReader(broken))
		if _, err := Decode(r); !errors.Is(err, broken) {
			t.Errorf("a reader that fails after %d bytes: %v", n, err)
		}
	}
}

// TestCutOff cuts files of every format, which are then read as far as they go: that is a beginning of the whole, and a warning says so.
func TestCutOff(t *testing.T) {
	golden(t, "formats", func(c formatCase) {
		whole, err := DecodeChannels(bytes.NewReader(c.File), Each)
		if err != nil {
			t.Fatal(err)
		}
		n, read := len(whole[0].Samples), 0
		for _, share := range []float64{0.5, 0.7, 0.9, 0.97} {
			cut := c.File[:int(share*float64(len(c.File)))]
			all, err := DecodeChannels(bytes.NewReader(cut), Each)
			if errors.Is(err, ErrContent) && !strings.Contains(err.Error(), "damaged") {
				continue // within the header, or before a first block
			}
			if err != nil {
				t.Errorf("%s: %v of the file: %v", c.Name, share, err)
				continue
			}
			got := all[0]
			if len(got.Samples) > n || !slices.Equal(got.Samples, whole[0].Samples[:len(got.Samples)]) {
				t.Errorf("%s: %v of the file has %d samples of %d, which are not the beginning of the whole", c.Name, share, len(got.Samples), n)
			}
			if len(got.Samples) < n && !strings.Contains(got.Warning, fmt.Sprintf("ends after %.2f seconds", float64(len(got.Samples))/float64(c.Rate))) {
				t.Errorf("%s: %v of the file has %d samples of %d, and the warning %q", c.Name, share, len(got.Samples), n, got.Warning)
			}
			read++
		}
		if one := strings.HasPrefix(c.Name, "Vorbis") || strings.HasPrefix(c.Name, "Opus") || strings.HasPrefix(c.Name, "FLAC"); read < 1 && !one { // those may have one page or frame
			t.Errorf("%s: no cut was read", c.Name)
		}
	})
	got, err := Decode(bytes.NewReader(file(0, mono8, chunk("data", 16000, make([]byte, 4000)...))))
	if want := "it is cut off: it ends after 0.50 seconds of the 2.00 that it announces"; err != nil || got.Warning != want {
		t.Errorf("%q, %v; want %q", got.Warning, err, want)
	}
}

// TestForeign names what is not read, and how it becomes what is.
func TestForeign(t *testing.T) {
	for name, begin := range map[string]string{
		"MPEG-4": "\x00\x00\x00\x20ftypM4A ", "AMR": "#!AMR\n", "WebM": "\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42", "SPHERE": "NIST_1A\n   1024\n", "CAF": "caff\x00\x01\x00\x00desc",
		"AAC": "\xff\xf1\x50\x80\x01\x3f\xfc\x21", "layer 2": "\xff\xfd\x50\xc4\x00\x00\x00\x00", "MPEG 2.5": "\xff\xe3\x48\xc4\x00\x00\x00\x00",
		"GSM 6.10": string(file(0, format(0x31, 1, 8000, 65, 0))), "encoding": ".snd\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x1f\x40\x00\x00\x00\x01",
	} {
		path := filepath.Join(t.TempDir(), "a.bin")
		if err := os.WriteFile(path, []byte(begin), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		if hint := "ffmpeg -i " + path + " -f wav - | energo transcribe RUN -"; !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %v; want the name and %q", name, err, hint)
		}
	}
}

// TestDecodeMemory has headers that promise gigabytes.
func TestDecodeMemory(t *testing.T) {
	for _, size := range []uint32{0x7ffffff0, 0xfffffff0, math.MaxUint32, 1 << 30} {
		path := filepath.Join(t.TempDir(), "lie.wav")
		data := file(size, format(tagPCM, 65535, 8000, 65535, 8), chunk("data", size, make([]byte, 70000)...))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Read(path)
		Decode(bytes.NewReader(data))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
			t.Errorf("size %#x: %d bytes were allocated", size, n)
		}
	}
}

func TestWriteRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	for _, n := range []int{0, 1, 2, 70001} {
		c := Clip{noise(source(uint64(n)), n), 22050}
		if err := Write(path, c); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil || got.Rate != c.Rate || len(got.Samples) != n {
			t.Fatalf("%d samples: %d at %d, %v", n, len(got.Samples), got.Rate, err)
		}
		for i, v := range got.Samples {
			if d := math.Abs(float64(v - c.Samples[i])); d > 1./65536 && c.Samples[i] < 32767./32768 {
				t.Fatalf("sample %d is %v, was %v", i, v, c.Samples[i])
			}
		}
		// what has been rounded stays
		if err := Write(path, got.Clip); err != nil {
			t.Fatal(err)
		}
		if again, err := Read(path); err != nil || !slices.Equal(again.Samples, got.Samples) {
			t.Fatalf("written and read again, samples differ; %v", err)
		}
	}
}

func TestWriteExtremes(t *testing.T) {
	inf := float32(math.Inf(1))
	data, err := Encode(Clip{[]float32{-inf, -2, -1, 1, 2, inf, 0.5 / 32768, 1.5 / 32768}, 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(bytes.NewReader(data))
	const top = 32767. / 32768
	if want := []float32{-1, -1, -1, top, top, top, 0, 2. / 32768}; err != nil || !slices.Equal(got.Samples, want) {
		t.Errorf("%v, %v; want %v", got.Samples, err, want)
	}
	for _, c := range []Clip{{nil, 0}, {nil, -1}, {nil, 1<<24 + 1}, {[]float32{float32(math.NaN())}, 1}} {
		path := filepath.Join(t.TempDir(), "no.wav")
		if err := Write(path, c); err == nil {
			t.Errorf("%v: no error", c)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%v: a file was left", c)
		}
	}
	if err := Write(filepath.Join(t.TempDir(), "no", "folder.wav"), Clip{nil, 1}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		n, rate int
		want    time.Duration
	}{{0, 16000, 0}, {8000, 16000, time.Second / 2}, {3, 0, 0}, {44100*3 + 441, 44100, 3010 * time.Millisecond}} {
		if got := (Clip{make([]float32, c.n), c.rate}).Duration(); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
}

// FuzzDecode: no input panics or takes memory that it does not account for; what is
// read is finite and survives writing.
func FuzzDecode(f *testing.F) {
	f.Add(file(0, mono8, chunk("data", 2, 0, 192)))
	f.Add(file(math.MaxUint32, mono16, chunk("LIST", 3, 1, 2, 3, 0), chunk("data", math.MaxUint32, 0, 192)))
	f.Add(file(0, format(tagFloat, 2, 16000, 16, 64), chunk("data", 16, make([]byte, 16)...)))
	f.Add(file(0, format(tagPCM, 65535, 1, 65535, 8), chunk("data", 0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, ErrContent) {
				t.Fatalf("%v is not about the file", err)
			}
			return
		}
		if c.Rate < 1 || len(c.Samples) > len(data) {
			t.Fatalf("%d samples at %d out of %d bytes", len(c.Samples), c.Rate, len(data))
		}
		again, err := Encode(c.Clip)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(bytes.NewReader(again)); err != nil || len(back.Samples) != len(c.Samples) {
			t.Fatalf("written and read again: %d samples, %v", len(back.Samples), err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data, err := Encode(Clip{noise(source(17), 10*16000), 16000})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}
