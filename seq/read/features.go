package read

import (
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/audio"
)

// Features turns recordings into lines: log-mel features, mel by mel with mean 0 and
// variance 1 over the training set.
//
// With Front they are what a model of another system takes instead, and are normalised as it says: Options, Mean and Scale are empty.
type Features struct {
	Options audio.LogMel    `json:"options"`
	Mean    []float64       `json:"mean"` // of each mel
	Scale   []float64       `json:"scale"`
	Front   *audio.FrontEnd `json:"front"`

	extract *audio.Extractor
	whole   *audio.WholeExtractor // of Front
}

// rows is how many numbers a frame has.
func (f *Features) rows() int {
	if f.Front != nil {
		return f.Front.Width()
	}
	return f.Options.Mels
}

// rate is the samples a second.
func (f *Features) rate() int {
	if f.Front != nil {
		return f.Front.Rate
	}
	return f.Options.Rate
}

// columns is the seconds from a frame of the features to the next, and to the middle of the first.
func (f *Features) columns() (apart, middle float64) {
	if f.Front != nil {
		return f.whole.Spacing()
	}
	o := f.Options
	return float64(o.Hop) / float64(o.Rate), float64(o.Window) / float64(o.Rate) / 2
}

// NewFeatures returns features that are not normalised yet: see Fit.
func NewFeatures(o audio.LogMel) (*Features, error) {
	x, err := o.Extractor()
	if err != nil {
		return nil, err
	}
	f := &Features{Options: x.Options(), extract: x}
	f.Mean, f.Scale = make([]float64, f.Options.Mels), make([]float64, f.Options.Mels)
	return f, nil
}

// prepare readies features that were read, for lines of that many rows.
func (f *Features) prepare(rows int) (err error) {
	if f.Front != nil {
		if f.whole, err = f.Front.Extractor(); err == nil && rows != f.rows() {
			err = fmt.Errorf("lines have %d rows; there are %d features of a frame", rows, f.rows())
		}
		return err
	}
	if f.extract, err = f.Options.Extractor(); err != nil {
		return err
	}
	if len(f.Mean) != f.Options.Mels || len(f.Scale) != f.Options.Mels || rows != f.Options.Mels {
		return fmt.Errorf("mean and scale have %d and %d numbers, and lines %d rows; there are %d mels", len(f.Mean), len(f.Scale), rows, f.Options.Mels)
	}
	return nil
}

// Of returns the features of a recording, [frames][mels], not yet normalised.
func (f *Features) Of(c audio.Clip) ([]float32, error) {
	if f.Front != nil {
		return f.whole.Features(c)
	}
	if c.Rate != f.Options.Rate {
		var err error
		if c, err = c.Resample(f.Options.Rate); err != nil {
			return nil, err
		}
	}
	return f.extract.Features(c)
}

// Spacing is the seconds from a frame of a network's emissions to the next, and to the middle of the first.
func (f *Features) Spacing(n *Network) (frame, middle float64) {
	step := stride
	if n.Imported != nil {
		step = n.Imported.Step
	}
	apart, middle := f.columns()
	return float64(step) * apart, middle
}

// Fit takes mean and variance from features.
func (f *Features) Fit(all [][]float32) {
	if f.Front != nil {
		return
	}
	mels := f.Options.Mels
	squares, n := make([]float64, mels), 0
	for _, x := range all {
		for i, v := range x {
			f.Mean[i%mels] += float64(v)
			squares[i%mels] += float64(v) * float64(v)
		}
		n += len(x) / mels
	}
	for m := range mels {
		f.Mean[m] /= float64(max(n, 1))
		variance := squares[m]/float64(max(n, 1)) - float64(f.Mean[m]*f.Mean[m])
		f.Scale[m] = 1 / math.Sqrt(max(variance, 1e-4))
	}
}

// Normalise brings features to mean 0 and variance 1.
func (f *Features) Normalise(x []float32) {
	if f.Front != nil {
		return
	}
	for i, v := range x {
		m := i % len(f.Mean)
		x[i] = float32((float64(v) - f.Mean[m]) * f.Scale[m])
	}
}

// Line makes normalised features [frames][mels] a line with time along the columns.
func (f *Features) Line(x []float32, target []int) data.Line {
	mels := f.rows()
	l := data.Line{H: mels, W: len(x) / mels, Pixels: make([]float32, len(x)), Target: target}
	turn(l.Pixels, x, l.W, mels)
	return l
}

// NormalSpeech is a text in lower case, its words one space apart.
func NormalSpeech(text string) string {
	return strings.Join(strings.Fields(strings.ToLower(text)), " ")
}
