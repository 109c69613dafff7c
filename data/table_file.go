package data

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/wholefile"
)

// Write writes the schema to a file.
func (s *TableSchema) Write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(text, '\n'))
}

// ReadTableSchema reads what Write wrote. Errors, with the file: damage; values that no training gives.
func ReadTableSchema(path string) (*TableSchema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := new(TableSchema)
	if err = card.Decode(text, s); err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", excerpt.Of(path), err)
	}
	return s, nil
}

// check refuses what no training gives.
func (s *TableSchema) check() error {
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
