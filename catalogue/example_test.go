package catalogue_test

import (
	"fmt"

	"github.com/energo-ml/energo/catalogue"
)

// A loss is evaluated by its name or PyTorch's.
func ExampleAnswer() {
	request := `{"id":1,"loss":"MSELoss","inputs":{"input":{"shape":[2],"data":[1,2]},"target":{"shape":[2],"data":[0,4]}}}`
	fmt.Printf("%s", catalogue.Answer(nil, []byte(request)))

	// Output:
	// {"id":1,"loss":{"shape":[],"data":[2.5]},"grad":{"input":{"shape":[2],"data":[1,-2]},"target":{"shape":[2],"data":[-1,2]}}}
}
