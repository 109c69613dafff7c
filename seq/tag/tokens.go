package tag

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A Token is a word of a line.
type Token struct {
	Word       string
	Start, End int // bytes of the line that it stands for, from Start on and before End
}

// Tokens splits a line of plain text into words as the Brown corpus does: punctuation
// stands by itself, a quotation mark is two strokes, and what known has is left whole:
// abbreviations with their stop, words with an apostrophe.
func Tokens(line string, known func(word string) bool) (words []string) {
	for _, t := range Spans(line, known) {
		words = append(words, t.Word)
	}
	return words
}

// Spans is Tokens with the places of the words in the line.
func Spans(line string, known func(word string) bool) (tokens []Token) {
	for _, t := range fields(line) {
		at := t.Start
		for i, part := range strings.Split(t.Word, dashes) {
			if i > 0 {
				tokens = append(tokens, Token{dashes, at, at + len(dashes)})
				at += len(dashes)
			}
			tokens = cut(tokens, part, at, known)
			at += len(part)
		}
	}
	return tokens
}

// dashes stand by themselves wherever they are.
const dashes = "--"

// fields splits a line at white space.
func fields(line string) (tokens []Token) {
	at := 0
	for word := range strings.FieldsSeq(line) {
		at += strings.Index(line[at:], word) // before it there is only white space
		tokens = append(tokens, Token{word, at, at + len(word)})
		at += len(word)
	}
	return tokens
}

// cut appends what a chunk that begins at some byte is cut into.
func cut(tokens []Token, chunk string, at int, known func(word string) bool) []Token {
	var tail []Token
	for chunk != "" && !known(chunk) {
		first, size := utf8.DecodeRuneInString(chunk)
		if size == len(chunk) || !strings.ContainsRune("([{\"'`“‘", first) {
			break
		}
		tokens = append(tokens, Token{opening(first), at, at + size})
		chunk, at = chunk[size:], at+size
	}
	for chunk != "" && !known(chunk) {
		last, size := utf8.DecodeLastRuneInString(chunk)
		if size == len(chunk) || !strings.ContainsRune(")]}\"',.;:?!”’", last) {
			break
		}
		end := at + len(chunk)
		tail = append(tail, Token{closing(last), end - size, end})
		chunk = chunk[:len(chunk)-size]
	}
	if chunk != "" {
		tokens = append(tokens, Token{chunk, at, at + len(chunk)})
	}
	slices.Reverse(tail)
	return append(tokens, tail...)
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
