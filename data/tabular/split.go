package tabular

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
)

// Split says which rows of a table are for what.
type Split struct{ Train, Validation, Test []int }

// Divide divides the rows of a table. Where column is set, its cells say train, validation or test; else a share of the rows, at least one
// where the share is above 0, is for the test, and all rows are in an order drawn at random, those of a group together where group
// names a column.
//
// Errors: the columns are not there; another text, with its line.
func Divide(t *data.Table, column, group string, share float64, rng *rand.Rand) (s Split, err error) {
	if column != "" {
		return byColumn(t, column)
	}
	rows, err := shuffled(t, group, rng)
	if err != nil {
		return s, err
	}
	n := len(rows)
	if share > 0 {
		n -= max(1, int(share*float64(n)+0.5))
	}
	return Split{Train: rows[:n], Test: rows[n:]}, nil
}

func byColumn(t *data.Table, name string) (s Split, err error) {
	column, err := t.Column(name)
	if err != nil {
		return s, err
	}
	for r, text := range column.Texts {
		switch text {
		case "train":
			s.Train = append(s.Train, r)
		case "validation":
			s.Validation = append(s.Validation, r)
		case "test":
			s.Test = append(s.Test, r)
		default:
			return s, t.Fault(r, name, "%q is not train, validation or test", excerpt.Of(text))
		}
	}
	return s, nil
}

func shuffled(t *data.Table, group string, rng *rand.Rand) ([]int, error) {
	rows := t.All()
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	if group == "" {
		return rows, nil
	}
	column, err := t.Column(group)
	if err != nil {
		return nil, err
	}
	place := map[string]int{}
	for i, r := range rows {
		if _, ok := place[column.Texts[r]]; !ok {
			place[column.Texts[r]] = i
		}
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(place[column.Texts[a]], place[column.Texts[b]]) })
	return rows, nil
}
