package tag

import (
	"strings"
	"unicode/utf8"
)

// Tokens splits a line of plain text into words as the Brown corpus does: punctuation
// stands by itself, a quotation mark is two strokes, and what known has is left whole:
// abbreviations with their stop, words with an apostrophe.
func Tokens(line string, known func(word string) bool) (words []string) {
	for _, chunk := range strings.Fields(strings.ReplaceAll(line, "--", " -- ")) {
		var tail []string
		for chunk != "" && !known(chunk) {
			first, size := utf8.DecodeRuneInString(chunk)
			if size == len(chunk) || !strings.ContainsRune("([{\"'`“‘", first) {
				break
			}
			words = append(words, opening(first))
			chunk = chunk[size:]
		}
		for chunk != "" && !known(chunk) {
			last, size := utf8.DecodeLastRuneInString(chunk)
			if size == len(chunk) || !strings.ContainsRune(")]}\"',.;:?!”’", last) {
				break
			}
			tail = append(tail, closing(last))
			chunk = chunk[:len(chunk)-size]
		}
		words = append(words, chunk)
		for i := len(tail) - 1; i >= 0; i-- {
			words = append(words, tail[i])
		}
	}
	return words
}

func opening(r rune) string {
	switch r {
	case '"', '“':
		return "``"
	case '‘':
		return "`"
	}
	return string(r)
}

func closing(r rune) string {
	switch r {
	case '"', '”':
		return "''"
	case '’':
		return "'"
	}
	return string(r)
}
