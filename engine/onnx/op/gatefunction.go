package op

import (
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/internal/simd"
)

// gateFunction is a function inside a recurrent layer, with its numbers.
type gateFunction struct {
	name        string // in small letters
	alpha, beta float64
}

// gateFunctionDefaults says of each function which numbers it has and what they are where the node gives none.
var gateFunctionDefaults = map[string]struct {
	numbers     int // 1: alpha, 2: alpha and beta
	alpha, beta float64
}{
	"relu": {}, "tanh": {}, "sigmoid": {}, "softsign": {}, "softplus": {},
	"affine": {2, 1, 0}, "leakyrelu": {1, 0.01, 0}, "thresholdedrelu": {1, 1, 0}, "scaledtanh": {2, 1, 1},
	"hardsigmoid": {2, 0.2, 0.5}, "elu": {1, 1, 0},
}

// gateFunctionsOf reads the functions of each direction. Lists of alphas and betas serve, in order, those functions that have such a number.
func gateFunctionsOf(n *Node, otherwise []string, directions int) ([][]gateFunction, error) {
	names := n.Texts("activations")
	alphas, betas := n.Floats("activation_alpha"), n.Floats("activation_beta")
	each := len(otherwise)
	if names == nil {
		for range directions {
			names = append(names, otherwise...)
		}
	}
	if each == 1 && len(names) == 2 {
		names = names[:directions] // RNN's default lists two whatever the direction
	}
	if len(names) != each*directions {
		return nil, fmt.Errorf("attribute \"activations\" has %d functions, must have %d", len(names), each*directions)
	}
	next := func(list *[]float32, otherwise float64) float64 {
		if len(*list) == 0 {
			return otherwise
		}
		x := (*list)[0]
		*list = (*list)[1:]
		return float64(x)
	}
	all := make([][]gateFunction, directions)
	for i, name := range names {
		a := gateFunction{name: strings.ToLower(name)}
		d, ok := gateFunctionDefaults[a.name]
		if !ok {
			return nil, fmt.Errorf("attribute \"activations\" names %q, must be one of Affine, Elu, HardSigmoid, LeakyRelu, Relu, ScaledTanh, Sigmoid, Softplus, Softsign, Tanh, ThresholdedRelu", name)
		}
		if d.numbers > 0 {
			a.alpha = next(&alphas, d.alpha)
		}
		if d.numbers > 1 {
			a.beta = next(&betas, d.beta)
		}
		all[i/each] = append(all[i/each], a)
	}
	return all, nil
}

// activate computes x = a(x), with x held in [−clip, clip] before unless clip is 0. NaN stays.
func activate[T simd.Float](a gateFunction, x []T, clip float64) {
	if clip != 0 {
		for i, e := range x {
			x[i] = min(max(e, T(-clip)), T(clip))
		}
	}
	switch a.name {
	case "sigmoid":
		simd.Sigmoid(x, x)
	case "tanh":
		simd.Tanh(x, x)
	case "relu":
		simd.ReLU(x, x)
	case "leakyrelu":
		simd.LeakyReLU(x, x, T(a.alpha))
	case "softplus":
		simd.Softplus(x, x)
	case "affine":
		simd.Scale(x, x, T(a.alpha))
		simd.AddScalar(x, x, T(a.beta))
	case "scaledtanh":
		simd.Scale(x, x, T(a.beta))
		simd.Tanh(x, x)
		simd.Scale(x, x, T(a.alpha))
	default:
		for i, e := range x {
			x[i] = T(a.at(float64(e)))
		}
	}
}

// at is the function of one number, of those that have no kernel.
func (a gateFunction) at(x float64) float64 {
	switch a.name {
	case "thresholdedrelu":
		if x < a.alpha {
			return 0
		}
		return x
	case "hardsigmoid":
		return min(max(float64(a.alpha*x)+a.beta, 0), 1)
	case "elu":
		if x < 0 {
			return a.alpha * math.Expm1(x)
		}
		return x
	}
	return x / (1 + math.Abs(x)) // softsign
}
