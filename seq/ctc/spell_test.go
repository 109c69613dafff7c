package ctc

import (
	"slices"
	"testing"
)

func TestSpell(t *testing.T) {
	b := Beam{Tokens: []string{"a", "<b>", "ab", "abc", "cd", "d", "", "ü", "bcd"}, Blank: 1}
	for _, c := range []struct {
		text string
		want []int // nil: impossible
	}{
		{"", []int{}},
		{"a", []int{0}},
		{"abcd", []int{3, 5}}, // not ab cd nor a bcd, whose firsts are shorter
		{"abcda", []int{3, 5, 0}},
		{"abcdcd", []int{3, 5, 4}},
		{"ücdabü", []int{7, 4, 2, 7}},
		{"aab", []int{0, 2}},
		{"c", nil},
		{"abc<b>", nil},
		{"aéa", nil},
	} {
		got, err := b.Spell(c.text)
		if (err != nil) != (c.want == nil) || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}
