package encode

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"
	"sync"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// importedBatch is how many pictures an imported model takes together.
const importedBatch = 16

// An Imported is an encoder that another system trained: an ONNX model from pictures to vectors. Every picture is fitted to the model's
// size (data.Fit). With b the byte of a pixel's channel, the model takes
//
//	(b · scale − mean) / deviation
//
// in float32, with the mean and the deviation of that channel.
type Imported struct {
	model       *onnx.Model
	card        importedCard
	dim         int
	in          int            // the index of the input
	pixels      [][256]float32 // by channel of the model: what it takes for a byte
	fingerprint string         // a hash of the model and the card
	workers     sync.Pool      // of *importing
}

// OpenAny opens an encoder of any form: Histogram where the path is HistogramName, a model of another system where it ends in .onnx or is a folder of Hugging Face
// (OpenImported), or else a run's folder (Open), which may be ./histogram.
func OpenAny(path string) (Encoder, error) {
	if path == HistogramName {
		return Histogram{}, nil
	}
	if filepath.Ext(path) == modelSuffix || huggingface.Is(path) {
		m, err := OpenImported(path)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// OpenImported reads an ONNX model and its card, which stands beside it: net.energo.yaml is the card of net.onnx. It may be missing where the
// model says all that is needed, as those of `energo export` do. The keys are in docs/onnx.md. The model is run once, on one picture.
//
// Errors name the file: a model that cannot be read or run, or does not take pictures; a card with an unknown key or a value that is out of
// range, with its line, or that contradicts the model; values that neither says, by their keys.
func OpenImported(path string) (*Imported, error) {
	f, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	e := &Imported{card: importedCard{Scale: 1.0 / 255}}
	if e.model, err = e.card.open(f, path); err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// prepare sets what follows from the model and the card.
func (e *Imported) prepare() error {
	e.pixels = make([][256]float32, e.card.depth())
	for c := range e.pixels {
		for b := range e.pixels[c] {
			x := float64(float64(b)*e.card.Scale) - ofChannel(e.card.Mean, c)
			e.pixels[c][b] = float32(x / ofChannel(e.card.Deviation, c))
		}
	}
	e.in = slices.IndexFunc(e.model.Inputs, func(p onnx.Port) bool { return p.Name == e.card.Input })
	model, err := e.model.Format.Encode() // with the data that stands in other files
	if err != nil {
		return err
	}
	settings, err := json.Marshal(e.card)
	if err != nil {
		return err
	}
	hash := sha256.New()
	hash.Write(model)
	hash.Write(settings)
	e.fingerprint = fmt.Sprintf("onnx-%x", hash.Sum(nil)[:12])

	w, err := e.worker()
	if err != nil {
		return err
	}
	w.put(0, image.NewGray(image.Rect(0, 0, 1, 1)))
	return w.run(1, func(out *value.Value) error {
		if e.dim = out.Len(); e.dim == 0 {
			return fmt.Errorf("output %q has no elements: it has the shape %v", e.card.Output, out.Shape)
		}
		return nil
	})
}

// Dim implements Encoder.
func (e *Imported) Dim() int { return e.dim }

// Fingerprint implements Encoder: a hash of the model and the settings of the card.
func (e *Imported) Fingerprint() string { return e.fingerprint }

// Metric implements Encoder.
func (e *Imported) Metric() distance.Kind { return e.card.Metric }

// Size implements Encoder.
func (e *Imported) Size() image.Point { return image.Pt(e.card.Size[1], e.card.Size[0]) }

// Channels is that of the pictures that the model takes: 1 is grey, 3 are colours.
func (e *Imported) Channels() int { return e.card.depth() }

// Fit turns a picture into the bytes that the card makes the model's input of, in planes of red, green and blue, or one of grey.
func (e *Imported) Fit(dst []byte, m image.Image) {
	height, width := e.card.Size[0], e.card.Size[1]
	data.Fit(dst, m, e.card.depth(), height, width)
	if e.card.DarkBackground {
		data.Darken(dst, height, width)
	}
}

// Encode implements Encoder. With normalise in the card, vectors are divided by their Euclidean lengths; a vector of zeros stays so.
//
// Errors: dst of another length; a picture without pixels, by its index; what the model says of its inputs; a vector that is not finite.
func (e *Imported) Encode(dst []float32, pictures []image.Image) error {
	if err := checkEncode(dst, pictures, e.dim); err != nil {
		return err
	}
	w, ok := e.workers.Get().(*importing)
	if !ok {
		var err error
		if w, err = e.worker(); err != nil {
			return err
		}
	}
	defer e.workers.Put(w)
	for lo := 0; lo < len(pictures); lo += w.most {
		part := pictures[lo:min(lo+w.most, len(pictures))]
		for i, p := range part {
			w.put(i, p)
		}
		out := dst[lo*e.dim:][:len(part)*e.dim]
		if err := w.vectors(out, len(part)); err != nil {
			return fmt.Errorf("Encode: pictures %d to %d: %w", lo, lo+len(part)-1, err)
		}
	}
	return nil
}

// importing is what one goroutine needs to encode.
type importing struct {
	*Imported
	most   int            // pictures together
	bytes  []byte         // of one picture, in planes
	all    *value.Value   // the input of most pictures
	some   *value.Value   // of those that there are, in the same memory
	shape  []int          // of some
	inputs []*value.Value // of the model
}

func (e *Imported) worker() (*importing, error) {
	h, w, c := e.card.Size[0], e.card.Size[1], e.card.depth()
	o := &importing{Imported: e, most: importedBatch, bytes: make([]byte, c*h*w), shape: []int{0, c, h, w}, some: new(value.Value)}
	if e.card.Layout == nhwc {
		o.shape = []int{0, h, w, c}
	}
	if e.card.single {
		o.most = 1
	}
	var err error
	if o.all, err = value.New(e.model.Inputs[e.in].Kind, o.most, o.shape[1], o.shape[2], o.shape[3]); err != nil {
		return nil, err
	}
	o.inputs = make([]*value.Value, len(e.model.Inputs))
	o.inputs[e.in] = o.some
	return o, nil
}

// put writes picture i of the input.
func (w *importing) put(i int, p image.Image) {
	height, width, channels := w.card.Size[0], w.card.Size[1], w.card.depth()
	w.Fit(w.bytes, p)
	plane := height * width
	x := value.Data[float32](w.all)[i*len(w.bytes):][:len(w.bytes)]
	first, step := plane, 1 // from a channel to the next, from a pixel to the next
	if w.card.Layout == nhwc {
		first, step = 1, channels
	}
	for c := range channels {
		from := c
		if w.card.Channels == bgr {
			from = channels - 1 - c
		}
		for j, b := range w.bytes[from*plane:][:plane] {
			x[c*first+j*step] = w.pixels[c][b]
		}
	}
	if kind := w.all.Kind; value.Narrow(kind) {
		value.Round(kind, x)
	}
}

// run gives the output for the first n pictures that were put.
func (w *importing) run(n int, use func(*value.Value) error) error {
	w.shape[0] = n
	w.some.Place(w.all.Kind, w.all.Pointer(), n*len(w.bytes), w.shape...)
	return w.model.RunFunc(w.inputs, func(outputs []*value.Value) error {
		out := outputs[0]
		if out.Memory() != value.F32 {
			return fmt.Errorf("output %q is %s; vectors must be of floats", w.card.Output, out.Kind)
		}
		if len(out.Shape) < 2 || out.Shape[0] != n {
			return fmt.Errorf("output %q has the shape %v for pictures of shape %v; the first of two dimensions or more must be that of the pictures", w.card.Output, out.Shape, w.shape)
		}
		return use(out)
	})
}

// vectors writes those of the first n pictures that were put.
func (w *importing) vectors(dst []float32, n int) error {
	return w.run(n, func(out *value.Value) error {
		if out.Len() != len(dst) {
			return fmt.Errorf("output %q has the shape %v; it must have %d elements for each picture, as it had for the first", w.card.Output, out.Shape, w.dim)
		}
		copy(dst, value.Data[float32](out))
		if simd.HasNonFinite(dst) {
			return errors.New("a vector is not finite")
		}
		if !w.card.Normalise {
			return nil
		}
		for i := range n {
			row := dst[i*w.dim:][:w.dim]
			if length := math.Sqrt(simd.Dot(row, row)); length > 0 {
				for j, v := range row {
					row[j] = float32(float64(v) / length)
				}
			}
		}
		return nil
	})
}
