package loss

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"
)

// The helpers of this file are those of losses of rows: each sample has a row of
// classes or coordinates, and one loss.

// rowsOf returns how many rows of cols columns an argument of n elements has.
func rowsOf(loss, arg string, n int, of string, cols int) (int, error) {
	if cols < 1 {
		return 0, badValue(loss, of, -1, cols, "at least 1")
	}
	if n%cols != 0 {
		return 0, badLength(loss, arg, n, (n/cols+1)*cols)
	}
	return n / cols, nil
}

// signs checks that all labels are 1 or −1.
func signs[T tensor.Float](loss, arg string, labels []T) error {
	for i, v := range labels {
		if v != 1 && v != -1 {
			return badValue(loss, arg, i, v, plusMinusOne)
		}
	}
	return nil
}

// classesIn checks that all indices are classes.
func classesIn(loss, arg string, indices []int, classes int) error {
	for i, t := range indices {
		if t < 0 || t >= classes {
			return badClass(loss, arg, i, t, classes)
		}
	}
	return nil
}

func badClass(loss, arg string, i, t, classes int) error {
	return badValue(loss, arg, i, t, fmt.Sprintf("a class from 0 to %d", classes-1))
}

// samples returns an input of shape [N, D] or [D], how long its rows are, and the shape
// that a loss of each sample has: [N] or [].
func (c *Call[T]) samples(input string) (x Array[T], dim int, shape []int) {
	x = c.float(input)
	switch n := len(x.Shape); n {
	case 1, 2:
		return x, x.Shape[n-1], x.Shape[:n-1]
	}
	c.fail("%s has shape %v; it must have two dimensions, or one for a single sample", input, x.Shape)
	return x, 0, nil
}

// eachOf checks the lengths of the losses of n samples and of their upstream gradient.
func eachOf[T tensor.Float](loss string, n int, dst, up []T) error {
	if err := alike(loss, n, of("the result", dst)); err != nil {
		return err
	}
	return optional(loss, n, of("the upstream gradient", up))
}
