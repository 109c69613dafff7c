package jobs

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
)

// mostRivals is how many others a row of a rank is compared with where nothing is trained.
const mostRivals = 64

// tablePart is some rows of a table, as numbers.
type tablePart struct {
	schema *data.TableSchema
	x      []float32 // [n, width]
	labels [][]int
	y      []float32 // of numbers: standardised
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

func newTablePart(s *data.TableSchema, t *data.Table, rows []int) (tablePart, error) {
	p := tablePart{schema: s}
	x, err := s.Features(t)
	if err != nil {
		return p, err
	}
	a, err := s.Answers(t)
	if err != nil {
		return p, err
	}
	width := s.Width()
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
	return p, nil
}

// order finds the rivals of each row.
func (p *tablePart) order(groups []string) {
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

func (p *tablePart) samples() int { return len(p.listed) }

// drawn returns the rows of some samples; of ranks each with a rival drawn at random, pair by pair.
func (p *tablePart) drawn(dst, samples []int, rng *rand.Rand) []int {
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
func (p *tablePart) whole() []int {
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

// all lists the numbers below n.
func all(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// splitBy divides the rows by a column that says what each is for. held is nil where none is for validation.
func splitBy(t *data.Table, name string) (rest, held, test []int, err error) {
	column, err := t.Column(name)
	if err != nil {
		return nil, nil, nil, err
	}
	for r, text := range column.Texts {
		switch text {
		case "train":
			rest = append(rest, r)
		case "validation":
			held = append(held, r)
		case "test":
			test = append(test, r)
		default:
			return nil, nil, nil, t.Fault(r, name, "%q is not train, validation or test", excerpt.Of(text))
		}
	}
	return rest, held, test, nil
}
