package recipe

import "math"

// TagAccuracy is shares of words that were given their right tag.
type TagAccuracy struct {
	All     float64 `json:"all"`
	Known   float64 `json:"known"`   // of words that training had
	Unknown float64 `json:"unknown"` // of the others; 0 where there are none
	Words   int     `json:"words"`
	New     int     `json:"unknown_words"`
	Whole   float64 `json:"sentences"` // share of sentences without a wrong tag
}

// tagBatch is how many sentences are tagged together.
const tagBatch = 64

// measure holds a tagger against the right tags.
func (t *tagger) measure(set []sample) (TagAccuracy, error) {
	var a TagAccuracy
	var right, known, whole int
	var got []int
	for lo := 0; lo < len(set); lo += tagBatch {
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

func share(n, of int) float64 { return float64(n) / math.Max(float64(of), 1) }
