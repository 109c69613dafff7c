package jobs

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read"
)

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
// read.NormalSpeech.
func loadSpeech(f *read.Features, manifest string, speeds []float64) (*spoken, error) {
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
			x, err := f.Of(played)
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", manifest, u.Line, err)
			}
			s.features[k] = append(s.features[k], x)
		}
		s.texts, s.paths = append(s.texts, read.NormalSpeech(u.Text)), append(s.paths, u.Path)
	}
	return s, nil
}

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

// spellAll turns the texts into tokens.
func (s *spoken) spellAll(spec read.Spec) error {
	s.targets = nil
	for i, t := range s.texts {
		y, err := spec.Spell(t)
		if err != nil {
			return fmt.Errorf("%s: %w", s.paths[i], err)
		}
		s.targets = append(s.targets, y)
	}
	return nil
}

// lines returns the recordings lo to hi-1 at their own speed.
func (s *spoken) lines(f *read.Features, lo, hi int) (all []data.Line) {
	for i := lo; i < hi; i++ {
		all = append(all, f.Line(s.features[0][i], s.targets[i]))
	}
	return all
}

// speechMasks is the augmentation of features.
var speechMasks = audio.SpecAugment{TimeMasks: 2, TimeWidth: 12, FreqMasks: 2, FreqWidth: 8, TimePart: 0.1}

// draw returns a training line: with augment, at one of the speeds, a little louder or
// softer, and with parts of it hidden.
func (s *spoken) draw(f *read.Features, i int, augment bool, rng *rand.Rand) data.Line {
	if !augment {
		return f.Line(s.features[0][i], s.targets[i])
	}
	x := slices.Clone(s.features[rng.IntN(len(s.features))][i])
	shift := rng.NormFloat64() // of the log energies: 4 decibels
	for k := range x {
		x[k] += float32(shift * f.Scale[k%len(f.Scale)])
	}
	if err := speechMasks.Apply(rng, x, f.Options.Mels); err != nil {
		panic(err) // the masks are constants
	}
	return f.Line(x, s.targets[i])
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

// utterances are the first n recordings at their own speed.
func (s *spoken) utterances(n int) []read.Utterance {
	all := make([]read.Utterance, n)
	for i := range all {
		all[i] = read.Utterance{Path: s.paths[i], Features: s.features[0][i], Tokens: s.targets[i]}
	}
	return all
}
