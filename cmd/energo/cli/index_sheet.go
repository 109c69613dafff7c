package cli

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"github.com/energo-ml/energo/internal/wholefile"
	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// cell is a picture on a sheet with lines of text below it. A nil picture is an empty frame.
type cell struct {
	picture image.Image
	lines   []string
}

// Pixels of a sheet.
const (
	sheetSide    = 112 // of a picture
	sheetMargin  = 12
	sheetLine    = 16 // from a line of text to the next
	sheetText    = 12 // a letter's height
	sheetLines   = 3
	sheetColumns = 6
)

// Colours of a sheet.
var (
	sheetInk   = color.Gray{Y: 0x20}
	sheetFaint = color.Gray{Y: 0xc8}
)

// writeSheet draws cells row by row and writes the PNG file.
func writeSheet(path string, cells []cell) error {
	face, err := sheetFace()
	if err != nil {
		return err
	}
	columns := min(sheetColumns, len(cells))
	rows := (len(cells) + columns - 1) / columns
	wide, high := sheetSide+sheetMargin, sheetSide+sheetMargin+sheetLines*sheetLine
	sheet := image.NewRGBA(image.Rect(0, 0, columns*wide+sheetMargin, rows*high+sheetMargin))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	for i, c := range cells {
		at := image.Pt(sheetMargin+i%columns*wide, sheetMargin+i/columns*high)
		c.draw(sheet, at, face)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, sheet); err != nil {
		return err
	}
	return wholefile.Write(path, b.Bytes())
}

func sheetFace() (font.Face, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(parsed, &opentype.FaceOptions{Size: sheetText, DPI: 72, Hinting: font.HintingFull})
}

func (c *cell) draw(sheet *image.RGBA, at image.Point, face font.Face) {
	frame := image.Rectangle{at, at.Add(image.Pt(sheetSide, sheetSide))}
	if c.picture == nil {
		draw.Draw(sheet, frame, image.NewUniform(sheetFaint), image.Point{}, draw.Src)
		draw.Draw(sheet, frame.Inset(1), image.White, image.Point{}, draw.Src)
	} else {
		to := inner(frame, c.picture.Bounds())
		draw.CatmullRom.Scale(sheet, to, c.picture, c.picture.Bounds(), draw.Over, nil)
	}
	for i, line := range c.lines {
		w := font.Drawer{Dst: sheet, Src: image.NewUniform(sheetInk), Face: face, Dot: fixed.P(at.X, at.Y+sheetSide+(i+1)*sheetLine)}
		w.DrawString(fitText(face, line))
	}
}

// inner is the largest part of a frame, about its middle, that has the shape of a picture.
func inner(frame, picture image.Rectangle) image.Rectangle {
	w, h := picture.Dx(), picture.Dy()
	if long := max(w, h); long > 0 {
		w, h = max(1, w*sheetSide/long), max(1, h*sheetSide/long)
	}
	corner := frame.Min.Add(image.Pt((sheetSide-w)/2, (sheetSide-h)/2))
	return image.Rectangle{corner, corner.Add(image.Pt(w, h))}
}

// fitText cuts the beginning off a text that is wider than a cell: the end of a path says more.
func fitText(face font.Face, text string) string {
	width := fixed.I(sheetSide)
	if font.MeasureString(face, text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && font.MeasureString(face, "…"+string(runes)) > width {
		runes = runes[1:]
	}
	return "…" + string(runes)
}
