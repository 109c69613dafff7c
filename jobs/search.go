package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss/pair"
)

// searchJob trains vectors of pictures by losses of vectors.
var searchJob = job.Job{
	Name: "search", Folder: "search-LOSS", Short: "Train an embedding for searching pictures by example",
	Long: `Trains a network that maps a picture to a vector, so that pictures of one class lie near each other and
others far away, and measures searching: each test picture is the query once, among all other test pictures and
among the training pictures.

The data is MNIST, any MNIST-like set of four IDX files, a folder whose subfolders of pictures (PNG, JPEG, GIF,
WebP, BMP, TIFF) are the classes, or a CSV file with rows path,label (--data). Pictures of a folder or a list are
cropped about their middle and scaled to --size; a fifth of each class is kept for the test, or --test names another
folder or list. Where most classes are so small that a fifth is not two pictures, a fifth of the classes is kept
instead, and searched among: how well is found what was never seen. --hold-out-classes names such classes. What
cannot be read is left out and counted.

Photographs and other pictures of more than 40 pixels a side have a small residual network beside plain histograms of
colours, edges and local patterns, whose first weights are computed from the training pictures. Steps, batches, the loss and changes at
random (crops, mirroring, colours) are chosen by the data where no setting says otherwise, and the run says which.
--encoder begins with an ONNX model or an earlier run instead.

The figures stand beside those of chance, raw pixels and a colour histogram on the same test pictures; training and
test pictures that are nearly the same are told.

The run's folder then holds encoder.json and model.safetensors (the network), embeddings.safetensors (vectors of
the test pictures), retrieval.json (how searching went), result.json, config.yaml, events.jsonl and
checkpoint.safetensors, and report.html with its pictures under plots/.`,
	Examples: []string{"", "--loss sup_con --hold-out-classes 6,7,8,9", "--data photos", "--data photos --encoder resnet.onnx --freeze 'layer[1-3]'", "--run runs/mine --resume"},
	New: func() job.Spec {
		return &Search{Encoding: defaultEncoding(), Mining: "semi_hard"}
	},
}

// Search is the settings of the job search. Where a zero stands for a default of the loss, Resolve leaves it: package loss has the number.
type Search struct {
	Encoding
	HoldOutClasses []string // not trained on; the test is among them

	Loss        string  // a name of MetricLosses; "" is what lossName says
	Mining      string  // of triplet: semi_hard, hard, all
	SoftMargin  bool    // of triplet: softplus instead of the hinge
	Margin      float64 // 0: the loss's
	Temperature float64 // 0: the loss's
	Scale       float64 // 0: the loss's
	MPerClass   int     // pictures of each class in a batch, at most half of it; 0: as few as there can be, at least 4 or half a batch below 8
	Memory      int     // vectors of earlier batches that a batch is compared with, too
	Raw         bool    // vectors of any length, not of length 1

	chosen bool // the data has chosen the loss
}

// mostRemembered is how many vectors of earlier batches may be kept, if they are short: pair.MaxMemory is about their length.
const mostRemembered = 1 << 20

// minings are the ways in which the triplet loss chooses. The hard triplets alone first draw all vectors together, which
// a short training does not get over; so semi_hard is the default.
var minings = []string{"semi_hard", "hard", "all"}

func (c *Search) Options() option.List {
	takes := func(name string) option.Rule {
		return option.When(func() bool { return slices.Contains(c.loss().takes, name) }, func() string {
			return fmt.Sprintf("the loss %s takes %s", c.lossName(), cmp.Or(strings.Join(c.loss().takes, ", "), "none of its kind"))
		})
	}
	apart := func(counts func() bool, why string) option.Rule {
		return option.When(counts, func() string { return fmt.Sprintf("the loss %s %s", c.lossName(), why) })
	}
	own, number := option.Unset("its own"), option.UpTo(math.MaxFloat32)
	list := c.options(func() bool { return true }, func() bool { return c.Augment || c.loss().views }, func() string {
		switch {
		case c.Test != "":
			return "a test set is named"
		case len(c.HoldOutClasses) > 0:
			return "hold_out_classes names the classes of the test"
		}
		return ""
	})
	apart(func() bool { return !c.loss().views }, "changes all pictures at random")(list.Find("augment"))
	list = append(list,
		option.New(&c.HoldOutClasses, "hold_out_classes", "names of classes, joined by commas, that are searched among and not trained on", option.Arg("names"), option.Once),
		option.New(&c.Loss, "loss", "loss of the vectors", option.OneOf(append(MetricLosses(), "")...), option.Unset("triplet for digits, sup_con for other pictures")),
		option.New(&c.Mining, "mining", "which triplets", option.OneOf(minings...), takes("mining")),
		option.New(&c.SoftMargin, "soft_margin", "of triplet: softplus instead of the hinge; the margin is then 0 unless it is set", takes("soft_margin")),
		option.New(&c.Margin, "margin", "margin of the loss", number, takes("margin"), own),
		option.New(&c.Temperature, "temperature", "temperature of the loss", number, takes("temperature"), own),
		option.New(&c.Scale, "scale", "scale of the loss's similarities", number, takes("scale"), own),
		option.New(&c.MPerClass, "m_per_class", "pictures of each class in a batch", option.Whole(2, mostRemembered),
			apart(func() bool { return !c.loss().plain }, "has batches that are drawn without regard to classes"),
			option.Unset("as few as there can be, at least 4 or half a batch below 8")),
		option.New(&c.Memory, "memory", "vectors of earlier batches that a batch is compared with, too (cross-batch memory); 0 remembers none", option.Whole(0, mostRemembered), takes("memory")),
		option.New(&c.Raw, "raw", "vectors of any length; by default they have length 1"),
	)
	return append(list, c.training()...)
}

// lossName is that of the setting, or of the data: hard triplets of few pictures draw all vectors together.
func (c *Search) lossName() string {
	switch {
	case c.Loss != "":
		return c.Loss
	case c.digits():
		return "triplet"
	}
	return "sup_con"
}

// loss is the row of the loss in the table; one that takes nothing where there is none.
func (c *Search) loss() *metricLoss {
	i := slices.IndexFunc(metricLosses, func(l metricLoss) bool { return l.name == c.lossName() })
	if i < 0 {
		return &metricLoss{}
	}
	return &metricLosses[i]
}

func (c *Search) Resolve() error {
	c.chosen = c.chosen || c.Loss == ""
	c.Loss = c.lossName()
	if err := c.settle(searchDim, 5, 120, c.digits()); err != nil {
		return err
	}
	switch {
	case c.Memory*c.Dim > pair.MaxMemory:
		return c.tooMuchMemory()
	case c.Batch == 0: // the data chooses
	case c.Batch < 2:
		return errors.New("batch is 1; at least 2 pictures are compared")
	case !c.loss().plain && c.Batch < 4:
		return fmt.Errorf("batch is %d; for the loss %s it must be at least 4, two pictures of each of two classes", c.Batch, c.Loss)
	case c.MPerClass > c.Batch/2:
		return fmt.Errorf("m_per_class is %d in a batch of %d; a batch must have two classes at least", c.MPerClass, c.Batch)
	}
	return nil
}

// searchDim is the default of dim.
const searchDim = 64

func (c *Search) tooMuchMemory() error {
	return fmt.Errorf("memory is %d and dim is %d; the vectors remembered have at most %d numbers in all", c.Memory, c.Dim, pair.MaxMemory)
}

func (c *Search) Folder() string { return "search-" + c.Loss }

func (c *Search) Open(ctx context.Context, env job.Env) (job.Model, error) {
	base, err := c.base(env)
	if err != nil {
		return nil, err
	}
	all, test, err := c.load(ctx, base, env)
	if err != nil {
		return nil, err
	}
	choose := searchable
	if !c.digits() { // each is searched for among those trained on, too
		choose = func(held []int, _ int) bool { return len(held) > 0 }
	}
	d, err := c.divide(all, test, c.HoldOutClasses, choose)
	if err == nil && env.Data != "" {
		if d.test, err = c.loadOther(ctx, env, all); err == nil {
			err = d.check()
		}
	}
	if err != nil {
		return nil, err
	}
	if !c.digits() {
		if err := c.look(ctx, d, leftOut(all, test), c.classes()); err != nil {
			return nil, err
		}
		if c.chosen {
			d.notes = append(d.notes, "the loss "+c.Loss)
		}
		if d.notes, err = keptNotes(env, d.notes); err != nil {
			return nil, err
		}
	}
	t, err := newSearchTask(ctx, c, base, d)
	if err != nil {
		return nil, err
	}
	if len(c.HoldOutClasses) == 0 && d.byClass == nil && env.Data == "" {
		t.gallery = d.train
	}
	if env.Data == "" {
		env.Note(t.notes)
	}
	return t, nil
}

// classes is where adapt may put a batch's pictures of a class.
func (c *Search) classes() *int {
	if c.loss().plain {
		return nil
	}
	return &c.MPerClass
}

// perClass returns how many pictures of each class a batch has, for a number of classes.
func (c *Search) perClass(classes int) (int, error) {
	if c.MPerClass > 0 {
		return c.MPerClass, nil
	}
	const least = 4
	for m := min(least, c.Batch/2); m <= c.Batch/2; m++ {
		if c.Batch%m == 0 && c.Batch/m <= classes {
			return m, nil
		}
	}
	return 0, fmt.Errorf("batch is %d, which does not divide into equal parts for at most %d classes, two at least; an even number would do", c.Batch, classes)
}
