package recipe

import (
	"context"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/surface"
	"github.com/energo-ml/energo/tensor"
)

// pictureFilm looks at an energy of pictures once before training and after each epoch: on
// the plane through three pictures, and at pairs of held-out and drawn ones. Its frames
// are tensors, for they go into checkpoints.
type pictureFilm struct {
	axis   []float64
	places []float32      // pictures of the plane, [side·side, pixels]
	frames *tensor.Tensor // [epochs+1, side·side + 2·pairs]
	taken  *tensor.Tensor // [1]: how many frames there are
	at     []int          // steps of the frames
}

const (
	planeSide  = 41
	planePairs = 200
)

// newPictureFilm returns the film of a training of so many steps an epoch. The plane goes
// through the first pictures of the first three labels that the set has, at (0, 0), (1, 0), (0, 1).
func newPictureFilm(set *data.Images, epochs, batch int) *pictureFilm {
	f := &pictureFilm{
		axis:   even(planeSide, -0.5, 1.5),
		frames: tensor.New(tensor.Float32, epochs+1, planeSide*planeSide+2*planePairs), taken: tensor.New(tensor.Float32, 1),
	}
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
	for i, s := range f.axis {
		for j, t := range f.axis {
			for k := range d {
				f.places[(i*planeSide+j)*d+k] = y[k] + float32(s)*(y[d+k]-y[k]) + float32(t)*(y[2*d+k]-y[k])
			}
		}
	}
	for epoch := range epochs + 1 {
		f.at = append(f.at, epoch*((set.N+batch-1)/batch))
	}
	return f
}

// take adds a frame: held and drawn are pictures, as many of both as there are pairs or fewer.
func (f *pictureFilm) take(ctx context.Context, p *pictureSurface, held, drawn []float32) error {
	k := int(f.taken.Float32s()[0])
	if k >= len(f.at) {
		return nil
	}
	d, row := p.h*p.w, f.frames.Float32s()[k*f.frames.Dim(1):][:f.frames.Dim(1)]
	for _, part := range []struct {
		places []float32
		into   []float32
	}{
		{f.places, row[:planeSide*planeSide]},
		{held[:min(len(held), planePairs*d)], row[planeSide*planeSide:][:planePairs]},
		{drawn[:min(len(drawn), planePairs*d)], row[planeSide*planeSide+planePairs:][:planePairs]},
	} {
		e, err := p.energies(ctx, part.places)
		if err != nil {
			return err
		}
		for j := range part.into { // fewer pictures than places stand there again and again
			part.into[j] = float32(e[j%len(e)])
		}
	}
	f.taken.Float32s()[0]++
	return nil
}

// state names the frames for checkpoints.
func (f *pictureFilm) state() []tensor.Named {
	return []tensor.Named{{Name: "film", Tensor: f.frames}, {Name: "film.taken", Tensor: f.taken}}
}

// film returns what was taken.
func (f *pictureFilm) film(title string) surface.Film {
	out := surface.Film{
		Name: "pictures", Title: title, XLabel: "towards the second picture", YLabel: "towards the third picture",
		X: f.axis, Y: f.axis, Data: [][2]float64{{0, 0}, {1, 0}, {0, 1}},
	}
	for k := range min(int(f.taken.Float32s()[0]), len(f.at)) {
		row := f.frames.Float32s()[k*f.frames.Dim(1):]
		pairs := row[planeSide*planeSide:]
		out.Frames = append(out.Frames, surface.Frame{
			Step: f.at[k], Energy: row[:planeSide*planeSide], Correct: pairs[:planePairs], Other: pairs[planePairs : 2*planePairs],
		})
	}
	return out
}
