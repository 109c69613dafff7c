package data

import (
	"fmt"
	"math"
	"slices"
)

// Check refuses what Fit gives of no table, such as one that was damaged in a file.
func (s *TableSchema) Check() error {
	for i := range s.Inputs {
		in := &s.Inputs[i]
		switch {
		case in.Name == "":
			return fmt.Errorf("inputs[%d] has no name", i)
		case !(math.Abs(in.Mean) <= math.MaxFloat32) || !(in.Scale > 0 && in.Scale <= math.MaxFloat32):
			return fmt.Errorf("inputs[%d] has the mean %v and the scale %v; both must be numbers of float32, the scale above 0", i, in.Mean, in.Scale)
		case !slices.IsSorted(in.Values) || len(slices.Compact(slices.Clone(in.Values))) != len(in.Values):
			return fmt.Errorf("inputs[%d]: its values are not sorted, or some come twice", i)
		}
	}
	if n := s.Width(); n < 1 || n > maxTableFeatures {
		return fmt.Errorf("the columns give %d features; there must be from 1 to %d", n, maxTableFeatures)
	}
	return s.Target.check()
}
