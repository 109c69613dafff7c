package tag

import (
	"context"

	"github.com/energo-ml/energo/ebm/measure"
)

// Accuracy is shares of words that a model gives their right tag; of no words, NaN.
type Accuracy struct {
	All     measure.Number `json:"all"`
	Known   measure.Number `json:"known"`   // of words that training had, or of items with attributes that it had
	Unknown measure.Number `json:"unknown"` // of the others
	Words   int            `json:"words"`
	New     int            `json:"unknown_words"`
	Whole   measure.Number `json:"sentences"` // share of sentences without a wrong tag
}

// tagBatch is how many sentences are tagged together.
const tagBatch = 64

// Measure compares a model's tags with the right ones. It returns the context's error soon after that has ended.
func (m *Model) Measure(ctx context.Context, set []Sentence) (Accuracy, error) {
	var a Accuracy
	var right, known, whole int
	var got []int
	words := m.Lexicon()
	for lo := 0; lo < len(set); lo += tagBatch {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		part := set[lo:min(lo+tagBatch, len(set))]
		var err error
		if got, err = m.best(got[:0], part); err != nil {
			return a, err
		}
		at := 0
		for _, s := range part {
			wrong := 0
			for i, y := range s.Tags {
				isNew := words.isNew(s.Words[i])
				a.Words++
				if isNew {
					a.New++
				}
				switch {
				case got[at] != int(y):
					wrong++
				case isNew:
					right++
				default:
					right++
					known++
				}
				at++
			}
			if wrong == 0 {
				whole++
			}
		}
	}
	a.All = share(right, a.Words)
	a.Known = share(known, a.Words-a.New)
	a.Unknown = share(right-known, a.New)
	a.Whole = share(whole, len(set))
	return a, nil
}

func share(n, of int) measure.Number { return measure.Number(measure.Ratio(float64(n), float64(of))) }
