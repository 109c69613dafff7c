package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/wholefile"
	ximage "golang.org/x/image/draw"
)

// Sheet is many small grey pictures on one.
type Sheet struct {
	Name    string    `json:"name"` // of its file
	Title   string    `json:"title"`
	Note    string    `json:"note"`
	Pixels  []float32 `json:"-"` // N·H·W in [0, 1], row by row of the sheet
	H, W    int       `json:"-"`
	Columns int       `json:"-"` // pictures a row
	Band    int       `json:"-"` // rows that belong together; 0: all
}

// sheetsFile lists a run's sheets for its page.
const sheetsFile = "sheets.json"

// WriteSheets writes sheets as plots/NAME.png, and their list, into a run's folder. Write then
// shows them on the run's page.
func WriteSheets(dir string, sheets []Sheet) error {
	dir = filepath.Join(dir, PlotsFolder)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, s := range sheets {
		picture, err := s.png()
		if err == nil {
			err = wholefile.Write(filepath.Join(dir, s.Name+".png"), picture)
		}
		if err != nil {
			return err
		}
	}
	return card.Write(filepath.Join(dir, sheetsFile), sheets)
}

// Pixels of a sheet: how much larger than its own each pixel is, and the spaces between
// pictures and between bands.
const (
	enlarged  = 2
	sheetGap  = 3
	sheetBand = 10
)

// png draws the sheet.
func (s Sheet) png() ([]byte, error) {
	n := s.H * s.W
	if s.H < 1 || s.W < 1 || s.Columns < 1 || len(s.Pixels) == 0 || len(s.Pixels)%n != 0 {
		return nil, fmt.Errorf("report: sheet %s: %d pixels are not pictures of %d×%d in %d columns", s.Name, len(s.Pixels), s.H, s.W, s.Columns)
	}
	count := len(s.Pixels) / n
	rows := (count + s.Columns - 1) / s.Columns
	top := func(row int) int {
		y := sheetGap + row*(enlarged*s.H+sheetGap)
		if s.Band > 0 {
			y += row / s.Band * sheetBand
		}
		return y
	}
	columns := min(count, s.Columns)
	sheet := image.NewGray(image.Rect(0, 0, columns*(enlarged*s.W+sheetGap)+sheetGap, top(rows-1)+enlarged*s.H+sheetGap))
	ximage.Draw(sheet, sheet.Bounds(), image.NewUniform(color.Gray{Y: 255}), image.Point{}, ximage.Src)
	cell := &image.Gray{Pix: make([]byte, n), Stride: s.W, Rect: image.Rect(0, 0, s.W, s.H)}
	for i := range count {
		for j, v := range s.Pixels[i*n : (i+1)*n] {
			cell.Pix[j] = byte(math.Round(255 * float64(min(max(v, 0), 1))))
		}
		x, y := sheetGap+i%s.Columns*(enlarged*s.W+sheetGap), top(i/s.Columns)
		ximage.NearestNeighbor.Scale(sheet, image.Rect(x, y, x+enlarged*s.W, y+enlarged*s.H), cell, cell.Rect, ximage.Src, nil)
	}
	return pngOf(sheet)
}

// A sheetView is a sheet on a run's page.
type sheetView struct {
	Title, Note string
	Image       template.URL
}

// sheetViews reads the sheets of a run's folder; one without any has none.
func sheetViews(dir string) (views []sheetView, err error) {
	dir = filepath.Join(dir, PlotsFolder)
	text, err := os.ReadFile(filepath.Join(dir, sheetsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Sheet
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("report: %s: %w", sheetsFile, err)
	}
	for _, s := range all {
		picture, err := os.ReadFile(filepath.Join(dir, filepath.Base(s.Name)+".png"))
		if err != nil {
			return nil, err
		}
		views = append(views, sheetView{s.Title, s.Note, pngURI(picture)})
	}
	return views, nil
}
