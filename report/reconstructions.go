package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/internal/wholefile"
	ximage "golang.org/x/image/draw"
)

// reconstructionsFile is the picture of an auto-encoder's run, in the plots' folder.
const reconstructionsFile = "reconstructions.png"

// Pictures a row, and how much larger than its pixels each is.
const (
	picturesARow = 10
	enlarged     = 3
)

// WriteReconstructions writes plots/reconstructions.png, pictures with their
// reconstructions below, and report.html into an auto-encoder's run folder. pixels are bytes, rebuilt numbers in [0, 1]
// of the first pictures; both h·w each.
func WriteReconstructions(dir string, pixels []byte, rebuilt []float32, h, w int) error {
	n := h * w
	if h < 1 || w < 1 || len(rebuilt)%n != 0 || len(pixels) < len(rebuilt) {
		return fmt.Errorf("report: %d reconstructed pixels and %d original ones are not pictures of %d×%d", len(rebuilt), len(pixels), h, w)
	}
	count := len(rebuilt) / n
	pairs := (count + picturesARow - 1) / picturesARow
	const gap = 4
	cellW, cellH := enlarged*w+gap, enlarged*h+gap
	sheet := image.NewGray(image.Rect(0, 0, min(count, picturesARow)*cellW+gap, pairs*(2*cellH+2*gap)))
	ximage.Draw(sheet, sheet.Bounds(), image.NewUniform(color.Gray{Y: 255}), image.Point{}, ximage.Src)
	for i := range count {
		x, y := gap+i%picturesARow*cellW, gap+i/picturesARow*(2*cellH+2*gap)
		own := make([]byte, n)
		for j, v := range rebuilt[i*n : (i+1)*n] {
			own[j] = byte(math.Round(255 * float64(min(max(v, 0), 1))))
		}
		for k, pix := range [2][]byte{pixels[i*n : (i+1)*n], own} {
			from := &image.Gray{Pix: pix, Stride: w, Rect: image.Rect(0, 0, w, h)}
			at := image.Rect(x, y+k*cellH, x+enlarged*w, y+k*cellH+enlarged*h)
			ximage.NearestNeighbor.Scale(sheet, at, from, from.Bounds(), ximage.Src, nil)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, sheet); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, plotsFolder), 0o777); err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, plotsFolder, reconstructionsFile), out.Bytes()); err != nil {
		return err
	}
	return Write(dir, nil)
}
