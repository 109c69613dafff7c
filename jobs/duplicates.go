package jobs

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/data"
)

// duplicateMean is the mean difference of two pictures' pixels, seen at 32 pixels a side at most, up to which they count as the same: what storing in another format or size does.
const duplicateMean = 2. / 255

// duplicates finds test pictures that are training pictures, too, or nearly, and says so; "" where there are none.
//
// The means of two such pictures differ by as little, so that only those of similar means are compared.
//
// Errors: pictures of another size; the context's.
func duplicates(ctx context.Context, test, trained *data.Pictures) (string, error) {
	if err := sameSize(trained, test); err != nil {
		return "", err
	}
	dim := thumbDim(test)
	x, y := thumbs(test), thumbs(trained)
	type place struct {
		mean float32
		at   int
	}
	order := make([]place, trained.N)
	for i := range order {
		order[i] = place{meanOf(y[i*dim:][:dim]), i}
	}
	slices.SortFunc(order, func(a, b place) int { return cmp.Or(cmp.Compare(a.mean, b.mean), a.at-b.at) })
	count, first := 0, ""
	for i := range test.N {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		row := x[i*dim:][:dim]
		m := meanOf(row)
		from, _ := slices.BinarySearchFunc(order, m-duplicateMean, func(p place, mean float32) int { return cmp.Compare(p.mean, mean) })
		for _, p := range order[from:] {
			if p.mean > m+duplicateMean {
				break
			}
			if !samePicture(row, y[p.at*dim:][:dim]) {
				continue
			}
			if count++; first == "" {
				first = fmt.Sprintf("%s is like %s", test.Paths[i], trained.Paths[p.at])
			}
			break
		}
	}
	if count == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d of %d test pictures are among the training pictures, too, or nearly so: figures of a search among those say little; the first: %s", count, test.N, first), nil
}

func meanOf(x []float32) float32 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return float32(sum / float64(len(x)))
}

// samePicture says whether the mean difference of two pictures is that of duplicates.
func samePicture(x, y []float32) bool {
	const step = 64
	most, sum := duplicateMean*float64(len(x)), 0.0
	for lo := 0; lo < len(x) && sum <= most; lo += step {
		for i := lo; i < min(lo+step, len(x)); i++ {
			d := float64(x[i]) - float64(y[i])
			sum += max(d, -d)
		}
	}
	return sum <= most
}
