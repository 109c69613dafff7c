package recipe

import (
	"context"

	"github.com/energo-ml/energo/measure"
)

// TagAccuracy is shares of words that were given their right tag; of no words, NaN.
type TagAccuracy struct {
	All     measure.Number `json:"all"`
	Known   measure.Number `json:"known"`   // of words that training had
	Unknown measure.Number `json:"unknown"` // of the others
	Words   int            `json:"words"`
	New     int            `json:"unknown_words"`
	Whole   measure.Number `json:"sentences"` // share of sentences without a wrong tag
}

// tagBatch is how many sentences are tagged together.
const tagBatch = 64

// measure holds a tagger against the right tags.
func (t *tagger) measure(ctx context.Context, set []sample) (TagAccuracy, error) {
	var a TagAccuracy
	var right, known, whole int
	var got []int
	for lo := 0; lo < len(set); lo += tagBatch {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		part := set[lo:min(lo+tagBatch, len(set))]
		var err error
		if got, err = t.tag(got[:0], part); err != nil {
			return a, err
		}
		at := 0
		for _, s := range part {
			wrong := 0
			for i, y := range s.tags {
				isNew := t.words.words[s.words[i]].count == 0
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
