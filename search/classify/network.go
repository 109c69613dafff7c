package classify

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/search/encode"
)

// layersFor returns a small residual network from pictures [B, Channels, Height, Width] to a number for each class, [B, classes]: a linear layer over encode.Residual.
func layersFor(s Spec, rng *rand.Rand) nn.Module {
	layers, width := encode.Residual(s.Channels, s.Height, s.Width, rng)
	return nn.NewSequential(append(layers, nn.NewLinear(width, len(s.Classes), rng))...)
}

// check refuses what is out of range.
func (s Spec) check() error {
	if err := s.network().Check(); err != nil {
		return err
	}
	if e := s.Encoder; e != nil {
		if err := e.Check(); err != nil {
			return fmt.Errorf("encoder: %w", err)
		}
		if e.Imported || e.Channels != s.Channels || e.Height != s.Height || e.Width != s.Width {
			return fmt.Errorf("the encoder takes %d×%d×%d, the classifier %d×%d×%d; they must be alike, and the encoder a network of energo's own", e.Channels, e.Height, e.Width, s.Channels, s.Height, s.Width)
		}
	}
	if n := len(s.Classes); n < 2 {
		return fmt.Errorf("there are %d classes; there must be two at least", n)
	}
	seen := map[string]bool{}
	for _, name := range s.Classes {
		if name == "" || seen[name] {
			return fmt.Errorf("the class %q is empty or comes twice", name)
		}
		seen[name] = true
	}
	return nil
}
