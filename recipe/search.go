package recipe

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/search/distance"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// EmbeddingsFile holds the vectors [N, Dim] and labels [N] of the test pictures; its metadata has the classes and
// the pictures' paths as JSON arrays, and the distance.
const EmbeddingsFile = "embeddings.safetensors"

// SearchResult is what a run of search came to, as result.json and the last line of
// --json have it.
type SearchResult struct {
	Run          string  `json:"run"`
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	// Measured: the error is of the test pictures, the share whose nearest other one has another class. The energies are of
	// the pictures held out of training, and so is the verdict.
	Measured
	Margin    float64 `json:"margin"` // that the loss asks of the distances; 0 where it asks for none
	Reason    string  `json:"reason"`
	BestEpoch int     `json:"best_epoch"`
	Recipe    string  `json:"recipe"`
	Loss      string  `json:"loss"`
	Dim       int     `json:"dim"`
	Metric    string  `json:"metric"`
	Seed      uint64  `json:"seed"`

	Classes    []string          `json:"classes"`               // names of the labels
	HeldOut    []string          `json:"held_out,omitempty"`    // classes that were not trained on; all test pictures are theirs
	Trained    int               `json:"trained"`               // pictures trained on
	Among      *retrieval.Report `json:"among_test"`            // each test picture searches among the other ones
	InTraining *retrieval.Report `json:"in_training,omitempty"` // … among the training pictures; not where classes are held out
}

// Search trains an embedding of pictures into a run folder and measures searching by it on test
// pictures. Interruption and divergence are as Digits has them; Options.Train and Test are not looked at.
func Search(ctx context.Context, c SearchConfig, sets PictureSets, o Options) (*SearchResult, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	release, err := o.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	simd.SetThreads(c.Threads)
	d, err := c.divide(c.PictureSettings, sets, c.HoldOutClasses)
	if err != nil {
		return nil, err
	}
	task, err := newSearchTask(ctx, c, d)
	if err != nil {
		return nil, err
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, err
	}
	settings["data"] = checksum(d.train)
	out, err := runTask(ctx, task, c, c.loopOver(c.Recipe, settings, task.Samples(), o), o)
	if out == nil {
		return nil, err
	}
	r := &SearchResult{
		Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
		Recipe: c.Recipe, Loss: c.Loss, Margin: task.subject.Margin, Dim: c.Dim, Metric: task.Metric, Seed: c.Seed,
		Classes: d.train.Classes, HeldOut: c.HoldOutClasses, Trained: d.train.N,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := r.finish(ctx, task, d); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, nil
}

// finish measures a trained network and writes what a run leaves.
func (r *SearchResult) finish(ctx context.Context, t *searchTask, d *split) error {
	m, err := t.Evaluate(ctx)
	switch {
	case err != nil:
		return err
	case m.Fault() != "":
		return errLost
	}
	if err := t.Save(r.Run); err != nil {
		return err
	}
	r.Take(m)
	test, err := t.look.Embed(ctx, d.test)
	if err != nil {
		return err
	}
	if r.Among, err = searched(ctx, test, d.test, t.Network); err != nil {
		return err
	}
	r.TestError, r.Chance = measure.Number(1-r.Among.Precision1), measure.Number(foundByChance(d.test.Labels))
	if len(r.HeldOut) == 0 {
		o := retrieval.Options{Distance: measureOf(t.Network), Mistakes: mistakesKept}
		training, err := t.look.Embed(ctx, d.train)
		if err != nil {
			return err
		}
		if r.InTraining, err = retrieval.Against(ctx, test, d.test.Labels, training, d.train.Labels, t.Dim, o); err != nil {
			return err
		}
	}
	if err := writeEmbeddings(r.Run, test, d.test, t.Metric, t.Dim); err != nil {
		return err
	}
	return writeResult(r.Run, r)
}

// mistakesKept is how many of the hardest mistakes come with a result.
const mistakesKept = 24

// searched measures searching for each of a set's vectors among the others.
func searched(ctx context.Context, x []float32, set *data.Pictures, n *encode.Network) (*retrieval.Report, error) {
	return retrieval.Evaluate(ctx, x, n.Dim, set.Labels, retrieval.Options{
		Distance: measureOf(n), Mistakes: mistakesKept, Rand: train.Rand(1, "clusters", 0),
	})
}

// measureOf is the network's metric as packages pair and retrieval have it.
func measureOf(n *encode.Network) distance.Measure {
	return distance.Measure{Kind: distance.Kind(n.Metric)}
}

// writeEmbeddings writes the vectors of a set.
func writeEmbeddings(dir string, x []float32, set *data.Pictures, metric string, dim int) error {
	vectors, err := tensor.FromFloat32(x, set.N, dim)
	if err != nil {
		return err
	}
	labels := tensor.New(tensor.Float32, set.N)
	for i, y := range set.Labels {
		labels.Float32s()[i] = float32(y)
	}
	classes, err := json.Marshal(set.Classes)
	if err != nil {
		return err
	}
	paths, err := json.Marshal(set.Paths)
	if err != nil {
		return err
	}
	return tensor.WriteFile(filepath.Join(dir, EmbeddingsFile), &tensor.File{
		Metadata: map[string]string{"metric": metric, "classes": string(classes), "paths": string(paths)},
		Tensors:  []tensor.Named{{Name: "vectors", Tensor: vectors}, {Name: "labels", Tensor: labels}},
	})
}

// SearchTest returns the test pictures of a finished run out of those that its settings name.
func SearchTest(dir string, sets PictureSets) (*data.Pictures, error) {
	c, err := ReadSearchConfig(filepath.Join(dir, ConfigFile), DefaultSearch())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	d, err := c.divide(c.PictureSettings, sets, c.HoldOutClasses)
	if err != nil {
		return nil, err
	}
	return d.test, nil
}

// EvalSearch measures the encoder of a finished run of search or siamese on pictures, which have the size and the channels that
// encode.Spec.Input says: each is searched for among the others. It writes nothing.
func EvalSearch(ctx context.Context, dir string, set *data.Pictures) (*retrieval.Report, error) {
	m, err := encode.Open(dir)
	if err != nil {
		return nil, err
	}
	n := m.Network()
	if err := n.Fits(set); err != nil {
		return nil, err
	}
	x, err := n.Worker().Embed(ctx, set)
	if err != nil {
		return nil, err
	}
	return searched(ctx, x, set, n)
}
