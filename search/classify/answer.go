package classify

import (
	"context"
	"encoding/csv"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/data"
)

// An Answer is what a classifier says of a picture.
type Answer struct {
	Class    int       // the place of the class of the least energy, the first of equals
	Gap      float64   // how much higher the least energy of the other classes is
	Energies []float32 // of the classes
}

// Answer answers pictures of any size and colour.
//
// Errors: a picture without pixels, by its index; an energy that is not finite.
func (m *Model) Answer(pictures []image.Image) ([]Answer, error) {
	return m.Classifier().Answer(pictures)
}

// AnswerOf is the answer of the energies of two classes or more, which it keeps.
func AnswerOf(energies []float32) Answer {
	a := Answer{Energies: energies}
	a.Class = slices.Index(energies, slices.Min(energies))
	second := math.Inf(1)
	for y, e := range energies {
		if y != a.Class {
			second = min(second, float64(e))
		}
	}
	a.Gap = second - float64(energies[a.Class])
	return a
}

// together is how many pictures are answered at once.
const together = 16

// Write answers the pictures of files, and writes CSV with a row for each: its path, the name of the answer, the gap, and the energy of each class in a column
// "energy CLASS".
//
// Errors name the file: one that is no picture; those of Answer; those of out.
func (m *Model) Write(ctx context.Context, out io.Writer, paths []string) error {
	w := csv.NewWriter(out)
	head := []string{"path", "answer", "gap"}
	for _, class := range m.Classes {
		head = append(head, "energy "+class)
	}
	if err := w.Write(head); err != nil {
		return err
	}
	for part := range slices.Chunk(paths, together) {
		answers, err := m.answerFiles(ctx, part)
		if err != nil {
			return err
		}
		for i, a := range answers {
			row := []string{part[i], m.Classes[a.Class], strconv.FormatFloat(a.Gap, 'g', -1, 32)}
			for _, e := range a.Energies {
				row = append(row, strconv.FormatFloat(float64(e), 'g', -1, 32))
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return w.Error()
}

// answerFiles answers a few files.
func (m *Model) answerFiles(ctx context.Context, paths []string) ([]Answer, error) {
	pictures := make([]image.Image, len(paths))
	for i, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := data.OpenPicture(path, data.MaxPicturePixels)
		if err != nil {
			return nil, err
		}
		if pictures[i], err = p.Fitted(m.Width, m.Height); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return m.Answer(pictures)
}
