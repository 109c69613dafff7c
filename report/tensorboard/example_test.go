package tensorboard_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/energo-ml/energo/report/tensorboard"
)

// Figures of one's own as an event file.
func ExampleWriter() {
	var b bytes.Buffer
	w := tensorboard.NewWriter(&b)
	for step := range 3 {
		w.Scalar(time.Unix(int64(step), 0), step+1, "loss", 1/float64(step+1))
	}
	fmt.Println(w.Err(), b.Len() > 100)
	// Output: <nil> true
}
