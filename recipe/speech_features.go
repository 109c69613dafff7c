package recipe

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/audio"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
)

// FeaturesFile says how a speech run's recordings become lines.
const FeaturesFile = "features.json"

// speechFeatures turns recordings into lines: log-mel features, mel by mel with mean 0 and
// variance 1 over the training set.
type speechFeatures struct {
	Options audio.LogMel `json:"options"`
	Mean    []float64    `json:"mean"` // of each mel
	Scale   []float64    `json:"scale"`

	extract *audio.Extractor
}

func newSpeechFeatures(o audio.LogMel) (*speechFeatures, error) {
	x, err := o.Extractor()
	if err != nil {
		return nil, err
	}
	f := &speechFeatures{Options: x.Options(), extract: x}
	f.Mean, f.Scale = make([]float64, f.Options.Mels), make([]float64, f.Options.Mels)
	return f, nil
}

// readSpeechFeatures reads those of a finished run.
func readSpeechFeatures(dir string) (*speechFeatures, error) {
	path := filepath.Join(dir, FeaturesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f speechFeatures
	if err := card.Decode(text, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.extract, err = f.Options.Extractor(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(f.Mean) != f.Options.Mels || len(f.Scale) != f.Options.Mels {
		return nil, fmt.Errorf("%s: mean and scale have %d and %d numbers; there are %d mels", path, len(f.Mean), len(f.Scale), f.Options.Mels)
	}
	return &f, nil
}

// raw returns the features of a recording, [frames][mels], not yet normalised.
func (f *speechFeatures) raw(c audio.Clip) ([]float32, error) {
	c, err := c.Resample(f.Options.Rate)
	if err != nil {
		return nil, err
	}
	return f.extract.Features(c)
}

// spacing is the seconds from a frame of emissions to the next, and to the middle of the first.
func (f *speechFeatures) spacing() (frame, middle float64) {
	o := f.Options
	return recogniserStride * float64(o.Hop) / float64(o.Rate), float64(o.Window) / float64(o.Rate) / 2
}

// fit takes mean and variance from features.
func (f *speechFeatures) fit(all [][]float32) {
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

// normalise brings features to mean 0 and variance 1.
func (f *speechFeatures) normalise(x []float32) {
	for i, v := range x {
		m := i % len(f.Mean)
		x[i] = float32((float64(v) - f.Mean[m]) * f.Scale[m])
	}
}

// line makes normalised features [frames][mels] a line with time along the columns.
func (f *speechFeatures) line(x []float32, target []int) data.Line {
	mels := f.Options.Mels
	l := data.Line{H: mels, W: len(x) / mels, Pixels: make([]float32, len(x)), Target: target}
	turn(l.Pixels, x, l.W, mels)
	return l
}

// speechSpeeds are what training recordings are played at with augmentation.
var speechSpeeds = []float64{1, 0.9, 1.1}

// spoken is a set of recordings: normalised features at each speed, and what is said.
type spoken struct {
	features [][][]float32 // [speed][recording]
	targets  [][]int
	texts    []string
	paths    []string
}

// loadSpeech reads the recordings of a manifest. Texts are read as normalised: see
// speechText.
func loadSpeech(f *speechFeatures, manifest string, speeds []float64) (*spoken, error) {
	all, err := audio.Manifest(manifest)
	if err != nil {
		return nil, err
	}
	s := &spoken{features: make([][][]float32, len(speeds))}
	for _, u := range all {
		clip, err := audio.Read(u.Path)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", manifest, u.Line, err)
		}
		for k, speed := range speeds {
			played := clip
			if speed != 1 {
				if played, err = clip.Speed(speed); err != nil {
					return nil, err
				}
			}
			x, err := f.raw(played)
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", manifest, u.Line, err)
			}
			s.features[k] = append(s.features[k], x)
		}
		s.texts, s.paths = append(s.texts, speechText(u.Text)), append(s.paths, u.Path)
	}
	return s, nil
}

// speechText is a text in lower case, its words one space apart.
func speechText(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }

// characters returns the characters of texts in order.
func characters(texts []string) (tokens []string) {
	for _, t := range texts {
		for _, c := range t {
			if s := string(c); !slices.Contains(tokens, s) {
				tokens = append(tokens, s)
			}
		}
	}
	slices.Sort(tokens)
	return tokens
}

// spell returns a text as tokens.
func spell(tokens []string, text string) ([]int, error) {
	var out []int
	for _, c := range text {
		i := slices.Index(tokens, string(c))
		if i < 0 {
			return nil, fmt.Errorf("the text %q has the character %q; the model knows %q", excerpt.Of(text), c, strings.Join(tokens, ""))
		}
		out = append(out, i)
	}
	return out, nil
}

// spellAll turns the texts into tokens.
func (s *spoken) spellAll(tokens []string) error {
	s.targets = nil
	for i, t := range s.texts {
		y, err := spell(tokens, t)
		if err != nil {
			return fmt.Errorf("%s: %w", s.paths[i], err)
		}
		s.targets = append(s.targets, y)
	}
	return nil
}

// lines returns the recordings lo to hi-1 at their own speed.
func (s *spoken) lines(f *speechFeatures, lo, hi int) (all []data.Line) {
	for i := lo; i < hi; i++ {
		all = append(all, f.line(s.features[0][i], s.targets[i]))
	}
	return all
}

// speechMasks is the augmentation of features.
var speechMasks = audio.SpecAugment{TimeMasks: 2, TimeWidth: 12, FreqMasks: 2, FreqWidth: 8, TimePart: 0.1}

// draw returns a training line: with augment, at one of the speeds, a little louder or
// softer, and with parts of it hidden.
func (s *spoken) draw(f *speechFeatures, i int, augment bool, rng *rand.Rand) data.Line {
	if !augment {
		return f.line(s.features[0][i], s.targets[i])
	}
	x := slices.Clone(s.features[rng.IntN(len(s.features))][i])
	shift := rng.NormFloat64() // of the log energies: 4 decibels
	for k := range x {
		x[k] += float32(shift * f.Scale[k%len(f.Scale)])
	}
	if err := speechMasks.Apply(rng, x, f.Options.Mels); err != nil {
		panic(err) // the masks are constants
	}
	return f.line(x, s.targets[i])
}

// sum is a checksum of what is trained on.
func (s *spoken) sum() string {
	sum := uint32(0)
	var word [4]byte
	for i, x := range s.features[0] {
		for _, v := range x {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			sum = crc32.Update(sum, crc32.IEEETable, word[:])
		}
		sum = crc32.Update(sum, crc32.IEEETable, []byte(s.texts[i]))
	}
	return fmt.Sprintf("%d recordings with checksum %08x", len(s.texts), sum)
}
