package jobs

import (
	"context"
	"math"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/train"
)

// Measure implements job.Model.
func (m *tabular) Measure(ctx context.Context) (*job.Measures, error) {
	s, err := m.see(ctx, &m.test)
	if err != nil {
		return nil, err
	}
	var e measure.Figure
	var chance float64
	var more []measure.Figure
	switch m.c.Answers {
	case data.TableClass:
		e, chance = m.wrongClass(&s)
	case data.TableClasses:
		e, chance, more = m.wrongClasses(&s)
	case data.TableNumber:
		e, chance, more = m.wrongNumber(&s)
	case data.TableRank:
		e, chance, more = m.wrongOrder(&s)
	}
	q := measure.Quantity{Key: "test_loss", Name: "Test loss", Note: "mean over the test rows"}
	return &job.Measures{Evaluation: train.Diagnose(s.stats, m.subject, e, chance), Figures: append(more, q.Of(s.loss))}, nil
}

// wrongClass is the share of rows whose class of least energy, the first of equals, is not the right one.
func (m *tabular) wrongClass(s *seen) (e measure.Figure, chance float64) {
	wrong, counts := 0, make([]int, s.k)
	for i, x := range s.stats {
		y := m.test.labels[i][0]
		counts[y]++
		if !(x.Gap() > 0 || x.Gap() == 0 && y < x.Answer) {
			wrong++
		}
	}
	q := measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of the rows wrong"}
	return q.Of(measure.Ratio(float64(wrong), float64(len(s.stats)))), job.Guessed(counts)
}

// wrongClasses is the share of rows whose classes with energies below 0 are not exactly the right ones.
func (m *tabular) wrongClasses(s *seen) (measure.Figure, float64, []measure.Figure) {
	k := len(m.schema.Target.Classes)
	all := scored{n: len(s.out) / k, k: k}
	for i, e := range s.out {
		all.scores = append(all.scores, -e)
		all.right = append(all.right, slices.Contains(m.test.labels[i/k], i%k))
	}
	q := measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of the rows have not exactly their classes in the answer"}
	return q.Of(all.wrong(0)), all.chance(), []measure.Figure{
		measure.Quantity{Key: "mean_average_precision", Name: "Mean AP", Unit: measure.Share, Note: "average precision, mean over the classes"}.Of(all.meanAveragePrecision()),
		measure.Quantity{Key: "coverage", Name: "Coverage", Note: "scores from the best down that have all of a row's classes, mean"}.Of(all.coverage()),
	}
}

// wrongNumber is 1 − R²: Σ(y − f(x))²/Σ(y − ȳ)², over the test rows. A constant answer has 1 at best.
func (m *tabular) wrongNumber(s *seen) (measure.Figure, float64, []measure.Figure) {
	n, scale := float64(len(s.out)), m.schema.Target.Scale
	var mean, off, away, square float64
	for _, y := range m.test.y {
		mean += float64(y) / n
	}
	for i, y := range m.test.y {
		d := float64(s.out[i]) - float64(y)
		off, square = off+float64(d*d), square+math.Abs(d)/n
		d = float64(y) - mean
		away += float64(d * d)
	}
	ratio := measure.Ratio(off, away)
	q := measure.Quantity{Key: "unexplained", Name: "Unexplained", Unit: measure.Share, Note: "of the target's variance is left"}
	return q.Of(ratio), 1, []measure.Figure{
		measure.Quantity{Key: "r2", Name: "R²", Note: "1 is exact, 0 the mean of the test rows"}.Of(1 - ratio),
		measure.Quantity{Key: "mae", Name: "MAE", Note: "mean absolute error, in the unit of " + m.c.Target}.Of(square * scale),
		measure.Quantity{Key: "rmse", Name: "RMSE", Note: "root mean squared error, in the unit of " + m.c.Target}.Of(math.Sqrt(off/n) * scale),
	}
}

// wrongOrder is the share of pairs with different ranks of which the greater one has no lower energy.
func (m *tabular) wrongOrder(s *seen) (measure.Figure, float64, []measure.Figure) {
	right := 0
	for _, x := range s.stats {
		if x.Gap() > 0 {
			right++
		}
	}
	share := measure.Ratio(float64(right), float64(len(s.stats)))
	q := measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of the pairs not in order"}
	return q.Of(1 - share), 0.5, []measure.Figure{
		measure.Quantity{Key: "in_order", Name: "In order", Unit: measure.Share, Note: "of the pairs"}.Of(share),
	}
}
