package token

import (
	"math"
	"slices"
	"unicode/utf8"
)

// unigram is a model of pieces by themselves: a text's spelling is the likeliest. F is how its program adds up logarithms, float32 in SentencePiece and float64 in
// Hugging Face's tokenizers, which matters where spellings tie.
//
// Source: [kudo2018b].
type unigram[F float32 | float64] struct {
	scores   map[string]F
	lengths  []int // that pieces have, in bytes
	unknown  F     // score of a character that no piece is
	fallback bool
}

// unknownPenalty is how much less likely an unknown character is than the least likely piece.
const unknownPenalty = 10

func newUnigram[F float32 | float64](scores map[string]F, least F, fallback bool) *unigram[F] {
	u := &unigram[F]{scores: scores, unknown: least - unknownPenalty, fallback: fallback}
	for name := range scores {
		u.lengths = append(u.lengths, len(name))
	}
	slices.Sort(u.lengths)
	u.lengths = slices.Compact(u.lengths)
	return u
}

func (u *unigram[F]) pieces(text string) ([]string, error) {
	type arrival struct {
		score F
		from  int // −1: not reached
		known bool
	}
	best := make([]arrival, len(text)+1)
	for i := range best {
		best[i].from = -1
	}
	reach := func(from, to int, score F, known bool) {
		if a := &best[to]; a.from < 0 || score > a.score {
			*a = arrival{score, from, known}
		}
	}
	for at := 0; at < len(text); {
		_, size := utf8.DecodeRuneInString(text[at:])
		single := false
		for _, n := range u.lengths {
			to := at + n
			if to > len(text) {
				break
			}
			if score, ok := u.scores[text[at:to]]; ok {
				reach(at, to, best[at].score+score, true)
				single = single || n == size
			}
		}
		if !single {
			reach(at, at+size, best[at].score+u.unknown, false)
		}
		at += size
	}
	var back []string
	for at := len(text); at > 0; at = best[at].from {
		a := best[at]
		piece := text[a.from:at]
		if a.known {
			back = append(back, piece)
			continue
		}
		bytes, ok := bytePieces(piece, func(name string) bool { _, ok := u.scores[name]; return ok })
		if !u.fallback || !ok {
			return nil, unspelled(piece)
		}
		for i := len(bytes) - 1; i >= 0; i-- {
			back = append(back, bytes[i])
		}
	}
	slices.Reverse(back)
	return back, nil
}

// leastOf is the least of scores; 0 of none.
func leastOf[F float32 | float64](scores map[string]F) F {
	least := F(math.Inf(1))
	for _, s := range scores {
		least = min(least, s)
	}
	if len(scores) == 0 {
		return 0
	}
	return least
}
