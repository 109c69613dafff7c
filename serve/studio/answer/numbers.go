package answer

import (
	"strconv"

	"github.com/energo-ml/energo/train/lesson"
)

// Numbers are those of a curve, in which JSON has null for what is not finite.
type Numbers []float64

// MarshalJSON implements json.Marshaler.
func (n Numbers) MarshalJSON() ([]byte, error) {
	text := make([]byte, 0, 2+12*len(n))
	text = append(text, '[')
	for i, v := range n {
		if i > 0 {
			text = append(text, ',')
		}
		if v-v != 0 {
			text = append(text, "null"...)
			continue
		}
		text = strconv.AppendFloat(text, v, 'g', 7, 64)
	}
	return append(text, ']'), nil
}

// single are numbers of a picture.
func single(values []float64) lesson.Floats {
	out := make(lesson.Floats, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// finite is a number, or nil, JSON's null, for one that is not finite.
func finite(v float64) any {
	if v-v != 0 {
		return nil
	}
	return v
}
