package autodiff

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// Dropout sets each element to 0 with probability p and divides the others by 1 − p.
// Outside training, and for p = 0, it returns x. The draws come from rng in the order
// of the elements, so a seed gives the same mask for any number of workers.
// PyTorch: nn.functional.dropout.
func Dropout(x *Var, p float64, rng *rand.Rand) *Var {
	if !(p >= 0 && p <= 1) {
		misuse("Dropout", "p is %v; it must lie in [0, 1]", p)
	}
	if !x.tape.Training || p == 0 {
		return x
	}
	v := alike("Dropout", x)
	v.float = p
	pick(v, drawMask[float32], drawMask[float64])(v, rng)
	return v.record(dropout[float32], dropout[float64], dropoutBack[float32], dropoutBack[float64])
}

// drawMask fills v's scratch with 0 and 1/(1 − p), two elements for a number drawn and
// without branches, which would be mispredicted.
func drawMask[T tensor.Float](v *Var, rng *rand.Rand) {
	v.reserve(v.Value.Len())
	mask := spare[T](v)
	var choice [2]T // kept, dropped
	if v.float < 1 {
		choice[0] = T(1 / (1 - v.float))
	}
	drop := uint64(v.float * (1 << 32)) // the number of dropped draws among 2³² equally likely ones
	for i := 0; i < len(mask); i += 2 {
		bits := rng.Uint64()
		mask[i] = choice[(bits>>32-drop)>>63]
		if i+1 < len(mask) {
			mask[i+1] = choice[(bits&(1<<32-1)-drop)>>63]
		}
	}
}

func dropout[T tensor.Float](v *Var) {
	simd.Mul(values[T](v), values[T](v.in[0]), spare[T](v))
}

func dropoutBack[T tensor.Float](v *Var) {
	pushProduct(v.in[0], upstream[T](v), spare[T](v))
}
