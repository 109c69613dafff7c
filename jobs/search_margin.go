package jobs

import (
	"cmp"
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/train"
)

// A demand is what a loss of vectors asks of their distances, as far as it can be measured on them.
type demand struct {
	margin float64                            // 0: none
	keeps  func(s functional.LabelStats) bool // nil: the gap is at least the margin
	note   string                             // of the share that keeps it
	looks  float64                            // difference of distances that the loss looks for; 0: the margin, or not known
}

// subject says what a run of search is diagnosed as.
func (l *metricLoss) subject(c *Search) train.Subject {
	t := train.Terms{Energies: "distances", Samples: "pictures", Correct: "the nearest of the class", Offending: "the nearest of another class"}
	s := train.Subject{Loss: c.Loss, Architecture: fmt.Sprintf("distances of vectors of %d numbers", c.Dim)}
	var d demand
	if l.asks != nil {
		d = l.asks(c)
	}
	s.Margin, s.Keeps, s.Looks = d.margin, d.keeps, d.looks
	t.Kept = train.ToldApart("of the pictures are nearer to one of their class than to any other")
	if d.margin > 0 {
		t.Kept = train.MarginKept(d.note)
	}
	s.Terms = t
	return s
}

// tripletDemand is a gap, or with a soft margin differences of the size of softplus's bend, 1.
func tripletDemand(c *Search) demand {
	if c.SoftMargin {
		return demand{looks: 1}
	}
	m := cmp.Or(c.Margin, loss.NewBatchTriplet[float32]().Margin)
	return demand{margin: m, note: fmt.Sprintf("of the pictures are nearer to one of their class than to any other by the margin %v", m)}
}

// contrastiveDemand is a distance from others.
func contrastiveDemand(c *Search) demand {
	m := cmp.Or(c.Margin, loss.NewContrastive[float32]().NegMargin)
	return demand{
		margin: m, note: fmt.Sprintf("of the pictures are farther than the margin %v from all of other classes", m),
		keeps: func(s functional.LabelStats) bool { return s.Offending >= m },
	}
}

// circleDemand is of cosines: at least 1 − m of a class, at most m of others. The distances are those of unit
// vectors; of others they do not tell cosines.
func circleDemand(c *Search) demand {
	if c.Raw {
		return demand{}
	}
	m := cmp.Or(c.Margin, loss.NewCircle[float32]().M)
	return demand{
		margin: m, note: fmt.Sprintf("of the pictures have a cosine of at least %.3g to one of their class and of at most %.3g to all others", 1-m, m),
		keeps: func(s functional.LabelStats) bool {
			return cosineOf(s.Correct) >= 1-m && cosineOf(s.Offending) <= m
		},
		looks: distanceOf(1 - m),
	}
}

// temperatureDemand is differences of cosines of the size of a temperature; own is the loss's where none is set.
func temperatureDemand(own float64) func(c *Search) demand {
	return func(c *Search) demand {
		if c.Raw {
			return demand{}
		}
		return demand{looks: distanceOf(1 - cmp.Or(c.Temperature, own))}
	}
}

// cosineOf is the cosine of unit vectors at a distance, distanceOf the distance of those with a cosine.
func cosineOf(distance float64) float64 { return 1 - distance*distance/2 }
func distanceOf(cosine float64) float64 { return math.Sqrt(max(2-2*cosine, 0)) }
