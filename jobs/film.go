package jobs

import (
	"context"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/surface"
)

// pictureFilm looks at an energy of pictures once before training and after each epoch: on
// the plane through three pictures, and at pairs of held-out and drawn ones.
type pictureFilm struct {
	*surface.Reel
	places []float32 // pictures of the plane, [side·side, pixels]
}

const (
	planeSide  = 41
	planePairs = 200
)

// newPictureFilm returns the film of a training. The plane goes
// through the first pictures of the first three labels that the set has, at (0, 0), (1, 0), (0, 1).
func newPictureFilm(title string, set *data.Images, epochs, batch int) *pictureFilm {
	axis := surface.Axis(planeSide, -0.5, 1.5)
	f := &pictureFilm{Reel: surface.NewReel(surface.Film{
		Name: "pictures", Title: title, XLabel: "towards the second picture", YLabel: "towards the third picture",
		X: axis, Y: axis, Data: [][2]float64{{0, 0}, {1, 0}, {0, 1}},
	}, surface.Layout{Pairs: planePairs, Epochs: epochs, Steps: (set.N + batch - 1) / batch})}
	var corner []int
	seen := map[byte]bool{}
	for i, label := range set.Labels {
		if !seen[label] && len(corner) < 3 {
			seen[label] = true
			corner = append(corner, i)
		}
	}
	for len(corner) < 3 { // fewer labels: any other pictures
		corner = append(corner, (corner[len(corner)-1]+1)%set.N)
	}
	d := set.Size()
	y := make([]float32, 3*d)
	set.Batch(y, corner)
	f.places = make([]float32, planeSide*planeSide*d)
	for i, s := range axis {
		for j, t := range axis {
			for k := range d {
				f.places[(i*planeSide+j)*d+k] = y[k] + float32(s)*(y[d+k]-y[k]) + float32(t)*(y[2*d+k]-y[k])
			}
		}
	}
	return f
}

// look appends a frame: held and drawn are pictures, as many of both as there are pairs or fewer.
func (f *pictureFilm) look(ctx context.Context, p *pictureSurface, held, drawn []float32) error {
	d := p.h * p.w
	frame := surface.Frame{Energy: make([]float32, planeSide*planeSide), Correct: make([]float32, planePairs), Other: make([]float32, planePairs)}
	for _, part := range []struct {
		places []float32
		into   []float32
	}{
		{f.places, frame.Energy},
		{held[:min(len(held), planePairs*d)], frame.Correct},
		{drawn[:min(len(drawn), planePairs*d)], frame.Other},
	} {
		e, err := p.energies(ctx, part.places)
		if err != nil {
			return err
		}
		for j := range part.into { // fewer pictures than places stand there again and again
			part.into[j] = float32(e[j%len(e)])
		}
	}
	f.Take(frame)
	return nil
}
