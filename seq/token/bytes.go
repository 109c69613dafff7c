package token

import "strings"

// byteSpace is how GPT-2's tokenizer writes a space.
const byteSpace = "Ġ"

// byteText is the text that a name stands for that writes each byte as a character: those that print as themselves, and the others, in order, as those from U+0100 on.
//
// Source: [radford2019].
func byteText(name string) string {
	var b strings.Builder
	for _, r := range name {
		v, ok := byteOf[r]
		if !ok {
			return name
		}
		b.WriteByte(v)
	}
	return b.String()
}

// byteName is a text with a character for each byte, of which byteText is the inverse.
func byteName(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(runeOf[text[i]])
	}
	return b.String()
}

var runeOf = func() (all [256]rune) {
	for r, v := range byteOf {
		all[v] = r
	}
	return all
}()

var byteOf = func() map[rune]byte {
	m := map[rune]byte{}
	next := rune(0x100)
	for v := range 256 {
		r := rune(v)
		if !(r >= '!' && r <= '~' || r >= 0xa1 && r <= 0xac || r >= 0xae) {
			r = next
			next++
		}
		m[r] = byte(v)
	}
	return m
}()
