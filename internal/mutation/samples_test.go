package mutation

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/train"
)

// write writes a file of a test.
func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// only makes a folder with that file alone.
func only(name string, content []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) { write(t, dir, name, content) }
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

// noise is a picture of smooth colours with some noise.
func noise(w, h int) *image.RGBA {
	rng := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{byte(8 * x), byte(8 * y), byte(rng.IntN(256)), 255})
		}
	}
	return m
}

func pngOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// picture makes a folder with a picture of a format.
func picture(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if written := byPillow[name]; written != "" {
			write(t, dir, name, pillowPicture(t, written))
			return
		}
		var b bytes.Buffer
		var err error
		packed := map[string]string{"lossy.webp": lossyWebP, "lossless.webp": losslessWebP}
		switch m := noise(24, 20); filepath.Ext(name) {
		case ".png":
			err = png.Encode(&b, m)
		case ".jpg":
			err = jpeg.Encode(&b, m, nil)
		case ".gif":
			err = gif.Encode(&b, m, nil)
		case ".webp":
			var text []byte
			text, err = base64.StdEncoding.DecodeString(packed[name])
			b.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, b.Bytes())
	}
}

// byPillow is pictures that oracle/pictures.py wrote, by the names that they get here.
var byPillow = map[string]string{
	"a.bmp":           "BMP 33x21 RGB",
	"runs.bmp":        "BMP runs of 8 bits",
	"masks.bmp":       "BMP 32 bits with masks",
	"a.tif":           "TIFF 16x16 RGB tiff_lzw",
	"packed.tif":      "TIFF 16x16 CMYK packbits",
	"fax.tif":         "TIFF 33x21 group4",
	"jpeg.tif":        "TIFF JPEG YCbCr",
	"progressive.jpg": "JPEG 33x21 subsampling 2 progressive True",
	"restart.jpg":     "JPEG restart",
	"several.jpg":     "JPEG 7x3 factors (2, 2, 1, 1, 1, 2) scans 3",
	"cmyk.jpg":        "JPEG CMYK",
	"turned.webp":     "WebP orientation 6",
	"alpha.webp":      "WebP 33x21 lossy alpha",
	"animated.webp":   "WebP animated lossless False",
	"transparent.gif": "GIF transparent",
	"interlaced.png":  "PNG kind 6 depth 16 interlaced True",
}

// pillowPicture is the file of a case.
func pillowPicture(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open("../picture/testdata/pictures.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(z); d.More(); {
		var c struct {
			Name string
			File []byte
		}
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		if c.Name == name {
			return c.File
		}
	}
	t.Fatalf("there is no picture %q", name)
	return nil
}

// WebP is not written here: a lossy picture, red, and a lossless one of a pixel.
const (
	lossyWebP    = "UklGRlYAAABXRUJQVlA4IEoAAAAwBACdASpAAEAAPjEYi0QiIaERBAAgAwS0gDsAfgB+AAAT43IttM7qaKAA/veil//9jMftGf5JX//8GY/gzH8GY/+E9VYipgAAAA=="
	losslessWebP = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
)

// idx is a file of bytes of these dimensions.
func idx(dims ...int) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	n := 1
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
		n *= d
	}
	for i := range n {
		b = append(b, byte(i*7)%10)
	}
	return b
}

// npy is a file of float32 numbers.
func npy(rows, columns int) []byte {
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns)
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8))
	b = append(b, head...)
	for i := range rows * columns {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(-float32(i)/8))
	}
	return b
}

const arpa = `\data\
ngram 1=5
ngram 2=4

\1-grams:
-99	<s>	-0.3
-1.2	</s>
-0.9	<unk>
-0.7	the	-0.25
-0.8	cat	-0.5

\2-grams:
-0.2	<s> the
-0.3	the cat
-0.4	cat </s>
-0.6	cat the

\end\
`

// events is the log of a short run.
func events(t *testing.T, dir string) {
	t.Helper()
	var log bytes.Buffer
	for i, e := range []train.Event{
		train.Start{Run: "run", Recipe: "digits", Params: 9, Samples: 8, Epochs: 2, Steps: 4},
		train.Step{Epoch: 1, Step: 1, Loss: 2.5, LR: 0.01, GradNorm: 1},
		train.Step{Epoch: 1, Step: 2, Loss: 1.5, LR: 0.01, GradNorm: 0.5},
		train.Epoch{Epoch: 1, Step: 2, Loss: 2, LR: 0.01, Seconds: 3},
		train.Diverged{Step: 3, Reason: "the loss is NaN", LR: 0.005, Left: 2},
		train.Saved{Path: "run/checkpoint.safetensors", Step: 2},
		train.Done{Reason: "finished", Epochs: 1, Steps: 2},
	} {
		fmt.Fprintf(&log, "{\"type\":%q,\"time\":\"2026-01-02T03:04:%02dZ\",%s\n", train.TypeOf(e), i, asJSON(e)[1:])
	}
	write(t, dir, train.LogFile, log.Bytes())
}

// tensors is a small file of ours.
func tensors(t *testing.T) *tensor.File {
	t.Helper()
	x, err := tensor.FromFloat32([]float32{1, -2.5, 3, 0, 7, 1e-30}, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	y, err := tensor.FromFloat64([]float64{1.0 / 3, -7}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return &tensor.File{Tensors: []tensor.Named{{Name: "logits", Tensor: x}, {Name: "layer.bias", Tensor: y}}, Metadata: map[string]string{"format": "pt"}}
}

// contents lists tensors with all of their elements.
func contents(all []tensor.Named) string {
	var b strings.Builder
	for _, n := range all {
		fmt.Fprintf(&b, "%q %v %v %v %v\n", n.Name, n.Tensor.DType(), n.Tensor.Shape(), n.Tensor.Float32s(), n.Tensor.Float64s())
	}
	return b.String()
}

// foreign is a file as other programs write it, without a digest.
func foreign() []byte {
	const head = `{"__metadata__":{"format":"pt"},"logits":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"n":{"dtype":"I64","shape":[2],"data_offsets":[24,40]}}`
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	b = append(b, head...)
	for i := range 10 {
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
	}
	return b
}

// bars are pictures of five classes.
func bars(n int) *data.Images {
	rng := rand.New(rand.NewPCG(1, 2))
	m := &data.Images{Pixels: make([]byte, n*80), Labels: make([]byte, n), N: n, H: 10, W: 8}
	for i := range n {
		m.Labels[i] = byte(i % 5)
		for p := range 80 {
			m.Image(i)[p] = byte(rng.IntN(100))
			if p/8 == 2*(i%5) {
				m.Image(i)[p] += 80
			}
		}
	}
	return m
}

// tone is a recording.
func tone() audio.Clip {
	c := audio.Clip{Rate: 8000, Samples: make([]float32, 3000)}
	for i := range c.Samples {
		c.Samples[i] = float32(0.4 * math.Sin(float64(i)/3))
	}
	return c
}

// trained are folders of runs, each made once, in home.
var (
	home    string
	trained = map[string]func() error{
		"digits": sync.OnceValue(func() error {
			j, c := atDefaults[*jobs.Digits]("digits")
			c.Model, c.Epochs, c.Batch, c.LR, c.Validation = "linear", 1, 16, 0.001, 20
			c.Sets = func(context.Context, string, data.Progress) (*data.Images, *data.Images, error) {
				return bars(60), bars(20), nil
			}
			_, err := job.Train(context.Background(), j, c, job.Options{Dir: filepath.Join(home, "digits")})
			return err
		}),
		"search": sync.OnceValue(func() error {
			j, c := atDefaults[*jobs.Search]("search")
			c.Epochs, c.Batch, c.Dim, c.LR, c.Validation = 1, 20, 4, 0.005, 20
			c.Sets = func(context.Context, string, string, data.PictureOptions, data.Progress) (trainSet, testSet *data.Pictures, skipped []error, err error) {
				return data.PicturesOf(bars(80), "train"), data.PicturesOf(bars(40), "test"), nil, nil
			}
			_, err := job.Train(context.Background(), j, c, job.Options{Dir: filepath.Join(home, "search")})
			return err
		}),
		"tagger": sync.OnceValue(func() error {
			j, c := atDefaults[*jobs.Tagger]("tagger")
			c.Data, c.Epochs, c.Batch, c.Test, c.Validation, c.Bits = filepath.Join(home, "tagged"), 1, 4, 0.25, 5, 6
			_, err := job.Train(context.Background(), j, c, job.Options{Dir: filepath.Join(home, "tagger")})
			return err
		}),
		"attributes": sync.OnceValue(func() error {
			j, c := atDefaults[*jobs.Tagger]("tagger")
			c.Model, c.Epochs, c.Test = "attributes", 3, 0.25
			c.Files = func(string) ([]data.TaggedFile, error) { return data.LoadTagged(filepath.Join(home, "tagged")) }
			_, err := job.Train(context.Background(), j, c, job.Options{Dir: filepath.Join(home, "attributes")})
			return err
		}),
		"speech": sync.OnceValue(func() error {
			j, c := atDefaults[*jobs.Speech]("speech")
			c.Data, c.Rate, c.Mels, c.Channels, c.Epochs, c.Batch, c.Validation, c.EMA = filepath.Join(home, "speech.csv"), 8000, 8, 4, 1, 8, 2, 0
			_, err := job.Train(context.Background(), j, c, job.Options{Dir: filepath.Join(home, "speech")})
			return err
		}),
	}
)

// atDefaults returns a job and its settings at their defaults.
func atDefaults[S job.Spec](name string) (job.Job, S) {
	j, _ := job.Named(jobs.All(), name)
	return j, j.New().(S)
}

// sources writes what the runs are trained on.
func sources() error {
	rows := "path,text\n"
	for i := range 12 {
		name := fmt.Sprintf("%d.wav", i)
		if err := audio.Write(filepath.Join(home, name), tone()); err != nil {
			return err
		}
		rows += name + ",lo hi\n"
	}
	if err := os.WriteFile(filepath.Join(home, "speech.csv"), []byte(rows), 0o666); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(home, "tagged"), 0o777); err != nil {
		return err
	}
	for i := range 4 {
		if err := os.WriteFile(filepath.Join(home, "tagged", fmt.Sprint("f", i)), []byte(strings.Repeat(tagged, 4)), 0o666); err != nil {
			return err
		}
	}
	return nil
}

const tagged = "the/at dog/nn ran/vb ./.\na/at cat/nn sat/vb quickly/rb ./.\n"

// run makes a copy of a run's folder.
func run(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := trained[name](); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(home, name))); err != nil {
			t.Fatal(err)
		}
	}
}

// asJSON is a text of what has pointers.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestMain(m *testing.M) {
	var err error
	if home, err = os.MkdirTemp("", "mutation"); err == nil {
		err = sources()
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}
