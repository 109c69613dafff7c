package answer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/energo-ml/energo/serve/studio/answer"
	"github.com/energo-ml/energo/serve/wire"
)

// Ask for the paths that spell a text, without a server.
func Example() {
	var desk answer.Desk
	value, err := desk.Do(context.Background(), "POST", "/v1/studio/ctc", []byte(`{"classes": ["-", "a"], "scores": [[0.4055, 0], [0.4055, 0]], "text": "a"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.100s…\n", wire.Encode(value))
	// Output:
	// {"probabilities":[[0.6000084,0.3999916],[0.6000084,0.3999916]],"loss":0.44630280415779655,"gradient"…
}
