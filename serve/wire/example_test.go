package wire_test

import (
	"fmt"

	"github.com/energo-ml/energo/serve/wire"
)

// Read a request in JSON; what is wrong is told with its place.
func ExampleDecode() {
	var name string
	var vector []float32
	request := wire.Object(map[string]wire.Reader{"name": wire.Text(&name), "vector": wire.Vector(&vector, 3)})
	for _, text := range []string{`{"name": "a", "vector": [1, 2]}`, `{"name": null}`, `{"vector": [1, 2, 3, 4]}`} {
		if err := wire.Decode([]byte(text), request); err != nil {
			fmt.Println(wire.Of(err).Status, err)
			continue
		}
		fmt.Println(name, vector)
	}
	// Output:
	// a [1 2]
	// 400 name is a JSON null; it must be a string
	// 422 vector has more than 3 coordinates
}
