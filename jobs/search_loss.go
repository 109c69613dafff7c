package jobs

import (
	"cmp"
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/train"
)

// metricBatch is what a loss of vectors is given, and where its gradients go.
type metricBatch struct {
	x      []float32 // rows of dim coordinates; with two views, all first ones before all second ones
	dim    int
	labels []int // one a row
	dx     []float32

	// What the vectors are compared with in the batch's place; nil: the batch.
	refs      []float32
	refLabels []int

	// Of losses that have a weight vector a class.
	weights, dWeights []float32 // classes rows of dim
}

// metricLoss is a loss that trains vectors for search.
type metricLoss struct {
	name  string
	takes []string // settings besides the common ones

	plain   bool // batches are drawn without regard to classes
	weights bool // it has a trained vector for each class
	views   bool // each picture is seen twice, jittered, and labels do not count
	direct  bool // it takes the network's output as it is, not brought to length 1
	kind    kind // the distance that it compares vectors by

	build func(c *Search) any    // of one of the kinds of package loss
	asks  func(c *Search) demand // nil: nothing that distances tell
}

// evaluation evaluates a loss of any kind.
func evaluation(of any) func(b metricBatch) (float64, error) {
	switch l := of.(type) {
	case loss.OfClasses[float32]:
		return func(b metricBatch) (float64, error) { return l.Eval(b.x, b.dim, b.labels, b.weights, b.dx, b.dWeights) }
	case loss.OfViews[float32]:
		return func(b metricBatch) (float64, error) {
			half := len(b.x) / 2
			return l.Eval(b.x[:half], b.x[half:], b.dim, b.dx[:half], b.dx[half:])
		}
	}
	l := of.(loss.OfLabels[float32])
	against, _ := l.(loss.OfReferences[float32]) // of every loss that takes a memory
	return func(b metricBatch) (v float64, err error) {
		if b.refs != nil {
			v, err = against.EvalAgainst(b.x, b.dim, b.labels, b.refs, b.refLabels, b.dx, nil)
		} else {
			v, err = l.Eval(b.x, b.dim, b.labels, b.dx)
		}
		// Of numbers that are not finite, nothing is counted; an anchor alone may count as a term.
		if s := l.Stats(); err == nil && !math.IsNaN(v) && (s.Terms == 0 || s.Positives+s.Negatives == 0) {
			return 0, train.ErrNothing
		}
		return v, err
	}
}

// override puts a setting instead of a loss's own value where it is not 0.
func override(own *float64, setting float64) {
	if setting != 0 {
		*own = setting
	}
}

var metricLosses = []metricLoss{
	{name: "triplet", asks: tripletDemand, takes: []string{"memory", "mining", "soft_margin", "margin"}, build: func(c *Search) any {
		l := loss.NewBatchTriplet[float32]()
		if c.SoftMargin {
			l = loss.NewSoftBatchTriplet[float32]()
		}
		l.Mining, _ = loss.MiningNamed(c.Mining) // Resolve has checked the name
		override(&l.Margin, c.Margin)
		return l
	}},
	{name: "contrastive", asks: contrastiveDemand, takes: []string{"memory", "margin"}, build: func(c *Search) any {
		l := loss.NewContrastive[float32]()
		override(&l.NegMargin, c.Margin)
		return l
	}},
	{name: "n_pairs", kind: cosines, direct: true, build: func(*Search) any {
		l := loss.NewNPairs[float32]()
		l.L2Reg = nPairsL2
		return l
	}},
	{name: "nt_xent", kind: cosines, asks: temperatureDemand(loss.NewNTXent[float32]().Temperature), takes: []string{"memory", "temperature"}, build: func(c *Search) any {
		l := loss.NewNTXent[float32]()
		override(&l.Temperature, c.Temperature)
		return l
	}},
	{name: "sup_con", kind: cosines, asks: temperatureDemand(loss.NewSupCon[float32]().Temperature), takes: []string{"memory", "temperature"}, build: func(c *Search) any {
		l := loss.NewSupCon[float32]()
		override(&l.Temperature, c.Temperature)
		return l
	}},
	{name: "multi_similarity", kind: cosines, asks: fixedDemand(1/loss.NewMultiSimilarity[float32]().Beta, "1/beta,"), takes: []string{"memory"}, build: func(*Search) any { return loss.NewMultiSimilarity[float32]() }},
	{name: "circle", kind: cosines, asks: circleDemand, takes: []string{"memory", "margin", "scale"}, build: func(c *Search) any {
		l := loss.NewCircle[float32]()
		override(&l.M, c.Margin)
		override(&l.Gamma, c.Scale)
		return l
	}},
	{name: "proxy_nca", kind: squares, asks: temperatureDemand(loss.NewProxyNCAPlusPlus[float32]().Temperature), takes: []string{"temperature"}, plain: true, weights: true, build: func(c *Search) any {
		l := loss.NewProxyNCAPlusPlus[float32]()
		override(&l.Temperature, c.Temperature)
		return l
	}},
	{name: "proxy_anchor", kind: cosines, asks: scaleDemand(loss.NewProxyAnchor[float32]().Alpha), takes: []string{"margin", "scale"}, plain: true, weights: true, build: func(c *Search) any {
		l := loss.NewProxyAnchor[float32]()
		override(&l.Margin, c.Margin)
		override(&l.Alpha, c.Scale)
		return l
	}},
	{name: "arcface", kind: cosines, asks: scaleDemand(loss.NewArcFace[float32]().Scale), takes: []string{"margin", "scale"}, plain: true, weights: true, build: func(c *Search) any {
		l := loss.NewArcFace[float32]()
		override(&l.Margin, c.Margin)
		override(&l.Scale, c.Scale)
		return l
	}},
	{name: "cosface", kind: cosines, asks: scaleDemand(loss.NewCosFace[float32]().Scale), takes: []string{"margin", "scale"}, plain: true, weights: true, build: func(c *Search) any {
		l := loss.NewCosFace[float32]()
		override(&l.Margin, c.Margin)
		override(&l.Scale, c.Scale)
		return l
	}},
	{name: "vicreg", kind: squares, plain: true, views: true, direct: true, build: func(*Search) any { return loss.NewVICReg[float32]() }},
	{name: "barlow_twins", kind: cosines, plain: true, views: true, direct: true, build: func(*Search) any { return loss.NewBarlowTwins[float32]() }},
}

// nPairsL2 is the weight of the squared lengths that keeps n_pairs's vectors from growing.
const nPairsL2 = 0.02

// MetricLosses are the names of the losses that can train vectors for search.
func MetricLosses() (names []string) {
	for _, l := range metricLosses {
		names = append(names, l.name)
	}
	return names
}

// A demand is what a loss of vectors asks of their distances, as far as it can be measured on them.
type demand struct {
	margin float64                            // 0: none
	keeps  func(s functional.LabelStats) bool // nil: the gap is at least the margin
	note   string                             // of the share that keeps it
	looks  float64                            // difference of distances that the loss looks for; 0: the margin, or not known
	name   string                             // of looks
}

// kind is the distance by which a loss compares vectors. Of unit vectors each is a growing function of the Euclidean one.
type kind int

const (
	distances kind = iota // Euclidean
	squares               // of it
	cosines               // 1 − cosine, half the square
)

// energy is what the loss takes for the distance of vectors whose Euclidean distance is known. Of vectors of any length that does not
// tell cosines, so that it is the distance itself.
func (l *metricLoss) energy(c *Search) func(distance float64) float64 {
	switch {
	case c.Raw || l.kind == distances:
		return nil
	case l.kind == squares:
		return func(d float64) float64 { return d * d }
	}
	return func(d float64) float64 { return d * d / 2 }
}

// words name the distances, and widest is the spread that they can have: half the distance of opposite unit vectors. That of vectors
// of any length has no bound.
func (l *metricLoss) words(c *Search) string {
	switch {
	case c.Raw || l.kind == distances:
		return "distances"
	case l.kind == squares:
		return "squared distances"
	}
	return "cosine distances"
}

func (l *metricLoss) widest(c *Search) float64 {
	switch {
	case c.Raw:
		return 0
	case l.kind == squares:
		return 2
	}
	return 1
}

// subject says what a run of search is diagnosed as.
func (l *metricLoss) subject(c *Search) train.Subject {
	t := train.Terms{Energies: l.words(c), Samples: "pictures", Correct: "the nearest of the class", Offending: "the nearest of another class"}
	s := train.Subject{Loss: c.Loss, Architecture: fmt.Sprintf("distances of vectors of %d numbers", c.Dim)}
	var d demand
	if l.asks != nil {
		d = l.asks(c)
	}
	s.Margin, s.Keeps, s.Looks, s.LooksName, s.Range = d.margin, d.keeps, d.looks, d.name, l.widest(c)
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
		return demand{looks: 1, name: "the bend of softplus,"}
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

// circleDemand is of cosines: at least 1 − m of a class, at most m of others. The distances are 1 − cosine of unit
// vectors; those of others do not tell cosines.
func circleDemand(c *Search) demand {
	if c.Raw {
		return demand{}
	}
	m := cmp.Or(c.Margin, loss.NewCircle[float32]().M)
	return demand{
		margin: m, note: fmt.Sprintf("of the pictures have a cosine of at least %.3g to one of their class and of at most %.3g to all others", 1-m, m),
		keeps: func(s functional.LabelStats) bool {
			return s.Correct <= m && s.Offending >= 1-m
		},
	}
}

// temperatureDemand is differences of the size of a temperature; own is the loss's where none is set.
func temperatureDemand(own float64) func(c *Search) demand {
	return func(c *Search) demand { return differences(c, cmp.Or(c.Temperature, own), "the temperature") }
}

// scaleDemand is differences of cosines of the size of a temperature that is the inverse of a scale; own is the loss's where none is
// set. The margins of these losses are of cosines or angles to the classes' vectors, which distances of pictures do not tell.
func scaleDemand(own float64) func(c *Search) demand {
	return func(c *Search) demand { return differences(c, 1/cmp.Or(c.Scale, own), "1/scale,") }
}

// fixedDemand is differences of a size that is no setting.
func fixedDemand(looks float64, name string) func(c *Search) demand {
	return func(c *Search) demand { return differences(c, looks, name) }
}

// differences are those that a loss of unit vectors looks for. The distances of others are not the loss's own.
func differences(c *Search, looks float64, name string) demand {
	if c.Raw {
		return demand{}
	}
	return demand{looks: looks, name: name}
}
