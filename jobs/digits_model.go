package jobs

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/train"
)

// Widths of the digits' models.
const (
	hiddenWidth = 512 // of the MLP's two hidden layers, and of the branch that learns codes
	jointWidth  = 128 // where x and y meet
	codeWidth   = 16  // of learned codes
	channels1   = 32
	channels2   = 64
)

// newLabeler builds the energy function that the settings name, for pictures of h×w
// pixels and k labels, with weights drawn from the seed.
func (c *Digits) newLabeler(h, w, k int) (energy.Labeler, error) {
	if c.Model == "cnn" && (h < 4 || w < 4) {
		return nil, fmt.Errorf("model cnn halves the pictures twice; %d×%d pixels are too few; there must be at least 4×4", h, w)
	}
	f, err := c.make()
	if err != nil {
		return nil, err
	}
	rng := train.Rand(c.Seed, "init", 0)
	var l energy.Labeler
	switch c.Energy {
	case "head":
		l = energy.NewHead(c.network(h, w, k, rng), k)
	case "code":
		if c.Codes == "learned" {
			l = energy.NewBranches(c.network(h, w, codeWidth, rng), k, hiddenWidth, codeWidth, rng)
		} else {
			l = energy.NewCode(c.network(h, w, k, rng), energy.OneHotCodes(k))
		}
	case "joint":
		upper := nn.NewSequential(nn.ReLU{}, nn.NewLinear(jointWidth, 1, rng))
		l = energy.NewJoint(c.network(h, w, jointWidth, rng), upper, k, jointWidth, rng)
	}
	if f.Statistic().NonNegative && c.Energy != "code" {
		l = energy.NonNegative{Labeler: l}
	}
	return l, nil
}

// network maps pictures [B, 1, h, w] to [B, out].
func (c *Digits) network(h, w, out int, rng *rand.Rand) nn.Module {
	switch c.Model {
	case "linear":
		return nn.NewSequential(nn.Flatten{}, nn.NewLinear(h*w, out, rng))
	case "mlp":
		return nn.NewSequential(
			nn.Flatten{},
			nn.NewLinear(h*w, hiddenWidth, rng), nn.ReLU{},
			nn.NewLinear(hiddenWidth, hiddenWidth, rng), nn.ReLU{},
			nn.NewLinear(hiddenWidth, out, rng),
		)
	}
	same := nn.ConvOptions{Pad: 1}
	return nn.NewSequential(
		nn.NewConv2D(1, channels1, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(channels1, channels2, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(channels2*(h/4)*(w/4), out, rng),
	)
}

// architecture names the energy function in the collapse alarm's sentence.
func (c *Digits) architecture() string {
	form := map[string]string{
		"head":  "a head with one energy a label",
		"code":  "‖G(x) − c_y‖² with " + c.Codes + " codes",
		"joint": "a joint network E(x, y)",
	}[c.Energy]
	return form + " (" + c.Model + ")"
}
