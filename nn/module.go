// Package nn holds network layers and initialisers. Names, shapes and defaults are
// PyTorch's, so that weights travel both ways.
package nn

import "github.com/energo-ml/energo/autodiff"

// Module is a part of a network: something with parameters that maps a batch to a batch.
type Module interface {
	// Forward records the module's operations on x's tape.
	Forward(x *autodiff.Var) *autodiff.Var
	// Params returns the parameters in a fixed order, frozen ones included. A
	// container prefixes its children's names when it is made, so that names are
	// PyTorch's: "0.weight", "features.3.bias".
	Params() []*autodiff.Param
}
