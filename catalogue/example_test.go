package catalogue_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/catalogue"
)

// A loss is evaluated by its name or PyTorch's.
func ExampleAnswer() {
	request := `{"id":1,"loss":"MSELoss","inputs":{"input":{"shape":[2],"data":[1,2]},"target":{"shape":[2],"data":[0,4]}}}`
	fmt.Printf("%s", catalogue.Answer(nil, []byte(request)))

	// Output:
	// {"id":1,"loss":{"shape":[],"data":[2.5]},"grad":{"input":{"shape":[2],"data":[1,-2]},"target":{"shape":[2],"data":[-1,2]}}}
}

// A loss along its residual, to be drawn.
func ExampleGraphOf() {
	g, err := catalogue.GraphOf("huber", map[string]any{"delta": 1.0})
	if err != nil {
		log.Fatal(err)
	}
	c := g.Curves[0]
	for i := 0; i < len(c.X); i += 120 {
		fmt.Printf("%s %.1f: %.3f, slope %.0f\n", g.X, c.X[i], c.Value[i], c.Slope[i])
	}

	// Output:
	// residual: input − target -3.0: 2.500, slope -1
	// residual: input − target -1.5: 1.000, slope -1
	// residual: input − target 0.0: 0.000, slope 0
	// residual: input − target 1.5: 1.000, slope 1
	// residual: input − target 3.0: 2.500, slope 1
}
