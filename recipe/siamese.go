package recipe

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/retrieval"
)

// VerificationFile holds how the test pairs are told apart, with the ROC curve, as retrieval.Verification.
const VerificationFile = "verification.json"

// SiameseResult is what a run of siamese came to, as result.json and the last line of
// --json have it.
type SiameseResult struct {
	Run          string  `json:"run"`
	TestError    float64 `json:"test_error"` // fraction of the test pairs taken wrongly at Threshold
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	// Energy: the distances of held-out pairs of the same, the correct answers, and of others, the offending ones.
	Energy     EnergyResult `json:"energy"`
	MarginKept float64      `json:"margin_kept"`
	Collapsed  bool         `json:"collapsed"`
	Why        string       `json:"why,omitempty"`
	Reason     string       `json:"reason"`
	BestEpoch  int          `json:"best_epoch"`
	Recipe     string       `json:"recipe"`
	Loss       string       `json:"loss"`
	Margin     float64      `json:"margin"`
	Dim        int          `json:"dim"`
	Metric     string       `json:"metric"`
	Seed       uint64       `json:"seed"`

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
	task, err := newSiameseTask(c, parts)
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
		Reason: out.Reason, BestEpoch: out.Best, Collapsed: out.Why != "", Why: out.Why,
		Recipe: c.Recipe, Loss: c.Loss, Margin: c.Margin, Dim: c.Dim, Metric: task.metric, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	return r, r.finish(task)
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
func (r *SiameseResult) finish(t *siameseTask) error {
	m, err := t.Evaluate()
	switch {
	case err != nil:
		return err
	case math.IsNaN(m.Error):
		return errLost
	}
	if err := cardOf(r.Recipe, t.embedder, t.parts.train.set).save(r.Run, t.embedder); err != nil {
		return err
	}
	d := m.Diagnosis
	r.Energy = energyOf(d)
	r.MarginKept = d.MarginKept
	if d.Collapsed {
		r.Collapsed, r.Why = true, d.Why
	}
	held, err := retrieval.Verify(t.distances(t.parts.held))
	if err != nil {
		return err
	}
	r.Threshold, r.Held = held.Threshold, held.Same+held.Different
	distances, same := t.distances(t.parts.test)
	v, err := retrieval.Verify(distances, same)
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
		if err := writeEmbeddings(r.Run, t.look.embed(test), test, t.metric, t.dim); err != nil {
			return err
		}
	}
	return writeResult(r.Run, r)
}

// take fills in how test pairs were told apart.
func (r *SiameseResult) take(v *retrieval.Verification) {
	r.Accuracy = v.AccuracyAt(r.Threshold)
	r.TestError, r.Best = 1-r.Accuracy, v.Accuracy
	r.AUC, r.EER, r.TARAtFAR, r.Same, r.Different = v.AUC, v.EER, v.TARAtFAR, v.Same, v.Different
}

// EvalSiamese measures the model of a finished run on the test pairs of the pictures or pairs given, at the
// run's own threshold. With own, these are those of the run's settings, and divided as for the run; otherwise all that
// are there are tested: Test, or Train where it is nil. It writes nothing.
func EvalSiamese(dir string, sets SiameseSets, own bool) (*SiameseResult, error) {
	c, err := ReadSiameseConfig(filepath.Join(dir, ConfigFile), DefaultSiamese())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &SiameseResult{}
	if err := readFinished(dir, r); err != nil {
		return nil, err
	}
	e, err := loadEncoder(dir)
	if err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	test, err := c.testPairs(sets, own)
	if err != nil {
		return nil, err
	}
	if s := test.set; s.C != e.net.c || s.H != e.net.h || s.W != e.net.w {
		return nil, e.card.misfit(s)
	}
	t := &siameseTask{embedder: e.net, look: e.net.newInference()}
	v, err := retrieval.Verify(t.distances(test))
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
