package jobs

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/retrieval"
)

// Measure implements job.Model. The energies are the distances of held-out pairs, and the verdict is of those; the error is of the
// test pairs, at the threshold that is best on the held-out ones.
func (t *siameseTask) Measure(ctx context.Context) (*job.Measures, error) {
	e, held, err := t.evaluate(ctx)
	switch {
	case err != nil:
		return nil, err
	case held == nil:
		return nil, errLost
	}
	pairs, err := t.measured(ctx, t.parts.test)
	if err != nil {
		return nil, err
	}
	v, err := retrieval.Verify(pairs.Distances, pairs.Same)
	if err != nil {
		return nil, err
	}
	accuracy := v.AccuracyAt(held.Threshold)
	e.Error.Value, e.Diagnosis.Chance = measure.Number(1-accuracy), measure.Number(chanceOf(v))
	return &job.Measures{
		Evaluation: e, Figures: pairFigures(held, v), Tables: pairTables(held, v),
		Write: func(ctx context.Context, dir string) error {
			if err := (&report.Verification{Verification: v, Chosen: held.Threshold}).Write(dir); err != nil {
				return err
			}
			if err := pairs.Write(dir); err != nil {
				return err
			}
			return t.writeVectors(ctx, dir)
		},
	}, nil
}

// writeVectors writes those of the test pictures, where these have classes.
func (t *siameseTask) writeVectors(ctx context.Context, dir string) error {
	test := t.parts.test.set
	if test.Labels == nil {
		return nil
	}
	x, err := t.look.Embed(ctx, test)
	if err != nil {
		return err
	}
	return t.vectorsOf(test, x).Write(dir)
}

// pairFigures are how the test pairs are told apart at a threshold that was chosen on held-out pairs.
func pairFigures(held, test *retrieval.Verification) []measure.Figure {
	return []measure.Figure{
		measure.Quantity{Key: "accuracy", Name: "Accuracy", Unit: measure.Share, Note: "of the test pairs told right at the threshold"}.Of(test.AccuracyAt(held.Threshold)),
		measure.Quantity{Key: "threshold", Name: "Threshold", Note: "distance up to which two pictures count as the same: the best on held-out pairs"}.Of(held.Threshold),
		measure.Quantity{Key: "auc", Name: "AUC", Unit: measure.Share, Note: "the chance that a test pair of the same is nearer than another"}.Of(test.AUC),
		measure.Quantity{Key: "eer", Name: "Equal error rate", Unit: measure.Share, Note: "where as many others are accepted as of the same are refused"}.Of(test.EER),
	}
}

// pairTables are the figures of the held-out pairs beside those of the test pairs, and what is accepted of the test pairs where few others are.
func pairTables(held, test *retrieval.Verification) []measure.Table {
	pairs := measure.Table{Key: "pairs", Name: "pairs", Columns: []measure.Quantity{
		{Key: "same", Name: "Of the same", Unit: measure.Count},
		{Key: "different", Name: "Of others", Unit: measure.Count},
		{Key: "accuracy", Name: "Accuracy", Unit: measure.Share, Note: "at the threshold"},
		{Key: "best", Name: "Best", Unit: measure.Share, Note: "at their own best threshold"},
		{Key: "auc", Name: "AUC", Unit: measure.Share},
		{Key: "eer", Name: "Equal error rate", Unit: measure.Share},
	}}
	for _, row := range []struct {
		name string
		v    *retrieval.Verification
	}{{"held out", held}, {"test", test}} {
		v := row.v
		pairs.Add(row.name, float64(v.Same), float64(v.Different), v.AccuracyAt(held.Threshold), v.Accuracy, v.AUC, v.EER)
	}
	few := measure.Table{Key: "tar_at_far", Name: "others accepted", Columns: []measure.Quantity{
		{Key: "tar", Name: "Accepted", Unit: measure.Share, Note: "of the test pairs of the same"}, {Key: "threshold", Name: "Threshold"},
	}}
	for _, a := range test.TARAtFAR {
		few.Add(fmt.Sprintf("at most %g %%", 100*a.FAR), a.TAR, a.Threshold)
	}
	return []measure.Table{pairs, few}
}
