package catalogue

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// prefix stands before the names of the energy functionals.
const prefix = "ebm."

// evalFunctional evaluates a functional over label energies.
func evalFunctional(name string, r loss.Request, single bool) (*loss.Answer, error) {
	entry, err := functional.Lookup(strings.TrimPrefix(name, prefix))
	if err != nil {
		return nil, fmt.Errorf("there is no loss called %q; energo loss list has their names", excerpt.Of(name))
	}
	if err := known(name, entry, r); err != nil {
		return nil, err
	}
	f, err := build(entry, r)
	if err != nil {
		return nil, err
	}
	if single {
		return labels[float32](name, f, r)
	}
	return labels[float64](name, f, r)
}

// known refuses what the functional does not take, and what others make void.
func known(name string, e functional.Entry, r loss.Request) error {
	for _, option := range sortedNames(r.Options) {
		if option != "reduction" && (option == "cost" || !e.Takes(option)) {
			return fmt.Errorf("%s has no option %q; it has %s", name, excerpt.Of(option), strings.Join(options(e), ", "))
		}
	}
	for _, input := range sortedNames(r.Inputs) {
		if input != "energies" && input != "target" && !(input == "cost" && e.Takes("cost")) {
			return fmt.Errorf("%s has no input %q", name, excerpt.Of(input))
		}
		if a := r.Inputs[input]; product(a.Shape) != len(a.Data) {
			return fmt.Errorf("%s: shape %v has %d elements, data has %d", input, a.Shape, product(a.Shape), len(a.Data))
		}
	}
	for _, input := range []string{"energies", "target"} {
		if _, ok := r.Inputs[input]; !ok {
			return fmt.Errorf("%s needs the input %q", name, input)
		}
	}
	return loss.CheckNeeds(name, functionalNeeds, r)
}

// functionalNeeds are the needs of the functionals' options.
var functionalNeeds = []loss.Need{{
	Option: "margin", Where: "there is no input cost", Holds: func(r loss.Request) bool { return r.Inputs["cost"].Shape == nil },
}}

func options(e functional.Entry) []string {
	names := slices.DeleteFunc(slices.Clone(e.Uses), func(s string) bool { return s == "cost" })
	return append(names, "reduction")
}

// product is the number of elements of a shape, −1 where that is beyond all data.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		if d > 0 && n > math.MaxInt32/d {
			return -1
		}
		n *= d
	}
	return n
}

// build returns the functional with the request's options.
func build(e functional.Entry, r loss.Request) (functional.Functional, error) {
	o := functional.DefaultOptions()
	named := map[string]*float64{"margin": &o.Margin, "beta": &o.Beta, "gamma": &o.Gamma, "cap": &o.Cap, "delta": &o.Delta}
	for _, option := range slices.Sorted(maps.Keys(named)) {
		at := named[option]
		v, ok := r.Options[option]
		if !ok || v == nil {
			continue
		}
		if *at, ok = v.(float64); !ok {
			return nil, fmt.Errorf("option %s is %v; it must be a number", option, v)
		}
	}
	if cost, ok := r.Inputs["cost"]; ok {
		if len(cost.Shape) != 2 || cost.Shape[0] != cost.Shape[1] || cost.Shape[0] == 0 {
			return nil, fmt.Errorf("cost has shape %v; it must be [K, K]", cost.Shape)
		}
		for row := range slices.Chunk(cost.Data, max(cost.Shape[1], 1)) {
			o.Cost = append(o.Cost, row)
		}
	}
	return functional.New(e.Name, o)
}

func labels[T simd.Float](name string, f functional.Functional, r loss.Request) (*loss.Answer, error) {
	e, target := r.Inputs["energies"], r.Inputs["target"]
	if len(e.Shape) != 2 || len(target.Shape) != 1 || e.Shape[0] != target.Shape[0] {
		return nil, fmt.Errorf("energies have shape %v, target %v; they must be [B, K] and [B]", e.Shape, target.Shape)
	}
	energies, y := make([]T, len(e.Data)), make([]int, len(target.Data))
	for i, v := range e.Data {
		energies[i] = T(v)
	}
	for i, v := range target.Data {
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return nil, fmt.Errorf("target[%d] is %v; it must be a whole number", i, v)
		}
		y[i] = int(v)
	}
	each, grad := make([]T, len(y)), make([]T, len(energies))
	if err := functional.Labels(f, energies, e.Shape[1], y, each, grad); err != nil {
		return nil, err
	}
	a := &loss.Answer{Loss: loss.Array[float64]{Shape: []int{}}, Grad: map[string]loss.Array[float64]{}}
	how, scale := "mean", 1.0
	if v, ok := r.Options["reduction"]; ok && v != nil {
		how, _ = v.(string)
	}
	switch how {
	case "none":
		a.Loss = loss.Array[float64]{Shape: target.Shape, Data: widened(each, 1)}
	case "mean":
		scale = 1 / float64(len(y))
		a.Loss.Data = []float64{float64(T(simd.Sum(each) / float64(len(y))))}
	case "sum":
		a.Loss.Data = []float64{float64(T(simd.Sum(each)))}
	default:
		return nil, fmt.Errorf("%s: option reduction is %v; it must be none, mean or sum", name, r.Options["reduction"])
	}
	a.Grad["energies"] = loss.Array[float64]{Shape: e.Shape, Data: widened(grad, scale)}
	return a, nil
}

// widened returns x times scale, rounded to T, as float64.
func widened[T simd.Float](x []T, scale float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(T(float64(v) * scale))
	}
	return out
}
