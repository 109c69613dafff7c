package recipe

import (
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/tensor"
)

// PairsFile holds the test pairs of a run of siamese, each tensor [pairs]: first and second are places in the test pictures, same is 1
// where they belong together, else 0, and distances are those of their vectors.
const PairsFile = "pairs.safetensors"

// writePairs writes pairs with their distances.
func writePairs(dir string, p pairSet, distances []float64) error {
	first, second, same := tensor.New(tensor.Float64, len(p.pairs)), tensor.New(tensor.Float64, len(p.pairs)), tensor.New(tensor.Float64, len(p.pairs))
	far, err := tensor.FromFloat64(distances, len(distances))
	if err != nil {
		return err
	}
	for i, q := range p.pairs {
		first.Float64s()[i], second.Float64s()[i] = float64(q.A), float64(q.B)
		if q.Same {
			same.Float64s()[i] = 1
		}
	}
	return tensor.WriteFile(filepath.Join(dir, PairsFile), &tensor.File{Tensors: []tensor.Named{
		{Name: "first", Tensor: first}, {Name: "second", Tensor: second}, {Name: "same", Tensor: same}, {Name: "distances", Tensor: far},
	}})
}

// SiameseTest returns the pictures of the test pairs of a finished run out of those that its settings name.
func SiameseTest(dir string, sets SiameseSets) (*data.Pictures, error) {
	c, err := ReadSiameseConfig(filepath.Join(dir, ConfigFile), DefaultSiamese())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	p, err := c.testPairs(sets, true)
	return p.set, err
}
