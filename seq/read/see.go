package read

import (
	"fmt"
	"image"

	"golang.org/x/image/draw"
)

// Sees reports whether the files are pictures of lines, which See takes.
func (e *Emitter) Sees() bool { return !e.TakesEmissions() && !e.Hears() }

// See is Emit for a picture that has been decoded; its name is for errors. Only an emitter that Sees has it.
func (e *Emitter) See(name string, picture image.Image) (Emissions, error) {
	if e.Reader == nil {
		return e.whole(name)(e.model.(*lineModel).see(name, picture))
	}
	source, err := stripSource(name, picture, e.Reader.r.Height)
	if err != nil {
		return Emissions{}, err
	}
	return e.opened(source)
}

// stripSource brings the picture of a strip to the height of those trained on, bright ink on black.
func stripSource(name string, picture image.Image, height int) (Source, error) {
	size := picture.Bounds().Size()
	width, err := widthAt(size, height)
	if err != nil {
		return Source{}, fmt.Errorf("%s: %w", name, err)
	}
	grey := image.NewGray(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(grey, grey.Bounds(), overWhite(picture), picture.Bounds(), draw.Src, nil)
	return Source{Line: stripOf(grey), Length: float64(size.X), Scale: float64(size.X) / float64(width)}, nil
}
