package recipe

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/search/encode"
)

// VerificationFile holds how the test pairs are told apart, with the ROC curve, as retrieval.Verification.
const VerificationFile = "verification.json"

// SiameseResult is what a run of siamese came to, as result.json and the last line of
// --json have it.
type SiameseResult struct {
	Run          string  `json:"run"`
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	// Measured: the error is of the test pairs, the share taken wrongly at Threshold. The energies are the distances of
	// held-out pairs, and the verdict is of those.
	Measured
	Reason    string  `json:"reason"`
	BestEpoch int     `json:"best_epoch"`
	Recipe    string  `json:"recipe"`
	Loss      string  `json:"loss"`
	Margin    float64 `json:"margin"`
	Dim       int     `json:"dim"`
	Metric    string  `json:"metric"`
	Seed      uint64  `json:"seed"`

	Accuracy  float64           `json:"accuracy"`   // of the test pairs at Threshold
	Threshold float64           `json:"threshold"`  // distance up to which two pictures count as the same: the best on held-out pairs
	Best      float64           `json:"best"`       // accuracy at the best threshold on the test pairs themselves
	AUC       float64           `json:"auc"`        // the chance that a pair of the same is nearer than another
	EER       float64           `json:"eer"`        // where as many are falsely accepted as refused
	TARAtFAR  []retrieval.TARAt `json:"tar_at_far"` // share of the same accepted where few others are
	Same      int               `json:"same"`       // test pairs of the same
	Different int               `json:"different"`  // … of others
	Held      int               `json:"held"`       // pairs that the threshold was chosen on
}

// Siamese trains a siamese network into a run folder and measures verification on test
// pairs. Interruption and divergence are as Digits has them; Options.Train and Test are not looked at.
func Siamese(ctx context.Context, c SiameseConfig, sets SiameseSets, o Options) (*SiameseResult, error) {
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
	parts, err := c.parts(sets)
	if err != nil {
		return nil, err
	}
	task, err := newSiameseTask(ctx, c, parts)
	if err != nil {
		return nil, err
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, err
	}
	settings["data"] = parts.train.checksum()
	out, err := runTask(ctx, task, c, c.loopOver(c.Recipe, settings, task.Samples(), o), o)
	if out == nil {
		return nil, err
	}
	r := &SiameseResult{
		Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
		Recipe: c.Recipe, Loss: c.Loss, Margin: c.Margin, Dim: c.Dim, Metric: task.Metric, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := r.finish(ctx, task); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, nil
}

// checksum describes pictures and pairs in a checkpoint's settings.
func (p pairSet) checksum() string {
	if p.pairs == nil {
		return checksum(p.set)
	}
	listed := *p.set // the pairs, as labels
	for _, q := range p.pairs {
		kind := 0
		if q.Same {
			kind = 1
		}
		listed.Labels = append(listed.Labels, q.A, q.B, kind)
	}
	return checksum(&listed)
}

// finish measures a trained network and writes what a run leaves.
func (r *SiameseResult) finish(ctx context.Context, t *siameseTask) error {
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
	r.Measured.Take(m)
	held, _, err := t.verify(ctx, t.parts.held)
	if err != nil {
		return err
	}
	r.Threshold, r.Held = held.Threshold, held.Same+held.Different
	v, distances, err := t.verify(ctx, t.parts.test)
	if err != nil {
		return err
	}
	r.take(v)
	if err := writePairs(r.Run, t.parts.test, distances); err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(r.Run, VerificationFile), append(text, '\n')); err != nil {
		return err
	}
	test := t.parts.test.set
	if test.Labels != nil {
		x, err := t.look.Embed(ctx, test)
		if err != nil {
			return err
		}
		if err := writeEmbeddings(r.Run, x, test, t.Metric, t.Dim); err != nil {
			return err
		}
	}
	return writeResult(r.Run, r)
}

// take fills in how test pairs were told apart.
func (r *SiameseResult) take(v *retrieval.Verification) {
	r.Accuracy = v.AccuracyAt(r.Threshold)
	r.TestError, r.Best = measure.Number(1-r.Accuracy), v.Accuracy
	r.Chance = measure.Number(guessed([]int{v.Same, v.Different}))
	r.AUC, r.EER, r.TARAtFAR, r.Same, r.Different = v.AUC, v.EER, v.TARAtFAR, v.Same, v.Different
}

// EvalSiamese measures the model of a finished run on the test pairs of the pictures or pairs given, at the
// run's own threshold. With own, these are those of the run's settings, and divided as for the run; otherwise all that
// are there are tested: Test, or Train where it is nil. It writes nothing.
func EvalSiamese(ctx context.Context, dir string, sets SiameseSets, own bool) (*SiameseResult, error) {
	c, err := ReadSiameseConfig(filepath.Join(dir, ConfigFile), DefaultSiamese())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &SiameseResult{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	m, err := encode.Open(dir)
	if err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	test, err := c.testPairs(sets, own)
	if err != nil {
		return nil, err
	}
	n := m.Network()
	if err := n.Fits(test.set); err != nil {
		return nil, err
	}
	t := &siameseTask{Network: n, look: n.Worker()}
	v, _, err := t.verify(ctx, test)
	if err != nil {
		return nil, err
	}
	r.Run = dir
	r.take(v)
	return r, nil
}

// testPairs returns the pairs to measure on.
func (c SiameseConfig) testPairs(sets SiameseSets, own bool) (pairSet, error) {
	if own {
		parts, err := c.parts(sets)
		if err != nil {
			return pairSet{}, err
		}
		return parts.test, nil
	}
	set, pairs := sets.Test, sets.TestPairs
	if set == nil {
		set, pairs = sets.Train, sets.Pairs
	}
	if pairs != nil {
		return pairSet{set, pairs}, nil
	}
	return drawnPairs(set, 1)
}
