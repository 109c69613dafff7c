package op_test

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/op"
)

// The operator that a model of opset 12 means by Softmax, and what is said of one that is not there.
func ExampleLookup() {
	o, err := op.Lookup("", "Softmax", 12)
	fmt.Println(o.Name, o.Since, err)
	_, err = op.Lookup("", "Sofmax", 12)
	fmt.Println(err)
	// Output:
	// Softmax 1 <nil>
	// there is no operator Sofmax here, did you mean Softmax?
}
