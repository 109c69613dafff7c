package tabular

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
)

// mostRivals is how many others a row of a rank is compared with where nothing is trained.
const mostRivals = 64

// mostEvaluated is how many training rows stand in for those of validation at most.
const mostEvaluated = 5000

// Rows are some rows of a table as numbers: features and right answers.
type Rows struct {
	x      []float32 // [n, width]
	labels [][]int   // of classes
	y      []float32 // of numbers and ranks: standardised
	rivals []rivals  // of ranks
	listed []int     // the samples: rows, or of ranks those that have rivals
}

// rivals are the rows of a row's group, the greatest first, of which those from lo to below hi are equal to it.
type rivals struct {
	order  []int
	lo, hi int
}

func (r rivals) count() int { return len(r.order) - (r.hi - r.lo) }

// pair returns a row and its i-th rival, the greater one first.
func (r rivals) pair(row, i int) (first, second int) {
	if i < r.lo {
		return r.order[i], row
	}
	return row, r.order[i+r.hi-r.lo]
}

// NewRows returns some rows of a table under a schema. Errors: those of the schema's Features and Answers; there is no sample.
func NewRows(s *data.TableSchema, t *data.Table, rows []int) (*Rows, error) {
	x, err := s.Features(t)
	if err != nil {
		return nil, err
	}
	a, err := s.Answers(t)
	if err != nil {
		return nil, err
	}
	p, width := new(Rows), s.Width()
	var groups []string
	for i, r := range rows {
		p.x = append(p.x, x[r*width:(r+1)*width]...)
		p.listed = append(p.listed, i)
		if a.Labels != nil {
			p.labels = append(p.labels, a.Labels[r])
			continue
		}
		p.y = append(p.y, float32((a.Numbers[r]-s.Target.Mean)/s.Target.Scale))
		if a.Groups != nil {
			groups = append(groups, a.Groups[r])
		}
	}
	if s.Target.Kind == data.TableRank {
		p.order(groups)
	}
	if p.Samples() == 0 {
		return nil, fmt.Errorf("%s: of %d rows to train on or to measure by none is a sample, as of ranks rows whose group has no other rank are not", excerpt.Of(t.Path), len(rows))
	}
	return p, nil
}

// Rows returns the rows of each part of a table. Without rows for validation these are the last 5,000 training rows; those of the test are
// all of the CSV file at path where that is not "". Errors: those of NewRows and data.ReadTable.
func (s Split) Rows(schema *data.TableSchema, t *data.Table, path string) (training, validation, test *Rows, err error) {
	if training, err = NewRows(schema, t, s.Train); err != nil {
		return nil, nil, nil, err
	}
	if validation, err = NewRows(schema, t, s.Held()); err != nil {
		return nil, nil, nil, err
	}
	rows := s.Test
	if path != "" {
		if t, err = data.ReadTable(path); err != nil {
			return nil, nil, nil, err
		}
		rows = t.All()
	}
	test, err = NewRows(schema, t, rows)
	return training, validation, test, err
}

// Held are the rows that are evaluated on while a model is trained: those for validation, or else the last 5,000 training rows.
func (s Split) Held() []int {
	if s.Validation == nil {
		return s.Train[max(0, len(s.Train)-mostEvaluated):]
	}
	return s.Validation
}

// order lists the rivals of each row.
func (p *Rows) order(groups []string) {
	members := map[string][]int{}
	for i, g := range groups {
		members[g] = append(members[g], i)
	}
	p.rivals, p.listed = make([]rivals, len(groups)), nil
	for _, order := range members {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.y[b], p.y[a]) })
		for lo := 0; lo < len(order); {
			hi := lo
			for hi < len(order) && p.y[order[hi]] == p.y[order[lo]] {
				hi++
			}
			for _, i := range order[lo:hi] {
				p.rivals[i] = rivals{order, lo, hi}
			}
			lo = hi
		}
	}
	for i, r := range p.rivals {
		if r.count() > 0 {
			p.listed = append(p.listed, i)
		}
	}
}

// Samples returns how many samples there are: rows, or of ranks rows of whose group another one differs.
func (p *Rows) Samples() int { return len(p.listed) }

// drawn writes the rows of some samples to dst's memory; of ranks each with a rival drawn at random, pair by pair.
func (p *Rows) drawn(dst, samples []int, rng *rand.Rand) []int {
	dst = dst[:0]
	for _, s := range samples {
		row := p.listed[s]
		if p.rivals == nil {
			dst = append(dst, row)
			continue
		}
		first, second := p.rivals[row].pair(row, rng.IntN(p.rivals[row].count()))
		dst = append(dst, first, second)
	}
	return dst
}

// whole returns all rows; of ranks all pairs, or where a row has more than mostRivals rivals, as many at equal distances of rank.
func (p *Rows) whole() []int {
	if p.rivals == nil {
		return p.listed
	}
	var pairs []int
	for _, row := range p.listed {
		n := p.rivals[row].count()
		for i := range min(n, mostRivals) {
			first, second := p.rivals[row].pair(row, i*n/min(n, mostRivals))
			pairs = append(pairs, first, second)
		}
	}
	return pairs
}
