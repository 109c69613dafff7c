package loss_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
)

// others has values of options that are not the defaults; of some losses, by both names.
var others = map[string]any{
	"alpha": 3.0, "base": 0.2, "beta": 7.0, "covariance": 3.0, "delta": 0.4, "distance": "squared", "distance_function": "squared_euclidean",
	"epsilon": 2.0, "eps": 0.3, "full": true, "gamma": 9.0, "invariance": 3.0, "l2_reg": 0.3, "label_smoothing": 0.2, "lambda": 0.3,
	"log_input": false, "log_target": true, "m": 0.2, "margin": 0.37, "mine": true, "mining": "all", "neg_margin": 1.7, "normalize": true,
	"over": "all", "p": 3.0, "plus_plus": true, "pos_margin": 0.3, "power": 1.0, "reduction": "sum", "scale": 5.0, "soft": true,
	"swap": true, "temperature": 0.9, "unchecked": true, "variance": 3.0, "zero_infinity": true,
	"blank": float64(classes - 1), "ignore_index": 1.0,
	"smooth_l1 beta": 0.3, "multi_margin p": 2.0, "triplet eps": 0.0,
	"pos_weight": weights(classes), "weight": weights(classes),
}

func weights(n int) array {
	a := array{Shape: []int{n}}
	for i := range n {
		a.Data = append(a.Data, 0.5+float64(i))
	}
	return a
}

// otherValue returns a value of an option that is not its default, for some inputs.
func otherValue(e loss.Entry, option string, in inputs) any {
	if v, ok := others[e.Name+" "+option]; ok {
		return v
	}
	if a, ok := others[option].(array); ok && !slices.Equal(a.Shape, in["input"].Shape[1:]) && len(in["input"].Shape) == 1 {
		return weights(in["input"].Shape[0]) // of each element
	}
	return others[option]
}

// telling returns inputs of a loss on which all options tell.
func telling(name string, r *rand.Rand) []inputs {
	in := samples[name](r, 11)
	switch {
	case name == "cross_entropy": // of classes, and of probabilities
		p := maps.Clone(in)
		p["target"] = samples["multilabel_soft_margin"](r, 11)["target"]
		return []inputs{in, p}
	case name == "ctc": // a target that is too long, and a class that may be the blank
		in["input_lengths"].Data[3], in["target_lengths"].Data[3] = 1, 3
		for i, y := range in["targets"].Data {
			in["targets"].Data[i] = min(y, classes-2)
		}
	case name == "triplet": // a positive like its anchor
		copy(in["positive"].Data[:classes], in["anchor"].Data)
	case in["embeddings"].Shape != nil && r.IntN(2) == 0: // some labels that keep the margin
		for i, y := range in["labels"].Data {
			in["embeddings"].Data[3*i+int(y)%3] += 4
		}
	}
	return []inputs{in}
}

// beyond returns inputs of which one number, of each input in turn, is outside what the loss
// allows, if it allows some alone.
func beyond(in inputs) (all []inputs) {
	for name, x := range in {
		out := maps.Clone(in)
		y := array{Shape: x.Shape, Data: slices.Clone(x.Data)}
		y.Data[0] = -0.37
		out[name] = y
		all = append(all, out)
	}
	return all
}

// TestCatalogueNeeds: an option that is given changes the answer, or is refused by its name,
// whatever the others are; and every need of the catalogue refuses something.
func TestCatalogueNeeds(t *testing.T) {
	for _, e := range loss.Catalogue() {
		refused := map[string]bool{}
		for _, n := range e.Needs {
			refused[n.Option] = false
		}
		t.Run(e.Name, func(t *testing.T) {
			var all []inputs
			for seed := range uint64(4) {
				all = append(all, telling(e.Name, rand.New(rand.NewPCG(seed, 6)))...)
			}
			eachFormula(t, e, all[0], func(t *testing.T, r loss.Request) {
				for _, o := range e.Options {
					if _, ok := r.Options[o.Name]; ok && o.Name != "reduction" || strings.HasPrefix(o.Is, "checked against") {
						continue
					}
					taken, changed, some := 0, 0, all
					if o.Name == "unchecked" {
						some = nil
						for _, in := range all {
							some = append(some, beyond(in)...)
						}
					}
					for _, in := range some {
						before := loss.Request{Options: r.Options, Inputs: in}
						after := loss.Request{Options: maps.Clone(r.Options), Inputs: in}
						after.Options[o.Name] = otherValue(e, o.Name, in)
						if o.Name == "reduction" && r.Options["reduction"] == "sum" {
							after.Options["reduction"] = "mean"
						}
						if after.Options[o.Name] == nil {
							t.Fatalf("the test has no other value of the option %s", o.Name)
						}
						tells, err := changes(e, before, after)
						switch {
						case err == nil:
							taken++
							if tells {
								changed++
							}
						case strings.Contains(err.Error(), "option "+o.Name) && strings.Contains(err.Error(), "has no effect"):
							refused[o.Name] = true
						case o.Name != "unchecked" && !strings.Contains(err.Error(), "has no effect"): // that of another option
							t.Errorf("option %s is refused by %q", o.Name, err)
						}
					}
					// unchecked tells on what is refused without it: TestUncheckedOption.
					if taken > 0 && changed == 0 && o.Name != "unchecked" {
						t.Errorf("option %s is taken, and changes nothing", o.Name)
					}
				}
			})
		})
		for option, was := range refused {
			if !slices.ContainsFunc(e.Options, func(o loss.Option) bool { return o.Name == option }) || !was {
				t.Errorf("%s: the need of the option %s never refuses", e.Name, option)
			}
		}
	}
}

// changes reports whether a request has another answer than one before, or has one at all.
func changes(e loss.Entry, before, after loss.Request) (bool, error) {
	a, err := e.Eval(after, false)
	if err != nil {
		return false, err
	}
	b, err := e.Eval(before, false)
	return err != nil || !reflect.DeepEqual(bits(a), bits(b)), nil
}

// bits are an answer's numbers, as bits: NaN is like NaN.
func bits(a *loss.Answer) map[string][]uint64 {
	all := map[string][]uint64{"": floatBits(a.Loss.Data)}
	for name, g := range a.Grad {
		all[name] = floatBits(g.Data)
	}
	return all
}

func floatBits(x []float64) (b []uint64) {
	for _, v := range x {
		b = append(b, math.Float64bits(v))
	}
	return b
}

// TestVoidFields: the fields of losses that others make void are refused too.
func TestVoidFields(t *testing.T) {
	x, y := []float64{1, 2, 3, 4}, []int{0, 0, 1, 1}
	measure := func(m distance.Measure) error {
		l := loss.NewContrastive[float64]()
		l.Distance = m
		return second(l.Eval(x, 1, y, nil))
	}
	for want, err := range map[string]error{
		"Contrastive: p is 3; it must be 0 where the distance is not lp":                measure(distance.Measure{Kind: distance.Dot, P: 3}),
		"Contrastive: normalize is true; it must be false where the distance is cosine": measure(distance.Measure{Kind: distance.Cosine, Normalize: true}),
		"Contrastive: over is all; it must be left out":                                 second((&loss.Contrastive[float64]{NegMargin: 1, Power: 1, Over: loss.OverAll, Reduction: loss.Sum}).Eval(x, 1, y, nil)),
		"BatchTriplet: over is all; it must be left out":                                second((&loss.BatchTriplet[float64]{Margin: 1, Over: loss.OverAll, Reduction: loss.Sum}).Eval(x, 1, y, nil)),
		"over is all; it must be left out, since every soft":                            second((&loss.BatchTriplet[float64]{Soft: true, Over: loss.OverAll}).Eval(x, 1, y, nil)),
		"epsilon is 0.1; it must be 0, since nothing":                                   second((&loss.MultiSimilarity[float64]{Alpha: 1, Beta: 1, Epsilon: 0.1}).Eval(x, 1, y, nil)),
		"eps is 0.1; it must be 0, since the input is":                                  second((&loss.PoissonNLL[float64]{Eps: 0.1}).Eval(x, x, nil, nil)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; it should say %s", err, want)
		}
	}
}
