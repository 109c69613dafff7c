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
	"golang.org/x/text/unicode/norm"
)

// Recordings are the features of a manifest's recordings, and what is said in them: the lines that a network of speech is
// trained and measured on.
type Recordings struct {
	Paths   []string
	Texts   []string // as NormalSpeech has them, in Unicode's NFC
	Targets [][]int  // the tokens of the texts; nil before Spell

	// LeftOut has a recording's file and line, and why it is not among the others: it cannot be read, or Spell has left it out.
	LeftOut []error
	// Warnings has files and lines of recordings that are cut off, and how much of them there is.
	Warnings []error

	sounds   []audio.Utterance
	of       *Features
	network  *Network      // that Spell was for
	features [][][]float32 // [speed][recording], the first at their own speed
}

// LoadRecordings reads the recordings of a manifest. Those that cannot be read, or are shorter than a frame, are left out. Their features are not normalised yet: see Fit and Normalise. speeds are those at
// which Draw plays recordings besides their own.
//
// Errors: those of audio.Manifest; speeds that audio.Clip.Speed refuses; no recording is left.
func LoadRecordings(manifest string, f *Features, speeds ...float64) (*Recordings, error) {
	all, err := audio.Manifest(manifest)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s names no recordings", manifest)
	}
	r := &Recordings{of: f, features: make([][][]float32, 1+len(speeds))}
	var load audio.Loader
	for _, u := range all {
		features, warning, err := f.played(&load, u, speeds)
		if err != nil {
			r.leaveOut(u, err)
			continue
		}
		if warning != "" {
			r.Warnings = append(r.Warnings, fmt.Errorf("%s, line %d: %s: %s", u.File, u.Line, u.Path, warning))
		}
		for k := range features {
			r.features[k] = append(r.features[k], features[k])
		}
		r.Texts, r.Paths, r.sounds = append(r.Texts, norm.NFC.String(NormalSpeech(u.Text))), append(r.Paths, u.Path), append(r.sounds, u)
	}
	return r, r.some(manifest)
}

// played are the features of an utterance at its own speed and at others.
func (f *Features) played(load *audio.Loader, u audio.Utterance, speeds []float64) (all [][]float32, warning string, err error) {
	sound, err := load.Load(u)
	if err != nil {
		return nil, "", err
	}
	own := sound[0]
	for k := range 1 + len(speeds) {
		clip := own.Clip
		if k > 0 {
			if clip, err = clip.Speed(speeds[k-1]); err != nil {
				return nil, "", err
			}
		}
		x, err := f.Of(clip)
		if err != nil {
			return nil, "", err
		}
		if len(x) == 0 {
			return nil, "", fmt.Errorf("%s has %d samples, less than a frame", u.Path, len(own.Samples))
		}
		all = append(all, x)
	}
	return all, own.Warning, nil
}

// leaveOut notes that a recording is not used.
func (r *Recordings) leaveOut(u audio.Utterance, err error) {
	r.LeftOut = append(r.LeftOut, fmt.Errorf("%s, line %d: %w", u.File, u.Line, err))
}

// some is the error of a manifest of which no recording is left.
func (r *Recordings) some(manifest string) error {
	if len(r.Paths) > 0 {
		return nil
	}
	return fmt.Errorf("%s: none of %d recordings is left; the first: %w", manifest, len(r.LeftOut), r.LeftOut[0])
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

// Spell turns the texts into tokens. It leaves out the recordings whose text the network cannot write: it has a character that is not one of its
// tokens, or more tokens than the recording has frames for (Network.Fits).
//
// Errors: no recording is left.
func (r *Recordings) Spell(n *Network) error {
	all := *r
	r.network = n
	r.Paths, r.Texts, r.Targets, r.sounds, r.features = nil, nil, nil, nil, make([][][]float32, len(all.features))
	for i, u := range all.sounds {
		y, err := n.Spec.Spell(all.Texts[i])
		if err != nil { // tokens of another system may be decomposed
			if decomposed, failed := n.Spec.Spell(norm.NFD.String(all.Texts[i])); failed == nil {
				y, err = decomposed, nil
			}
		}
		if err == nil {
			err = n.Fits(len(all.features[0][i])/r.of.rows(), y)
		}
		if err != nil {
			r.leaveOut(u, fmt.Errorf("%s: %w", u.Path, err))
			continue
		}
		for k := range all.features {
			r.features[k] = append(r.features[k], all.features[k][i])
		}
		r.Paths, r.Texts, r.Targets, r.sounds = append(r.Paths, all.Paths[i]), append(r.Texts, all.Texts[i]), append(r.Targets, y), append(r.sounds, u)
	}
	if len(r.Paths) == 0 {
		return r.some(all.sounds[0].File)
	}
	return nil
}

// Fits is the error of a line with a number of columns that has too few frames for tokens: CTC takes one for each token, and another between two that are alike.
func (r *Network) Fits(columns int, tokens []int) error {
	if frames, least := r.Frames(columns), leastFrames(tokens); frames < least {
		return fmt.Errorf("the text has %d tokens, which need %d frames; there are %d", len(tokens), least, frames)
	}
	return nil
}

// leastFrames is the number of frames that CTC needs for tokens.
func leastFrames(tokens []int) int {
	n := len(tokens)
	for i := 1; i < len(tokens); i++ {
		if tokens[i] == tokens[i-1] {
			n++
		}
	}
	return n
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
	x := r.features[rng.IntN(len(r.features))][i]
	if r.network.Frames(len(x)/r.of.rows()) < leastFrames(r.Targets[i]) { // faster than the text can be said
		x = r.features[0][i]
	}
	x = slices.Clone(x)
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
		all[i] = Utterance{Sound: r.sounds[i], Features: r.features[0][i], Tokens: r.Targets[i]}
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
