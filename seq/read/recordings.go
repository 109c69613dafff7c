package read

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/audio"
)

// Recordings are the features of a manifest's recordings, and what is said in them: the lines that a network of speech is
// trained and measured on.
type Recordings struct {
	Paths   []string
	Texts   []string // as NormalSpeech has them
	Targets [][]int  // the tokens of the texts; nil before Spell

	of       *Features
	features [][][]float32 // [speed][recording], the first at their own speed
}

// LoadRecordings reads the recordings of a manifest. Their features are not normalised yet: see Fit and Normalise. speeds are those at
// which Draw plays recordings besides their own.
//
// Errors: those of audio.Manifest; with the manifest and the line, those of audio.Read and of Features.Of; those of audio.Clip.Speed.
func LoadRecordings(manifest string, f *Features, speeds ...float64) (*Recordings, error) {
	all, err := audio.Manifest(manifest)
	if err != nil {
		return nil, err
	}
	r := &Recordings{of: f, features: make([][][]float32, 1+len(speeds))}
	for _, u := range all {
		clip, err := audio.Read(u.Path)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", manifest, u.Line, err)
		}
		for k := range r.features {
			played := clip
			if k > 0 {
				if played, err = clip.Speed(speeds[k-1]); err != nil {
					return nil, err
				}
			}
			x, err := f.Of(played)
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", manifest, u.Line, err)
			}
			r.features[k] = append(r.features[k], x)
		}
		r.Texts, r.Paths = append(r.Texts, NormalSpeech(u.Text)), append(r.Paths, u.Path)
	}
	return r, nil
}

// Fit takes the features' mean and variance from the recordings at their own speed, and normalises all.
func (r *Recordings) Fit() {
	r.of.Fit(r.features[0])
	r.Normalise()
}

// Normalise brings the recordings to the features' mean and variance.
func (r *Recordings) Normalise() {
	for _, at := range r.features {
		for _, x := range at {
			r.of.Normalise(x)
		}
	}
}

// Characters returns the characters of the texts in order: the tokens of a network that writes them.
func (r *Recordings) Characters() (tokens []string) {
	for _, t := range r.Texts {
		for _, c := range t {
			if s := string(c); !slices.Contains(tokens, s) {
				tokens = append(tokens, s)
			}
		}
	}
	slices.Sort(tokens)
	return tokens
}

// Spell turns the texts into tokens. Errors, with the recording: those of Spec.Spell.
func (r *Recordings) Spell(spec Spec) error {
	r.Targets = nil
	for i, t := range r.Texts {
		y, err := spec.Spell(t)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Paths[i], err)
		}
		r.Targets = append(r.Targets, y)
	}
	return nil
}

// Line returns recording i at its own speed. The texts must have been spelled.
func (r *Recordings) Line(i int) data.Line { return r.of.Line(r.features[0][i], r.Targets[i]) }

// Lines returns the recordings lo to hi−1.
func (r *Recordings) Lines(lo, hi int) (all []data.Line) {
	for i := lo; i < hi; i++ {
		all = append(all, r.Line(i))
	}
	return all
}

// Draw returns recording i augmented: at one of the speeds, a little louder or softer, and with parts of it hidden by masks; features of another system keep their loudness, and samples have nothing hidden. Its
// features must have been normalised. Errors: those of audio.SpecAugment.Apply.
func (r *Recordings) Draw(i int, masks audio.SpecAugment, rng *rand.Rand) (data.Line, error) {
	x := slices.Clone(r.features[rng.IntN(len(r.features))][i])
	shift := rng.NormFloat64() // of the log energies: 4 decibels
	for k := range r.of.Scale {
		for i := k; i < len(x); i += len(r.of.Scale) {
			x[i] += float32(shift * r.of.Scale[k])
		}
	}
	err := r.hide(x, masks, rng)
	return r.of.Line(x, r.Targets[i]), err
}

// hide hides parts of features behind their means, which are 0 for features that Fit has normalised; samples have nothing hidden.
func (r *Recordings) hide(x []float32, masks audio.SpecAugment, rng *rand.Rand) error {
	if r.of.Front == nil {
		return masks.Apply(rng, x, r.of.Options.Mels)
	}
	rows := r.of.rows()
	if rows == 1 {
		return nil
	}
	means := make([]float64, rows)
	for i, v := range x {
		means[i%rows] += float64(v) / float64(len(x)/rows)
	}
	for i := range x {
		x[i] -= float32(means[i%rows])
	}
	err := masks.Apply(rng, x, rows)
	for i := range x {
		x[i] += float32(means[i%rows])
	}
	return err
}

// Utterances are the first n recordings at their own speed, as LearnTimes takes them.
func (r *Recordings) Utterances(n int) []Utterance {
	all := make([]Utterance, n)
	for i := range all {
		all[i] = Utterance{Path: r.Paths[i], Features: r.features[0][i], Tokens: r.Targets[i]}
	}
	return all
}

// Checksum is that of the features at their own speed and of the texts, by CRC-32.
func (r *Recordings) Checksum() uint32 {
	sum := uint32(0)
	var word [4]byte
	for i, x := range r.features[0] {
		for _, v := range x {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			sum = crc32.Update(sum, crc32.IEEETable, word[:])
		}
		sum = crc32.Update(sum, crc32.IEEETable, []byte(r.Texts[i]))
	}
	return sum
}
