package ctc

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// What words are charged ahead keeps words in narrow beams that are lost without it.
func TestLookAhead(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 1))
	vocabulary := words(rng, 300, 26)
	var text strings.Builder
	for range 300 {
		text.WriteString(vocabulary[rng.IntN(300)] + " " + vocabulary[rng.IntN(300)] + "\n")
	}
	b := Beam{Tokens: alphabet(28), Separator: " ", Width: 8, Model: languageModel(t, 2, text.String()), LMWeight: 0.5, WordBonus: 1.5, Unknown: -10}
	d, plain := decoder(t, b), decoder(t, b)
	plain.lexicon.ahead = nil
	var with, without ErrorCount
	for range 100 {
		said := []string{vocabulary[rng.IntN(300)], vocabulary[rng.IntN(300)], vocabulary[rng.IntN(300)]}
		var x []float32
		for _, c := range spell(strings.Join(said, "\x5f")) { // a separator has the class of "_"
			if c == int('\x5f'-'a')+2 {
				c = 1
			}
			for _, c := range []int{c, 0} {
				row := emit(rng, 1, 28, 1, 0)
				if rng.IntN(3) > 0 {
					row[c] = max(row[c], 0) + 1
				} else {
					row[c] = slices.Max(row)
				}
				x = append(x, row...)
			}
		}
		for d, n := range map[*Decoder]*ErrorCount{d: &with, plain: &without} {
			h, err := d.Decode(x)
			if err != nil {
				t.Fatal(err)
			}
			n.Add(Edits(said, strings.Fields(d.Text(h[0].Tokens))))
		}
	}
	if with.Rate() > 0.8*without.Rate() || without.Rate() < 0.02 {
		t.Errorf("word error rate %v with what is charged ahead, %v without", with.Rate(), without.Rate())
	}
}
