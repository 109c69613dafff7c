package jobs

import (
	"context"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
)

// plainPair is how a way to tell pairs apart does on the test pairs, by a threshold that is the best on held-out ones.
type plainPair struct {
	name               string
	accuracy, auc, eer float64
}

// plainPairs are how chance and vectors without training tell the test pairs apart.
func (t *siameseTask) plainPairs(ctx context.Context) ([]plainPair, error) {
	same := 0
	for _, q := range t.parts.test.pairs {
		if q.Same {
			same++
		}
	}
	all := []plainPair{{"chance", 1 - train.Guessed([]int{same, len(t.parts.test.pairs) - same}), 0.5, 0.5}}
	for _, e := range plainEncoders {
		held, err := e.verify(ctx, t.parts.held)
		if err != nil {
			return nil, err
		}
		test, err := e.verify(ctx, t.parts.test)
		if err != nil {
			return nil, err
		}
		all = append(all, plainPair{e.name, test.AccuracyAt(held.Threshold), test.AUC, test.EER})
	}
	return all, nil
}

// verify tells pairs apart by the distances of plain vectors.
func (e *plainEncoder) verify(ctx context.Context, p pairSet) (*retrieval.Verification, error) {
	x, err := e.embed(ctx, p.set)
	if err != nil {
		return nil, err
	}
	dim := e.dim(p.set)
	var distances []float64
	var same []bool
	for _, q := range p.pairs {
		distances = append(distances, distance.Between(distance.Measure{}, x[q.A*dim:][:dim], x[q.B*dim:][:dim]))
		same = append(same, q.Same)
	}
	return retrieval.Verify(distances, same)
}

// plainTable shows plain ways; the run's own is the last.
func plainTable(all []plainPair) measure.Table {
	t := measure.Table{Key: "baselines", Name: "apart by", Columns: []measure.Quantity{
		{Key: "accuracy", Name: "Accuracy", Unit: measure.Share, Note: "of the test pairs, at the threshold that is the best on held-out ones"},
		{Key: "auc", Name: "AUC", Unit: measure.Share},
		{Key: "eer", Name: "Equal error rate", Unit: measure.Share},
	}}
	for _, p := range all {
		t.Add(p.name, p.accuracy, p.auc, p.eer)
	}
	return t
}

// plainGain is how much better the run is, the last, than the best of the plain ways.
func plainGain(all []plainPair) measure.Figure {
	own, best := all[len(all)-1], all[0]
	for _, p := range all[:len(all)-1] {
		if p.accuracy > best.accuracy {
			best = p
		}
	}
	return gain("accuracy", own.accuracy, report.Baseline{Name: best.name}, best.accuracy)
}
