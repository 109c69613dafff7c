package jobs

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/tag"
)

// taggerJob trains taggers of words.
var taggerJob = job.Job{
	Name: "tagger", Folder: "tagger-FUNCTIONAL-MODEL", Short: "Train a tagger of words: chain energies over tags, on tagged text",
	Long: `Trains energies of chains, E(y) = Σ U_t(y_t) + Σ P(y_{t−1}, y_t), to give each word of a sentence its tag.
--data is a folder of files with word/TAG tokens, a sentence a line, such as the Brown corpus; whole files are
kept for the test. With --column it is text in columns, CoNLL-U or as in CoNLL-2003, a file or a folder, and the column of the
tags is named; --test-data is such text to test on. Tags of entities (B-PER, I-PER, O; IOB1, IOB2, IOBES, BILOU) are also
measured by precision, recall and F1 of whole entities, as conlleval and seqeval count them. The model features adds up weights of hashed features: the word, its beginnings, ends and shape, and
those of the two words on either side. A word that training did not have gives those of its own that --unknown names. The model network is
embeddings and temporal convolutions. energo tag tags text with the trained model, in the columns that it was trained on.

The model attributes takes the features from the text: --data is a file of CRFsuite, or a folder of such, an item a line, its label and its
attributes (name or name:value) with tabs between, and an empty line between sequences. It is trained as CRFsuite trains by default: by L-BFGS over all
sequences, to the least −log-likelihood + c2 Σw², with weights for the attributes and labels and the pairs of labels that training has
(--possible-states, --possible-transitions, --min-frequency as CRFsuite's feature.possible_states, feature.possible_transitions and feature.minfreq). An
epoch is an iteration; it ends by CRFsuite's criterion, or after --epochs. Attributes that training did not have count for nothing.

All functionals train whose statistic the paths of chains have: all but margin_cost. nll is a conditional random field.
margin_cost_max has the margin m for each wrong tag of a path. square_square, square_exp and the like, which ask for energies
of at least 0, count them from the free energy (--zero). mee and lvq2, which level off, need --per-word on long sentences.

The features model has AdaGrad's step sizes and averages the weights, but for perceptron; perceptron with --average takes
steps of one size and averages. The last epoch's weights are kept. The network learns slowly from a functional that pushes
up one wrong path at a time; --rival wrong pushes them all.

Words look at all tags; with --prune those seen five times or more in training look at the tags that they had
there alone, and rarer and unknown ones at those and the open classes.`,
	Examples: []string{"--data brown", "--data brown --functional margin_cost_max", "--data brown --functional perceptron --average", "--data brown --functional hinge --rival wrong --model network", "--data brown --model network", "--data train.crfsuite --test-data test.crfsuite --model attributes --c2 0.1"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Validation = 1000
		return &Tagger{Model: "features", FunctionalSettings: defaultFunctional(), Tags: "base", Test: 0.1, Bits: 17, Unknown: slices.Clone(tag.UnknownFeatures), C2: 1, Training: t}
	},
}

// Tagger is the settings of the job tagger.
type Tagger struct {
	Data string // folder of tagged text
	// Column names the column of the tags where Data is text in columns, as data.ColumnText has it; "" is for word/TAG.
	Column   string
	Word     string // … and Word that of the words; "" is the form's
	TestData string // what is tested on, instead of a share of Data; "" is for the share
	Model    string // features, network, attributes
	FunctionalSettings
	Zero    string  // of TaggerZeros; "" is the functional's
	PerWord bool    // divide E⁺ and the statistic by the words
	Average bool    // of perceptron: steps of one size, and the mean of the weights over them
	Tags    string  // base: data.BaseTag's; full: as the text has them
	Test    float64 // share of the files that is tested on
	Bits    int     // features are hashed to 2^Bits rows of weights
	// Prune leaves to words that were seen often in training the tags that they had there.
	Prune bool
	// Unknown are the groups of features of their own that words have which training did not have, of tag.UnknownFeatures, or none.
	Unknown []string
	// Of the model attributes, with CRFsuite's meaning.
	C2                                  float64
	PossibleStates, PossibleTransitions bool
	MinFrequency                        float64
	// Files reads the tagged text of a folder, in a program with data of its own; nil is data.LoadTagged, or
	// data.LoadColumns with Column.
	Files func(folder string) ([]data.TaggedFile, error)
	job.Training
}

// The names that settings of the tagger may have.
var (
	TaggerModels = []string{"features", "network", "attributes"}
	TaggerZeros  = []string{"raw", "minimum", "free_energy"}
	TagSets      = []string{"base", "full"}
)

// zeros are the bases of TaggerZeros.
var zeros = map[string]answers.Base{"raw": answers.AsIs, "minimum": answers.AboveMinimum, "free_energy": answers.LogProbability}

func (c *Tagger) Options() option.List {
	features := option.When(func() bool { return c.Model == "features" }, func() string {
		return "it is of the features model; the model " + c.Model + " has no features of words and looks at all tags"
	})
	network := option.When(func() bool { return c.Model == "network" }, func() string {
		return "it is of the network; the model " + c.Model + " has steps of its own"
	})
	attributes := option.When(c.attributes, option.Because("it is of the model attributes"))
	words := option.When(func() bool { return !c.attributes() }, option.Because("the model attributes is trained on all sequences at once, by L-BFGS and the functional nll, and its data are files of CRFsuite"))
	adaptive := option.When(func() bool { return !c.Average }, func() string { return "with --average, steps have one size" })
	none := ""
	base := c.Training.Options()
	for _, name := range []string{"optimizer", "weight_decay", "l1", "clip", "ema", "patience"} {
		network(base.Find(name))
	}
	for _, name := range []string{"schedule", "warmup"} {
		adaptive(base.Find(name))
	}
	for _, name := range []string{"batch", "lr", "schedule", "warmup", "validation"} {
		words(base.Find(name))
	}
	list := option.List{
		option.New(&c.Data, "data", "folder of tagged text: word/TAG tokens, a sentence a line; with a cats.txt the files that it lists", option.Arg("folder"), option.Path),
		option.New(&c.Column, "column", "data is text in columns: CoNLL-U (upos, xpos, feats, …) or as in CoNLL-2003 (pos, chunk, ner), a file or a folder; the tags' column, by name, by number from 1, or last", option.Unset("none: word/TAG tokens"), words),
		option.New(&c.Word, "word", "column of the words, named like --column", option.Unset("form of CoNLL-U, else the first"), option.When(func() bool { return c.Column != "" }, option.Because("only text in columns has it: --column names that of the tags"))),
		option.New(&c.TestData, "test_data", "tagged text to test on, of the form of data", option.Path, option.Unset("a share of data")),
		option.New(&c.Model, "model", "energies", option.OneOf(TaggerModels...)),
		option.New(&c.Functional, "functional", "loss functional; energo functionals lists them", option.Check(c.has), option.OneOf(chainFunctionals()...), words),
	}
	for _, o := range c.FunctionalSettings.options(&none) {
		words(&o)
		list = append(list, o)
	}
	list = append(list,
		option.New(&c.Zero, "zero", "what energies are counted from: the model's own zero, or the least energy or the free energy of all tags of a sentence",
			option.OneOf(append(TaggerZeros, "")...), option.Unset("free_energy for functionals that ask for energies of at least 0, else raw"),
			option.When(c.countsFrom, func() string { return "the functional " + c.Functional + " takes differences of energies" })),
		option.New(&c.PerWord, "per_word", "divide the energies that the functional takes by the words of the sentence", words),
		option.New(&c.Average, "average", "steps of one size, and the mean of the weights over all steps", option.When(func() bool { return c.Functional == "perceptron" && c.Model == "features" },
			func() string { return "it is of the functional perceptron and the features model" })),
		option.New(&c.Tags, "tags", "base: Brown's tags without -TL, -HL, -NC and FW-; full: as the text has them", option.OneOf(TagSets...),
			option.When(func() bool { return c.Column == "" }, func() string { return "with --column, tags are as the column has them" }), words),
		option.New(&c.Test, "test", "share of the files that is kept for the test", option.Share,
			option.When(func() bool { return c.TestData == "" }, func() string { return "--test-data is tested on" })),
		option.New(&c.Bits, "bits", "features are hashed to 2^bits rows of weights", option.Whole(tag.LeastBits, tag.MostBits), features),
		option.New(&c.Prune, "prune", "let words that training has often have the tags that they had there alone", features),
		option.New(&c.Unknown, "unknown", "features of their own that words have which training did not have: "+strings.Join(tag.UnknownFeatures, ", ")+", some of these or none", option.Check(c.checkUnknown), features),
		option.New(&c.C2, "c2", "weight of the sum of the squares of the weights", option.Below(math.Inf(1)), attributes),
		option.New(&c.PossibleStates, "possible_states", "weights of all attributes for all labels", attributes),
		option.New(&c.PossibleTransitions, "possible_transitions", "weights of all pairs of labels", attributes),
		option.New(&c.MinFrequency, "min_frequency", "least frequency, the sum of the values, for an attribute and a label, or a pair of labels, to have a weight", option.Below(math.Inf(1)), attributes),
	)
	return append(list, base...)
}

// attributes reports whether data is files of CRFsuite.
func (c *Tagger) attributes() bool { return c.Model == "attributes" }

// unknown is Unknown without none.
func (c *Tagger) unknown() []string {
	if slices.Equal(c.Unknown, []string{"none"}) {
		return nil
	}
	return c.Unknown
}

func (c *Tagger) checkUnknown() error { return new(tag.Lexicon).SetUnknown(c.unknown()) }

// base is Zero, or the functional's.
func (c *Tagger) base(s functional.Statistic) answers.Base {
	if c.Zero == "" && s.NonNegative {
		return answers.LogProbability
	}
	return zeros[c.Zero] // AsIs for ""
}

// has refuses a functional whose statistic chains do not have, and says why.
func (c *Tagger) has() error {
	f, err := c.make()
	if err != nil {
		return nil // which the check of the names, or Resolve, tells
	}
	a := answers.Chains[float32]{Base: c.base(f.Statistic())}
	if err := a.Has(f.Statistic()); err != nil {
		return fmt.Errorf("functional is %s: %w", c.Functional, err)
	}
	return nil
}

// chainFunctionals names the functionals whose statistic chains have. Every command line asks for them.
var chainFunctionals = sync.OnceValue(func() (names []string) {
	for _, name := range functional.Names() {
		c := taggerJob.New().(*Tagger)
		if c.Functional = name; c.has() == nil {
			names = append(names, name)
		}
	}
	return names
})

// taggerDefaults is what zero epochs, batch and lr stand for.
var taggerDefaults = map[string]struct {
	epochs, batch int
	lr            float64
}{
	"features": {3, 16, 0.5},
	"network":  {4, 32, 2e-3},
}

func (c *Tagger) Resolve() error {
	if c.Data == "" && c.Files == nil {
		return fmt.Errorf("data is not set; it must be the folder of tagged text")
	}
	if _, err := c.make(); err != nil {
		return err
	}
	if c.Whole = c.attributes(); c.Whole { // an epoch is an iteration
		c.Epochs = cmp.Or(c.Epochs, 1000)
		return nil
	}
	d := taggerDefaults[c.Model]
	if c.Average { // a step of size 1 after each sentence
		d.batch, d.lr = 1, 1
	}
	c.Steady = c.Average
	c.LR = cmp.Or(c.LR, d.lr)
	c.Settle(d.epochs, d.batch)
	return nil
}

// Temperature is as that of LabelLoss; a tagger's probabilities are those of β = 1.
func (c *Tagger) Temperature() (beta float64, why string) {
	switch {
	case c.attributes():
		return 1, ""
	case c.Functional != "nll":
		return 0, "the functional " + c.Functional + " leaves the scale of the energies open"
	case c.Beta != 1 || c.PerWord:
		return 0, "the loss has another scale than the probabilities"
	}
	return 1, ""
}

func (c *Tagger) Folder() string { return "tagger-" + c.Functional + "-" + c.Model }

// Open implements job.Spec. Other data is measured on as a whole.
func (c *Tagger) Open(_ context.Context, env job.Env) (job.Model, error) {
	text, err := newTaggerText(c, env.Data)
	if err != nil {
		return nil, err
	}
	f, err := c.make()
	if err != nil {
		return nil, err
	}
	common := taggerModel{
		c: c, text: text, subject: c.subject(f), loss: &tag.Loss{Functional: f, Base: c.base(f.Statistic()), PerWord: c.PerWord},
	}
	switch c.Model {
	case "network":
		return newNetworkTask(common), nil
	case "attributes":
		return newAttributesTask(common)
	}
	return newFeaturesTask(common), nil
}
