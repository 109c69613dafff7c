package tensorboard

import (
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// bars is how many intervals of one length a histogram has.
const bars = 30

// Histogram writes how numbers are spread, over 30 intervals of one length from the least to the greatest. Those that are not finite are left
// out; of none that is left nothing is written.
func (t *Writer) Histogram(at time.Time, step int, tag string, all []float64) {
	all = slices.DeleteFunc(slices.Clone(all), func(v float64) bool { return v-v != 0 })
	if len(all) == 0 {
		return
	}
	least, most := slices.Min(all), slices.Max(all)
	width := most/bars - least/bars
	limits, counts := []float64{most + 0.5}, []float64{0} // of one number: as wide as TensorBoard draws it
	if width > 0 {
		limits, counts = make([]float64, bars), make([]float64, bars)
		for i := range limits {
			limits[i] = least + float64(width*float64(i+1))
		}
		limits[bars-1] = most
	}
	sum, squares := 0.0, 0.0
	for _, v := range all {
		sum += v
		squares += float64(v * v)
		i, _ := slices.BinarySearch(limits, v)
		counts[min(i, len(counts)-1)]++
	}
	var b []byte
	for i, v := range []float64{least, most, float64(len(all)), sum, squares} {
		b = append(b, double(protowire.Number(i+1), v)...)
	}
	b = append(b, doubles(6, limits)...)
	t.value(at, step, tag, message(5, append(b, doubles(7, counts)...)))
}
