package jobs

import (
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/report"
)

// sheet lays out pictures [n, H·W] of a set's size in columns. Of several kinds of n pictures each, a row of the first
// stands above one of the second, and so on; the last row of each is then filled up with black.
func sheet(set *data.Images, columns int, name, title, note string, kinds ...[]float32) report.Sheet {
	d := set.Size()
	n := len(kinds[0]) / d
	s := report.Sheet{Name: name, Title: title, Note: note, H: set.H, W: set.W, Columns: min(columns, n)}
	if len(kinds) == 1 {
		s.Pixels = kinds[0]
		return s
	}
	s.Band = len(kinds)
	for lo := 0; lo < n; lo += s.Columns {
		hi := min(lo+s.Columns, n)
		for _, y := range kinds {
			s.Pixels = append(s.Pixels, y[lo*d:hi*d]...)
			s.Pixels = append(s.Pixels, make([]float32, (s.Columns-(hi-lo))*d)...)
		}
	}
	return s
}
