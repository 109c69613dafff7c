package train

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"
)

// evaluated is how many samples are evaluated at once.
const evaluated = 256

// mostSeen is how many of the samples that are trained on are evaluated where none are held out.
const mostSeen = 5000

// rows are samples on a slice, of which the last are held out.
type rows struct {
	x           []float32
	n, width    int
	held        int
	batch       *tensor.Tensor
	consecutive []int
}

// newRows checks samples x in n rows, which its owner calls name. held is how many of the last are evaluated and not trained on.
func newRows(owner, name string, x []float32, n, held int) (*rows, error) {
	switch {
	case n < 1:
		return nil, fmt.Errorf("train: %s has %d samples; it must have at least 1", owner, n)
	case len(x) == 0 || len(x)%n != 0:
		return nil, fmt.Errorf("train: %s.%s has %d numbers for %d samples; it must have as many for each, at least 1", owner, name, len(x), n)
	case held < 0 || held >= n:
		return nil, fmt.Errorf("train: %s.Held is %d of %d samples; it must be at least 0 and leave one to train on", owner, held, n)
	}
	if err := finite(owner, name, x); err != nil {
		return nil, err
	}
	return &rows{x: x, n: n, width: len(x) / n, held: held, batch: tensor.New(tensor.Float32)}, nil
}

// finite refuses numbers that are not.
func finite(owner, name string, x []float32) error {
	for i, v := range x {
		if v-v != 0 {
			return fmt.Errorf("train: %s.%s[%d] is %v; it must be a finite number", owner, name, i, v)
		}
	}
	return nil
}

// seen returns the first and the end of the samples that are evaluated: those held out, or else the last that are trained on.
func (r *rows) seen() (lo, hi int) {
	if r.held > 0 {
		return r.n - r.held, r.n
	}
	return max(0, r.n-mostSeen), r.n
}

// pick returns the rows of samples, [B, width], until the next call.
func (r *rows) pick(samples []int) *tensor.Tensor {
	r.batch.Resize(len(samples), r.width)
	for i, s := range samples {
		copy(r.batch.Float32s()[i*r.width:(i+1)*r.width], r.x[s*r.width:])
	}
	return r.batch
}

// chunks calls f with the samples that are evaluated, some at a time.
func (r *rows) chunks(f func(samples []int) error) error {
	lo, hi := r.seen()
	for ; lo < hi; lo += evaluated {
		r.consecutive = r.consecutive[:0]
		for i := lo; i < min(lo+evaluated, hi); i++ {
			r.consecutive = append(r.consecutive, i)
		}
		if err := f(r.consecutive); err != nil {
			return err
		}
	}
	return nil
}
