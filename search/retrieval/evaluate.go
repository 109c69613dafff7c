package retrieval

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/loss/distance"
)

// Options is what to measure. Its zero value is the Euclidean distance, DefaultK, no list of
// mistakes and no clusters.
type Options struct {
	Distance distance.Measure
	K        []int      // of Recall; nil means DefaultK
	Mistakes int        // how many to list
	Rand     *rand.Rand // of the clusters' centres; nil leaves out NMI
}

// DefaultK is for which k recall is measured if nothing else is said.
var DefaultK = []int{1, 2, 4, 8, 10}

// Report is how well a gallery answers queries. All figures but the counts are from 0 to 1,
// means over the queries that count: those whose label the gallery has. With R the number of
// samples in the gallery that have the query's label, and P(i) the share of that label among
// the i nearest,
//
//	recall@k      whether one of the k nearest has the label
//	R-precision   P(R)
//	MAP@R         1/R · Σ P(i) over those of the R nearest that have the label
//	MAP           1/R · Σ P(i) over all that have the label
//
// Source: [musgrave2020].
type Report struct {
	Queries    int       `json:"queries"`  // that count
	LeftOut    int       `json:"left_out"` // queries whose label the gallery does not have
	Gallery    int       `json:"gallery"`  // samples that are searched, with the query itself if it is one of them
	Precision1 float64   `json:"precision_at_1"`
	Recall     []Recall  `json:"recall"`
	RPrecision float64   `json:"r_precision"`
	MAPAtR     float64   `json:"map_at_r"`
	MAP        float64   `json:"map"`
	NMI        *float64  `json:"nmi,omitempty"` // of clusters and labels; nil where it was not asked for
	Classes    []Class   `json:"classes"`       // by label
	Wrong      int       `json:"wrong"`         // queries whose nearest sample has another label
	Mistakes   []Mistake `json:"mistakes,omitempty"`
}

// Recall is the share of the queries with a sample of their label among the K nearest.
type Recall struct {
	K     int     `json:"k"`
	Share float64 `json:"share"`
}

// Class is one label's part.
type Class struct {
	Label      int     `json:"label"`
	Queries    int     `json:"queries"`
	Precision1 float64 `json:"precision_at_1"`
}

// Mistake is a query whose nearest sample has another label. The greater RightDistance −
// Distance, the harder it is.
type Mistake struct {
	Query         int     `json:"query"`
	Wrong         int     `json:"wrong"` // the nearest sample, by its index in the gallery
	Distance      float64 `json:"distance"`
	Right         int     `json:"right"` // the nearest sample of the query's label
	RightDistance float64 `json:"right_distance"`
}

// Evaluate searches for each of the vectors, rows of dim coordinates, among all others.
//
// A query that is alone with its label is left out; it is still found by others. NMI is that
// of k-means with as many clusters as labels (see [KMeans]; of vectors of unit length where
// the distance divides by lengths).
//
// Errors: labels that are not one a row; k below 1; Mistakes below 0; no label that comes
// twice; what [pair.Strips.Set] refuses, such as a value that is not finite; the context's, soon after it has ended.
func Evaluate(ctx context.Context, vectors []float32, dim int, labels []int, o Options) (*Report, error) {
	r, err := evaluate(ctx, vectors, labels, vectors, labels, dim, true, o)
	if err != nil || o.Rand == nil {
		return r, err
	}
	nmi, err := clustered(ctx, vectors, dim, labels, o)
	if err != nil {
		return nil, err
	}
	r.NMI = &nmi
	return r, nil
}

// Against searches for each query in a gallery that does not hold it. NMI is not measured.
//
// Errors: as [Evaluate]; Rand, which nothing is drawn from; no query's label in the gallery.
func Against(ctx context.Context, queries []float32, queryLabels []int, gallery []float32, galleryLabels []int, dim int, o Options) (*Report, error) {
	if o.Rand != nil {
		return nil, fmt.Errorf("retrieval: Against: rand is set; it must be nil, since no clusters are measured")
	}
	return evaluate(ctx, queries, queryLabels, gallery, galleryLabels, dim, false, o)
}

func evaluate(ctx context.Context, queries []float32, queryLabels []int, gallery []float32, galleryLabels []int, dim int, among bool, o Options) (*Report, error) {
	if o.K == nil {
		o.K = DefaultK
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := sameRows("labels", len(queryLabels), "vectors", len(queries), dim); err != nil {
		return nil, err
	}
	if err := sameRows("the gallery's labels", len(galleryLabels), "gallery", len(gallery), dim); err != nil {
		return nil, err
	}
	ranked, err := rank(ctx, queries, queryLabels, gallery, galleryLabels, dim, among, o.Distance)
	if err != nil {
		return nil, err
	}
	r := &Report{Gallery: len(galleryLabels)}
	if err := r.add(ranked, queryLabels, o.K); err != nil {
		return nil, err
	}
	r.Mistakes = mistakes(ranked, queries, gallery, dim, o)
	return r, nil
}

func (o *Options) check() error {
	for i, k := range o.K {
		if k < 1 {
			return fmt.Errorf("retrieval: k[%d] is %d; it must be at least 1", i, k)
		}
	}
	if o.Mistakes < 0 {
		return fmt.Errorf("retrieval: mistakes is %d; it must be at least 0", o.Mistakes)
	}
	return nil
}

// sameRows checks that there is a label for each row of dim coordinates.
func sameRows(what string, labels int, of string, values, dim int) error {
	if dim < 1 {
		return fmt.Errorf("retrieval: dim is %d; it must be at least 1", dim)
	}
	if values != labels*dim {
		return fmt.Errorf("retrieval: %s has %d elements, %s has %d values; it must have %d, dim (%d) for each label", what, labels, of, values, labels*dim, dim)
	}
	return nil
}

// add sums up the queries, in order of index.
func (r *Report) add(ranked []ranking, labels, ks []int) error {
	byLabel := map[int]*Class{}
	hits := make([]int, len(ks))
	for i, q := range ranked {
		if q.first == 0 {
			r.LeftOut++
			continue
		}
		r.Queries++
		c := byLabel[labels[i]]
		if c == nil {
			c = &Class{Label: labels[i]}
			byLabel[labels[i]] = c
		}
		c.Queries++
		if q.first == 1 {
			c.Precision1++
		} else {
			r.Wrong++
		}
		for j, k := range ks {
			if q.first <= k {
				hits[j]++
			}
		}
		r.RPrecision += q.rPrecision
		r.MAPAtR += q.mapAtR
		r.MAP += q.ap
	}
	if r.Queries == 0 {
		return fmt.Errorf("retrieval: none of %d queries has another sample of its label to find", len(ranked))
	}
	r.average(byLabel, hits, ks)
	return nil
}

// average makes means of sums.
func (r *Report) average(byLabel map[int]*Class, hits, ks []int) {
	n := float64(r.Queries)
	r.Precision1 = float64(r.Queries-r.Wrong) / n
	r.RPrecision, r.MAPAtR, r.MAP = r.RPrecision/n, r.MAPAtR/n, r.MAP/n
	for j, k := range ks {
		r.Recall = append(r.Recall, Recall{k, float64(hits[j]) / n})
	}
	for _, c := range byLabel {
		c.Precision1 /= float64(c.Queries)
		r.Classes = append(r.Classes, *c)
	}
	slices.SortFunc(r.Classes, func(a, b Class) int { return cmp.Compare(a.Label, b.Label) })
}
