package answer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/energo-ml/energo/serve/studio/answer"
	"github.com/energo-ml/energo/serve/wire"
)

// Ask for a loss along its argument, without a server.
func Example() {
	var desk answer.Desk
	value, err := desk.Do(context.Background(), "GET", "/v1/studio/losses/ebm.hinge/curves?option=margin%3D2", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.60s…\n", wire.Encode(value))
	// Output:
	// {"curves":[{"name":"hinge","x":[-3,-2.9875,-2.975,-2.9625,-2…
}
