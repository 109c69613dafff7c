package classify

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/search/encode"
)

// A Classifier answers pictures, whatever its network is: *Model, or a model of another system.
type Classifier struct {
	Classes []string    // names, in the order of the energies
	Size    image.Point // of the pictures that the network takes; others are fitted to it, as data.Fit does
	// Beta is the inverse temperature at which the energies give probabilities, p(y) = exp(−β(E(y) − F)). It is 0 where they do not, as where the
	// loss leaves their scale open; Unscaled says why.
	Beta     float64
	Unscaled string
	// Threshold is the free energy up to which a picture is taken for one like those of training; NaN where none is known.
	Threshold float64

	// Channels is that of the pictures that the network takes: 1 is grey, 3 are colours.
	Channels int

	energies func(dst []float32, pictures []image.Image) error
	fit      func(dst []byte, picture image.Image)
}

// unknownLoss is why a model has no probabilities of which only the network is known.
const unknownLoss = "only the network is known, not the loss that trained it"

// Classifier returns the model as a Classifier that knows neither the loss nor a threshold.
func (m *Model) Classifier() *Classifier {
	return &Classifier{
		Classes: m.Classes, Size: image.Pt(m.Width, m.Height), Unscaled: unknownLoss, Threshold: math.NaN(), Channels: m.Channels,
		energies: m.energies, fit: m.network.Fit,
	}
}

// FromONNX returns the classifier of an ONNX model that was read from path, with its card (encode.NewScores). Of logits z the energies are −z, of
// probabilities p they are −log p, in both cases with β = 1. Classes without names have numbers, from 0 on.
//
// Errors: those of encode.NewScores; a model of one number.
func FromONNX(f *format.Model, path string) (*Classifier, error) {
	s, err := encode.NewScores(f, path)
	if err != nil {
		return nil, err
	}
	if s.Dim() < 2 {
		return nil, fmt.Errorf("%s: the model gives %d number for a picture; a classifier gives one for each of two classes at least", path, s.Dim())
	}
	c := &Classifier{Classes: s.Labels, Size: s.Size(), Threshold: math.NaN(), Channels: s.Channels(), fit: s.Fit, energies: func(dst []float32, pictures []image.Image) error {
		if err := s.Encode(dst, pictures); err != nil {
			return err
		}
		toEnergies(dst, s.Gives)
		return nil
	}}
	for y := len(c.Classes); y < s.Dim(); y++ {
		c.Classes = append(c.Classes, fmt.Sprint(y))
	}
	if c.Beta = 1; s.Gives == encode.GivesEnergies {
		c.Beta, c.Unscaled = 0, unknownLoss
	}
	return c, nil
}

// ErrUnlabelled is for models of which neither the file nor the card says that they give numbers of classes.
var ErrUnlabelled = errors.New("neither the model nor its card says labels, or what it gives: it is not taken for a classifier")

// OpenONNX opens a classifier in an ONNX file or a folder of Hugging Face, as FromONNX does. The labels of a folder are those of its config.json.
//
// Errors: those of onnx.ReadFile and FromONNX; ErrUnlabelled.
func OpenONNX(path string) (*Classifier, error) {
	f, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if huggingface.Is(path) && slices.ContainsFunc(f.Graph.Outputs, func(v *format.ValueInfo) bool { return v.Name == encode.GivesLogits }) {
		labels, err := huggingface.Labels(path)
		if err != nil {
			return nil, err
		}
		if labels != nil {
			text, err := json.Marshal(labels)
			if err != nil {
				return nil, err
			}
			f.Metadata = append(f.Metadata, format.Entry{Key: "labels", Value: string(text)})
		}
	}
	labelled, err := encode.Labelled(f, path)
	switch {
	case err != nil:
		return nil, err
	case !labelled:
		return nil, fmt.Errorf("%s: %w", path, ErrUnlabelled)
	}
	return FromONNX(f, path)
}

// toEnergies makes energies of what a model gives.
func toEnergies(x []float32, gives string) {
	for i, v := range x {
		switch gives {
		case encode.GivesLogits:
			x[i] = -v
		case encode.GivesProbabilities:
			x[i] = float32(-math.Log(max(float64(v), math.SmallestNonzeroFloat32)))
		}
	}
}

// Energies writes the energies of pictures of any size and colour to dst, a row of the classes for each.
//
// Errors: a picture without pixels, by its index; an energy that is not finite.
func (c *Classifier) Energies(dst []float32, pictures []image.Image) error {
	return c.energies(dst, pictures)
}

// Fit writes a picture of any size and colour as the network sees it to dst, Channels planes of Size.
func (c *Classifier) Fit(dst []byte, picture image.Image) { c.fit(dst, picture) }

// Answer answers pictures of any size and colour.
//
// Errors: those of Energies.
func (c *Classifier) Answer(pictures []image.Image) ([]Answer, error) {
	k := len(c.Classes)
	all := make([]float32, len(pictures)*k)
	if err := c.energies(all, pictures); err != nil {
		return nil, err
	}
	answers := make([]Answer, 0, len(pictures))
	for row := range slices.Chunk(all, k) {
		answers = append(answers, AnswerOf(row))
	}
	return answers, nil
}

// Probabilities returns p(y) = exp(−β(E(y) − F)) of energies; nil where Beta is 0.
func (c *Classifier) Probabilities(energies []float32) []float64 {
	if c.Beta == 0 {
		return nil
	}
	free := c.FreeEnergy(energies)
	p := make([]float64, len(energies))
	for y, e := range energies {
		p[y] = math.Exp(-c.Beta * (float64(e) - free))
	}
	return p
}

// FreeEnergy returns F = −(1/β) log Σ_y exp(−β E(y)) with β = Beta, or 1 where that is 0. It is low for pictures like those of training, and
// the higher, the more foreign a picture is.
//
// Source: [liu2020].
func (c *Classifier) FreeEnergy(energies []float32) float64 {
	beta := c.Beta
	if beta == 0 {
		beta = 1
	}
	least := float64(slices.Min(energies))
	sum := 0.0
	for _, e := range energies {
		sum += math.Exp(-beta * (float64(e) - least))
	}
	return least - math.Log(sum)/beta
}

// Kept is the share of known pictures whose free energy is at most the threshold.
const Kept = 0.95

// SetThreshold chooses the threshold by the energies of known pictures, a row of the classes for each: the least free energy that Kept of them do not exceed.
//
// Errors: no rows; a number of energies that is not one of rows.
func (c *Classifier) SetThreshold(energies []float32) error {
	k := len(c.Classes)
	if len(energies) == 0 || len(energies)%k != 0 {
		return fmt.Errorf("there are %d energies; there must be %d for each of some pictures", len(energies), k)
	}
	var free []float64
	for row := range slices.Chunk(energies, k) {
		free = append(free, c.FreeEnergy(row))
	}
	slices.Sort(free)
	c.Threshold = free[int(math.Ceil(Kept*float64(len(free))))-1]
	return nil
}
