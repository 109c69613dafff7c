package recipe

import (
	"cmp"
	"context"
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/seq/tag"
)

// TaggerJob trains taggers of words.
func TaggerJob() job.Job {
	return job.Job{
		Name: "tagger", Folder: "tagger-LOSS-MODEL", Short: "Train a tagger of words: chain energies over tags, on tagged text",
		Long: `Trains energies of chains, E(y) = Σ U_t(y_t) + Σ P(y_{t−1}, y_t), to give each word of a sentence its tag.
--data is a folder of files with word/TAG tokens, a sentence a line, such as the Brown corpus; whole files are
kept for the test. The model features adds up weights of hashed features: the word, its beginnings, ends and shape, and
those of the two words on either side. The model network is embeddings and temporal convolutions. energo tag tags
text with the trained model.

The losses: nll is E of the right tags less the free energy, by the forward algorithm (a conditional random
field); perceptron is less the minimum, by Viterbi's; hinge is less the minimum with a margin for each wrong
tag; averaged_perceptron takes the perceptron's steps with one size and averages the weights. The others
have AdaGrad's step sizes; nll and hinge average, too. Of features, the last epoch's weights are kept. The
network is for nll: a loss that pushes up one wrong path at a time teaches it slowly, and perceptron, which asks for
no margin, next to nothing.

Words look at all tags; with --prune those seen five times or more in training look at the tags that they had
there alone, and rarer and unknown ones at those and the open classes.`,
		Examples: []string{"--data brown", "--data brown --loss hinge", "--data brown --model network"},
		New:      func() job.Spec { return DefaultTagger() },
	}
}

// Tagger is the settings of the job tagger.
type Tagger struct {
	Data   string  // folder of tagged text
	Model  string  // features, network
	Loss   string  // of TaggerLosses
	Margin float64 // cost of a wrong tag, of hinge
	Tags   string  // base: data.BaseTag's; full: as the text has them
	Test   float64 // share of the files that is tested on
	Bits   int     // features are hashed to 2^Bits rows of weights
	// Prune leaves to words that were seen often in training the tags that they had there.
	Prune bool
	// Files reads the tagged text of a folder, in a program with data of its own; nil is data.LoadTagged.
	Files func(folder string) ([]data.TaggedFile, error)
	job.Training
}

// The names that settings of the tagger may have.
var (
	TaggerModels = []string{"features", "network"}
	TaggerLosses = []string{"nll", "perceptron", "hinge", "averaged_perceptron"}
	TagSets      = []string{"base", "full"}
)

// DefaultTagger returns the settings of `energo train tagger` without flags.
func DefaultTagger() *Tagger {
	t := job.DefaultTraining()
	t.Validation = 1000
	return &Tagger{Model: "features", Loss: "nll", Margin: 1, Tags: "base", Test: 0.1, Bits: 17, Training: t}
}

// Options implements job.Spec.
func (c *Tagger) Options() option.List {
	features := option.When(func() bool { return c.Model == "features" }, func() string {
		return "it is of the features model; the network has no features and looks at all tags"
	})
	network := option.When(func() bool { return c.Model == "network" }, func() string {
		return "it is of the network; the features model has sparse steps and averages of its own"
	})
	adaptive := option.When(func() bool { return !c.averages() }, func() string { return "averaged_perceptron has steps of one size" })
	base := c.Training.Options()
	for _, name := range []string{"optimizer", "weight_decay", "l1", "clip", "ema", "patience"} {
		network(base.Find(name))
	}
	for _, name := range []string{"schedule", "warmup"} {
		adaptive(base.Find(name))
	}
	return append(option.List{
		option.New(&c.Data, "data", "folder of tagged text: word/TAG tokens, a sentence a line; with a cats.txt the files that it lists", option.Arg("folder"), option.Path),
		option.New(&c.Model, "model", "energies", option.OneOf(TaggerModels...)),
		option.New(&c.Loss, "loss", "what trains", option.OneOf(TaggerLosses...)),
		option.New(&c.Margin, "margin", "cost of a wrong tag, of hinge", option.AnyFloat32, option.When(func() bool { return c.Loss == "hinge" }, func() string {
			return fmt.Sprintf("it is of the loss hinge; the loss is %s", c.Loss)
		})),
		option.New(&c.Tags, "tags", "base: Brown's tags without -TL, -HL, -NC and FW-; full: as the text has them", option.OneOf(TagSets...)),
		option.New(&c.Test, "test", "share of the files that is kept for the test", option.Share),
		option.New(&c.Bits, "bits", "features are hashed to 2^bits rows of weights", option.Whole(tag.LeastBits, tag.MostBits), features),
		option.New(&c.Prune, "prune", "let words that training has often have the tags that they had there alone", features),
	}, base...)
}

// averages tells whether steps have one size, and the weights are averaged over them, as in [collins2002].
func (c *Tagger) averages() bool { return c.Loss == "averaged_perceptron" }

// taggerDefaults is what zero epochs, batch and lr stand for.
var taggerDefaults = map[string]struct {
	epochs, batch int
	lr            float64
}{
	"features": {3, 16, 0.5},
	"network":  {4, 32, 2e-3},
}

// Resolve implements job.Spec.
func (c *Tagger) Resolve() error {
	switch {
	case c.Data == "" && c.Files == nil:
		return fmt.Errorf("data is not set; it must be the folder of tagged text")
	case c.Loss == "hinge" && !(c.Margin > 0):
		return fmt.Errorf("margin is %v; it must be a number above 0", c.Margin)
	case c.Model == "network" && c.averages():
		return fmt.Errorf("loss averaged_perceptron is of the features model; for the network there is perceptron, with ema")
	}
	d := taggerDefaults[c.Model]
	if c.Steady = c.averages(); c.Steady { // a step of size 1 after each sentence
		d.batch, d.lr = 1, 1
	}
	c.LR = cmp.Or(c.LR, d.lr)
	c.Settle(d.epochs, d.batch)
	return nil
}

// Folder implements job.Spec.
func (c *Tagger) Folder() string { return "tagger-" + c.Loss + "-" + c.Model }

// Open implements job.Spec. Other data is measured on as a whole.
func (c *Tagger) Open(_ context.Context, env job.Env) (job.Model, error) {
	text, err := newTaggerText(c, env.Data)
	if err != nil {
		return nil, err
	}
	common := taggerModel{c: c, text: text, subject: c.subject(), loss: chainLoss{name: c.Loss, margin: float32(c.Margin)}}
	if c.Model == "network" {
		return newNetworkTask(common), nil
	}
	return newFeaturesTask(common), nil
}
