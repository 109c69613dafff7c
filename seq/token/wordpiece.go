package token

import (
	"strings"
	"unicode/utf8"
)

// wordPiece is a model of words that are cut, from the left, into the longest pieces.
//
// Source: [schuster2012].
type wordPiece struct {
	has     func(name string) bool
	prefix  string // of pieces that continue a word
	longest int    // of the words that are spelled, in characters
}

// text is that of a piece: one without the prefix begins a word.
func (w *wordPiece) text(piece string) string {
	if rest, ok := strings.CutPrefix(piece, w.prefix); ok && w.prefix != "" {
		return rest
	}
	return " " + piece
}

func (w *wordPiece) pieces(word string) (all []string, err error) {
	if utf8.RuneCountInString(word) > w.longest {
		return nil, unspelled(word)
	}
	for at := 0; at < len(word); {
		prefix := ""
		if at > 0 {
			prefix = w.prefix
		}
		end := len(word)
		for end > at && !w.has(prefix+word[at:end]) {
			_, size := utf8.DecodeLastRuneInString(word[at:end])
			end -= size
		}
		if end == at {
			return nil, unspelled(word)
		}
		all, at = append(all, prefix+word[at:end]), end
	}
	return all, nil
}
