package jobs

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/train"
)

// Chains is the settings of an energy over pictures, whose pixels are in [0, 1], and of
// the chains that draw from it.
type Chains struct {
	Width        int     // channels of the first layer
	SpectralNorm bool    // of all layers but the last
	K            int     // Langevin steps in a step of training
	StepSize     float64 // of Langevin dynamics
	Noise        float64 // … its noise's standard deviation
	SlopeClip    float64 // … greatest slope of the energy by a pixel; 0: none
	Buffer       int     // chains that persist; 0: start from the data (CD-k)
	Restart      float64 // part of them that starts afresh from noise
	EnergyL2     float64 // weight of the squared energies
	DataNoise    float64 // standard deviation of noise on the data
}

// defaultChains returns settings that make digits in minutes. The slope is clipped and the
// noise small, as the papers on such models have it: the chains are short runs that find
// low places, no exact draws.
func defaultChains() Chains {
	return Chains{
		Width: 16, K: 20, StepSize: 2.5, Noise: 0.0025, SlopeClip: 0.06, Buffer: 2000, Restart: 0.05, EnergyL2: 0.1, DataNoise: 0.015,
	}
}

// options lists the settings. none says why there are no chains, "" where there are: their settings do not count without them.
func (c *Chains) options(none func() string) option.List {
	noBuffer := func() string {
		if why := none(); why != "" || c.Buffer > 0 {
			return why
		}
		return "buffer is 0: all chains start from the data"
	}
	inf, chains, buffer := math.Inf(1), whereNot(none), whereNot(noBuffer)
	return option.List{
		option.New(&c.Width, "width", "channels of the network's first layer; the others have 2, 4 and 4 times as many", option.Whole(1, 1024)),
		option.New(&c.SpectralNorm, "spectral_norm", "divide the layers' weights by their greatest singular values"),
		option.New(&c.K, "k", "Langevin steps in a step of training", option.Whole(1, 10000), chains),
		option.New(&c.StepSize, "step_size", "step size of Langevin dynamics", option.Above0, chains),
		option.New(&c.Noise, "noise", "standard deviation of the noise of a Langevin step", option.Below(inf), chains),
		option.New(&c.SlopeClip, "slope_clip", "bound of the energy's slope by each pixel; 0 sets no bound", option.Below(inf), chains),
		option.New(&c.Buffer, "buffer", "chains that persist; 0 lets them start from the data (CD-k)", option.Whole(0, 1<<20), chains),
		option.New(&c.Restart, "restart", "part of the chains that starts afresh from noise", option.UpTo(1), buffer),
		option.New(&c.EnergyL2, "energy_l2", "weight of the squared energies in the loss", option.Below(inf), chains),
		option.New(&c.DataNoise, "data_noise", "standard deviation of the noise on the data", option.Below(inf)),
	}
}

// whereNot is the rule of settings that count unless there is a reason why not.
func whereNot(why func() string) option.Rule {
	return option.When(func() bool { return why() == "" }, why)
}

// network maps pictures [B, h·w] to [B, out]: four convolutions of stride 2 and two
// linear layers, smooth everywhere, as the slopes by the pixels ask for.
func (c Chains) network(h, w, out int, rng *rand.Rand) nn.Module {
	wrap := func(l nn.Weighted) nn.Module {
		if c.SpectralNorm {
			return nn.NewSpectralNorm(l, rng)
		}
		return l
	}
	layers := []nn.Module{nn.Unflatten{Sizes: []int{1, h, w}}}
	in := 1
	for i, channels := range []int{c.Width, 2 * c.Width, 4 * c.Width, 4 * c.Width} {
		kernel, o := 3, nn.ConvOptions{Stride: 2, Pad: 1}
		if i == 0 {
			kernel, o.Pad = 5, 4 // a margin, so that strokes at the edge are seen whole
		}
		layers = append(layers, wrap(nn.NewConv2D(in, channels, kernel, o, rng)), nn.SiLU{})
		h, w, in = (h+2*o.Pad-kernel)/2+1, (w+2*o.Pad-kernel)/2+1, channels
	}
	layers = append(layers, nn.Flatten{},
		wrap(nn.NewLinear(in*h*w, 4*c.Width, rng)), nn.SiLU{}, nn.NewLinear(4*c.Width, out, rng))
	return nn.NewSequential(layers...)
}

// langevin returns the sampler of the settings.
func (c Chains) langevin() *sampler.Langevin[float32] {
	return &sampler.Langevin[float32]{StepSize: c.StepSize, Noise: c.Noise, Clip: c.SlopeClip, Low: 0, High: 1}
}

// negatives returns chains over pictures of a number of pixels, and their buffer, which belongs into checkpoints; nil
// where the chains do not persist.
func (c Chains) negatives(pixels int, seed uint64) (*sampler.Chains[float32], *tensor.Tensor, error) {
	noise := sampler.Uniform[float32]{D: pixels, Low: 0, High: 1}
	chains := &sampler.Chains[float32]{Sampler: c.langevin(), Steps: c.K, Fresh: noise.Draw}
	if c.Buffer == 0 {
		return chains, nil, nil
	}
	rng := train.Rand(seed, "chains", 0)
	b, err := sampler.NewBuffer(c.Buffer, pixels, c.Restart, func(y []float32) { noise.Draw(rng, y) })
	if err != nil {
		return nil, nil, err
	}
	chains.Buffer = b
	state, err := tensor.FromFloat32(b.Y, c.Buffer, pixels)
	return chains, state, err
}

// chainsState names a buffer for checkpoints.
func chainsState(buffer *tensor.Tensor) []tensor.Named {
	if buffer == nil {
		return nil
	}
	return []tensor.Named{{Name: "chains", Tensor: buffer}}
}

// noisy reads pictures and adds the settings' noise to them. A density on the data's own
// grid of grey values would be infinitely sharp.
func (c Chains) noisy(y *tensor.Tensor, set *data.Images, samples []int, rng *rand.Rand) {
	y.Resize(len(samples), set.Size())
	set.Batch(y.Float32s(), samples)
	if c.DataNoise == 0 {
		return
	}
	for i, v := range y.Float32s() {
		y.Float32s()[i] = min(max(v+float32(c.DataNoise*rng.NormFloat64()), 0), 1)
	}
}
