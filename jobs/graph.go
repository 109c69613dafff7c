package jobs

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/tag"
)

// The graphs of networks as ONNX models. What a program needs besides the inputs and outputs is in the metadata, lists as JSON:
//
//	channels         of pictures: grey or rgb
//	mean, deviation  of each channel: what the input has had subtracted from pixels in [0, 1], and been divided by
//	dark_background  of grey pictures: whether the training pictures were bright figures on dark ground
//	labels           the names of the labels, in the order of the energies or scores
//	threshold        of scores: a label is in the answer where its score is above; of pairs: the distance up to which two pictures are of the same

// pictureGraph begins the graph of a network over grey pictures of h×w pixels.
func pictureGraph(name, doc string, h, w int) (g *export.Graph, pictures export.Value) {
	g = export.New(name, doc)
	pictures = g.Input(export.Port{
		Name: "pictures", Doc: "grey pictures like those of the training set, pixels from 0 for black to 1 for white",
		Shape: fmt.Sprintf("batch,1,%d,%d", h, w),
	})
	g.Metadata("channels", "grey")
	g.Metadata("mean", "[0]")
	g.Metadata("deviation", "[1]")
	return g, pictures
}

// labelNames are the labels below k.
func labelNames(k int) []string {
	names := make([]string, k)
	for y := range names {
		names[y] = fmt.Sprint(y)
	}
	return names
}

// energiesOfLabels adds the output of E(x, y) of labels below k.
func energiesOfLabels(g *export.Graph, k int, e export.Value) {
	g.JSON("labels", labelNames(k))
	g.Output(export.Port{Name: "energies", Doc: "E(x, y) of each label y, in the order of the labels; low where the label fits", Shape: fmt.Sprintf("batch,%d", k)}, e)
}

// energyOfEach adds the output of an energy of each sample, [B].
func energyOfEach(g *export.Graph, doc string, e export.Value) {
	g.Output(export.Port{Name: "energy", Doc: doc, Shape: "batch"}, e)
}

// darkGround says in the metadata that a set is of bright figures on dark ground, as encode.Network.Graph does.
func darkGround(g *export.Graph, set *data.Images) {
	g.Metadata("dark_background", fmt.Sprint(data.PicturesOf(set, "").DarkBackground()))
}

// Graph implements job.Network.
func (t *digitsTask) Graph(context.Context) (*export.Graph, error) {
	g, x := pictureGraph("digits", "An energy E(x, y) of each label y of a picture x. The answer is the label of the least energy.", t.set.H, t.set.W)
	darkGround(g, t.set)
	energiesOfLabels(g, t.labeler.Labels(), g.Module(t.net, x))
	return g, nil
}

// Graph implements job.Network.
func (t *jemTask) Graph(context.Context) (*export.Graph, error) {
	g, x := pictureGraph("jem", "An energy E(x, y) of each label y of a picture x, and that of the picture with the labels summed out.", t.set.H, t.set.W)
	darkGround(g, t.set)
	e := g.Module(t.net, x)
	energiesOfLabels(g, t.labeler.Labels(), e)
	energyOfEach(g, "E(x) = −log Σ exp(−E(x, y)) over the labels; high for foreign pictures", g.Unary("Neg", g.Reduce("ReduceLogSumExp", g.Unary("Neg", e))))
	return g, nil
}

// Graph implements job.Network.
func (t *generateTask) Graph(context.Context) (*export.Graph, error) {
	g, x := pictureGraph("generate", "An energy of pictures, low for those like the ones of training.", t.h, t.w)
	energyOfEach(g, "E(x) of each picture", g.Reshape(g.Module(t.net, x), -1))
	return g, nil
}

// Graph implements job.Network.
func (t *autoencoder) Graph(context.Context) (*export.Graph, error) {
	h, w := t.set.H, t.set.W
	g, x := pictureGraph("autoencoder", fmt.Sprintf("An auto-encoder of pictures through %d numbers.", t.c.Latent), h, w)
	code := x
	for _, l := range t.encoder {
		code = g.Module(l, code)
	}
	logits := code
	for _, l := range t.decoder {
		logits = g.Module(l, logits)
	}
	pixels := g.Unary("Sigmoid", logits)
	g.Output(export.Port{Name: "code", Doc: "the few numbers of each picture", Shape: fmt.Sprintf("batch,%d", t.c.Latent)}, code)
	g.Output(export.Port{Name: "reconstructions", Doc: "the pictures as they come back", Shape: fmt.Sprintf("batch,1,%d,%d", h, w)}, g.Module(nn.Unflatten{Sizes: []int{1, h, w}}, pixels))
	flat := g.Module(nn.Flatten{}, x)
	energyOfEach(g, "the reconstruction error of each picture, "+t.c.Loss+", mean over its pixels", g.Reduce("ReduceMean", t.c.pixelErrors(g, flat, logits, pixels)))
	return g, nil
}

// pixelErrors adds the loss of each pixel, as pixelLoss has it: x are the pixels, y what comes back before the sigmoid, p after.
func (c *Autoencoder) pixelErrors(g *export.Graph, x, y, p export.Value) export.Value {
	r := g.Binary("Sub", p, x)
	switch c.Loss {
	case "mse":
		return g.Binary("Mul", r, r)
	case "l1":
		return g.Unary("Abs", r)
	case "huber": // q²/2 + |r| − q, with q the lesser of |r| and 1
		a := g.Unary("Abs", r)
		q := g.Binary("Min", a, g.Float(1))
		return g.Binary("Add", g.Binary("Mul", g.Binary("Mul", q, q), g.Float(0.5)), g.Binary("Sub", a, q))
	}
	return g.Binary("Sub", g.Unary("Softplus", y), g.Binary("Mul", x, y)) // log(1 + exp y) − x·y
}

// Graph implements job.Network. The threshold is that of the held-out pictures.
func (m *overlaid) Graph(ctx context.Context) (*export.Graph, error) {
	held, err := m.scores(ctx, m.held)
	if err != nil {
		return nil, err
	}
	g, x := pictureGraph("multilabel", "A score of each label that can be in a picture of several. In the answer are the labels whose score is above the threshold.", m.set.H, m.set.W)
	g.JSON("labels", labelNames(m.k))
	g.Metadata("threshold", fmt.Sprint(m.threshold(held)))
	g.Output(export.Port{Name: "scores", Doc: "of each label, in the order of the labels", Shape: fmt.Sprintf("batch,%d", m.k)}, g.Module(m.net, g.Module(nn.Flatten{}, x)))
	return g, nil
}

// Graph implements job.Network.
func (m *realAnswers) Graph(context.Context) (*export.Graph, error) {
	g := export.New("parabola", "An energy E(x, y) of an answer y to an input x; training has y = x².")
	x := g.Module(m.answers.Surface.X, g.Input(export.Port{Name: "x", Doc: "inputs from −1 to 1", Shape: "batch,1"}))
	y := g.Input(export.Port{Name: "y", Doc: "answers, one to each input", Shape: "batch,1"})
	if m.answers.Surface.Y != nil {
		y = g.Module(m.answers.Surface.Y, y)
	}
	energyOfEach(g, "E(x, y) of each pair", g.Reduce("ReduceL1", g.Binary("Sub", x, y)))
	return g, nil
}

// Graph implements job.Network.
func (m *planeDensity) Graph(context.Context) (*export.Graph, error) {
	g := export.New("toy2d", "An energy E(y) over the plane; the density is exp(−E(y))/Z.")
	y := g.Input(export.Port{Name: "points", Doc: "points of the plane", Shape: "batch,2"})
	energyOfEach(g, "E(y) of each point", g.Reshape(g.Module(m.net, y), -1))
	return g, nil
}

// Graph implements job.Carded.
func (c *Encoding) Graph(dir string) (*export.Graph, error) {
	m, err := encode.Open(dir)
	if err != nil {
		return nil, err
	}
	return m.Network().Graph(), nil
}

// Graph implements job.Carded.
func (c *Pictures) Graph(dir string) (*export.Graph, error) {
	m, err := classify.Open(dir)
	if err != nil {
		return nil, err
	}
	return m.Graph(), nil
}

// Graph implements job.Carded. The threshold is the run's figure.
func (c *Siamese) Graph(dir string) (*export.Graph, error) {
	var r job.Result
	if err := job.ReadResult(dir, &r); err != nil {
		return nil, err
	}
	g, err := c.Encoding.Graph(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range r.Figures {
		if f.Key == thresholdKey {
			g.Metadata("threshold", fmt.Sprint(float64(f.Value)))
		}
	}
	return g, nil
}

// Graph implements job.Carded.
func (c *Strips) Graph(dir string) (*export.Graph, error) { return readerGraph(dir) }

// Graph implements job.Carded.
func (c *Speech) Graph(dir string) (*export.Graph, error) { return readerGraph(dir) }

func readerGraph(dir string) (*export.Graph, error) {
	r, err := read.Open(dir)
	if err != nil {
		return nil, err
	}
	return r.Graph(), nil
}

// Graph implements job.Carded.
func (c *Table) Graph(dir string) (*export.Graph, error) {
	m, err := tabular.Open(dir)
	if err != nil {
		return nil, err
	}
	return m.Graph(), nil
}

// Graph implements job.Carded. A tagger of features is refused.
func (c *Tagger) Graph(dir string) (*export.Graph, error) {
	m, err := tag.Open(dir)
	if err != nil {
		return nil, err
	}
	return m.Graph()
}
