package option_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/job/option"
)

// Two settings, read from a file of settings and checked.
func Example() {
	epochs, network := 10, "linear"
	settings := option.List{
		option.New(&epochs, "epochs", "passes over the data", option.Whole(1, 1000)),
		option.New(&network, "network", "kind of network", option.OneOf("linear", "mlp")),
	}
	if _, err := settings.Read("config.yaml", []byte("epochs: 20\nnetwork: mlp\n")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(settings.Check(), epochs, network)
	// Output: <nil> 20 mlp
}
