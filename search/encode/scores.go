package encode

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/loss/distance"
)

// Scores is a model from pictures to a number for each of some classes.
type Scores struct {
	*Imported
	Labels []string // of the classes; nil where neither the model nor the card says them
	Gives  string   // GivesEnergies, GivesLogits or GivesProbabilities
}

// NewScores makes Scores of a model that was read from path, with the card beside it, as OpenImported does of vectors. The card may say
// labels, and what the model gives. Where it does not, the output "energies" of a model that energo wrote gives energies, a model that ends in a
// softmax probabilities, and another one logits.
//
// Errors: those of OpenImported, but that nothing needs to say a metric; labels of another number than the model's.
func NewScores(f *format.Model, path string) (*Scores, error) {
	e := &Imported{card: importedCard{Scale: 1.0 / 255, Metric: distance.Euclidean, asked: scoresOf(f)}}
	var err error
	if e.model, err = e.card.open(f, path); err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Scores{e, e.card.Labels, e.card.Gives}
	switch {
	case s.Labels != nil && len(s.Labels) != e.dim:
		return nil, fmt.Errorf("%s: there are %d labels; the model gives %d numbers for a picture", path, len(s.Labels), e.dim)
	case s.Gives != "":
	case f.Producer == export.Producer && e.card.Output == GivesEnergies:
		s.Gives = GivesEnergies
	default:
		s.Gives = GivesLogits
		if n := nodeOf(f.Graph, e.card.Output); n != nil && n.Op == "Softmax" {
			s.Gives = GivesProbabilities
		}
	}
	return s, nil
}

// Labelled tells whether a model, or the card beside it, says labels or what it gives, as a classifier's does.
//
// Errors: those of a card that cannot be read.
func Labelled(f *format.Model, path string) (bool, error) {
	c := &importedCard{}
	_, err := c.read(f, path)
	return c.Labels != nil || c.Gives != "", err
}

// scoresOf names the output with the numbers of the classes of a model that energo wrote; its metadata may name the vectors before them. It is "" where the card says it.
func scoresOf(f *format.Model) string {
	if f.Producer != export.Producer || f.Graph == nil {
		return ""
	}
	for _, o := range f.Graph.Outputs {
		if o.Name == GivesEnergies || o.Name == GivesLogits {
			return o.Name
		}
	}
	return ""
}
