package tag

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/lattice"
)

// drawnChains are two chains of four and two variables, with shared pairs or with states of their own, and their right states.
func drawnChains(rng *rand.Rand, states []int) (c *lattice.Chains[float32], gold []int) {
	c = &lattice.Chains[float32]{Lengths: []int{4, 2}, States: states}
	unary, pair := 18, 9
	if len(states) > 1 {
		unary, pair = 14, 2*3+3*1+1*4+2*2
	}
	for range unary {
		c.Unary = append(c.Unary, float32(rng.NormFloat64()))
	}
	for range pair {
		c.Pair = append(c.Pair, float32(rng.NormFloat64()))
	}
	return c, []int{1, 2, 0, 1, 0, 1}
}

// TestChainLossesHaveTheirGradients holds every functional that chains have against differences.
func TestChainLossesHaveTheirGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for _, name := range functional.Names() {
		for _, states := range [][]int{{3}, {2, 3, 1, 4, 2, 2}} {
			o := functional.DefaultOptions()
			o.Margin, o.Cap = 30.7, 50 // off the flat parts
			f, err := functional.New(name, o)
			if err != nil {
				t.Fatal(err)
			}
			if f.Statistic().Kind == functional.CostSum { // which chains do not have
				continue
			}
			l := Loss{Functional: f, Base: answers.LogProbability}
			c, gold := drawnChains(rng, states)
			value := func() float64 {
				v, err := l.Eval(c, gold)
				if err != nil {
					t.Fatal(name, err)
				}
				return v
			}
			v := value()
			du, dp := slices.Clone(l.Unary), slices.Clone(l.Pair)
			moved := 0
			for _, x := range []struct{ x, d []float32 }{{c.Unary, du}, {c.Pair, dp}} {
				for i, e := range x.x {
					const h = 1e-3
					x.x[i] = e + h
					hi := value()
					x.x[i] = e - h
					lo := value()
					x.x[i] = e
					if want := (hi - lo) / (2 * h); math.Abs(float64(x.d[i])-want) > 2e-5*max(100, math.Abs(v)) {
						t.Errorf("%s %v: derivative %d is %v, by differences %v", name, states, i, x.d[i], want)
					}
					if x.d[i] != 0 {
						moved++
					}
				}
			}
			if moved == 0 {
				t.Errorf("%s %v: nothing is pushed", name, states)
			}
		}
	}
}

// TestLikelihoodOfChains: nll in one pass is what package answers gives in two.
func TestLikelihoodOfChains(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	for _, states := range [][]int{{3}, {2, 3, 1, 4, 2, 2}} {
		c, gold := drawnChains(rng, states)
		one := Loss{Functional: functional.NLL{Beta: 1}}
		got, err := one.Eval(c, gold)
		if err != nil {
			t.Fatal(err)
		}
		dUnary, dPair := make([]float32, len(c.Unary)), make([]float32, len(c.Pair))
		var paths answers.Chains[float32]
		if err := paths.Set(c, gold, dUnary, dPair); err != nil {
			t.Fatal(err)
		}
		each := make([]float64, 2)
		var loss answers.Loss
		if _, err := loss.Eval(&paths, one.Functional, each); err != nil {
			t.Fatal(err)
		}
		if err := loss.AddGrads(1); err != nil {
			t.Fatal(err)
		}
		if want := each[0] + each[1]; math.Abs(got-want) > 1e-6 {
			t.Errorf("%v: %v, in two passes %v", states, got, want)
		}
		for i, d := range slices.Concat(one.Unary, one.Pair) {
			if want := slices.Concat(dUnary, dPair)[i]; math.Abs(float64(d-want)) > 1e-6 {
				t.Errorf("%v: derivative %d is %v, in two passes %v", states, i, d, want)
			}
		}
	}
}

// TestGuessed: the most frequent tag is right for its share of all words, those of tags that training did not have among them.
func TestGuessed(t *testing.T) {
	l := &Lexicon{tags: []string{"a", "b"}}
	if got := l.Guessed([]Sentence{{Tags: []int32{1, 0, 1}}, {Tags: []int32{-1}}}); got != 0.5 {
		t.Errorf("the error is %v; 2 of 4 words have the most frequent tag", got)
	}
	if got := l.Guessed(nil); got == got {
		t.Errorf("of no words the error is %v", got)
	}
}
