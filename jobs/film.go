package jobs

import (
	"context"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/tensor"
)

// reel holds the frames of a film as tensors, for they go into checkpoints: one before training and one after each epoch.
type reel struct {
	film   surface.Film   // without frames
	at     []int          // steps of the frames
	points int            // … in a frame
	pairs  int            // … in a frame
	frames *tensor.Tensor // [epochs+1, grid + 2·points + 2·pairs]
	taken  *tensor.Tensor // [1]: how many frames there are
}

// newReel returns a reel without frames. film has the axes and what lies on them.
func newReel(film surface.Film, points, pairs, epochs, steps int) *reel {
	r := &reel{film: film, points: points, pairs: pairs, taken: tensor.New(tensor.Float32, 1)}
	r.frames = tensor.New(tensor.Float32, epochs+1, len(film.X)*len(film.Y)+2*points+2*pairs)
	for epoch := range epochs + 1 {
		r.at = append(r.at, epoch*steps)
	}
	return r
}

// take appends a frame.
func (r *reel) take(f surface.Frame) {
	k := int(r.taken.Float32s()[0])
	if k >= len(r.at) {
		return
	}
	row := r.frames.Row(k).Float32s()
	row = row[copy(row, f.Energy):]
	for i, p := range f.Points {
		row[2*i], row[2*i+1] = float32(p[0]), float32(p[1])
	}
	row = row[2*r.points:]
	copy(row[copy(row, f.Correct):], f.Other)
	r.taken.Float32s()[0]++
}

// state names the frames for checkpoints.
func (r *reel) state() []tensor.Named {
	return []tensor.Named{{Name: "film", Tensor: r.frames}, {Name: "film.taken", Tensor: r.taken}}
}

// films returns what was taken.
func (r *reel) films() []surface.Film {
	f := r.film
	for k := range int(r.taken.Float32s()[0]) {
		row, grid := r.frames.Row(k).Float32s(), len(f.X)*len(f.Y)
		frame := surface.Frame{Step: r.at[k], Energy: row[:grid]}
		row = row[grid:]
		for i := range r.points {
			frame.Points = append(frame.Points, [2]float64{float64(row[2*i]), float64(row[2*i+1])})
		}
		row = row[2*r.points:]
		frame.Correct, frame.Other = row[:r.pairs], row[r.pairs:]
		f.Frames = append(f.Frames, frame)
	}
	return []surface.Film{f}
}

// even returns n places from lo to hi.
func even(n int, lo, hi float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = lo + (hi-lo)*float64(i)/float64(n-1)
	}
	return x
}

// narrowed returns energies in single precision.
func narrowed(e []float64) []float32 {
	out := make([]float32, len(e))
	for i, v := range e {
		out[i] = float32(v)
	}
	return out
}

// pictureFilm looks at an energy of pictures once before training and after each epoch: on
// the plane through three pictures, and at pairs of held-out and drawn ones.
type pictureFilm struct {
	*reel
	places []float32 // pictures of the plane, [side·side, pixels]
}

const (
	planeSide  = 41
	planePairs = 200
)

// newPictureFilm returns the film of a training. The plane goes
// through the first pictures of the first three labels that the set has, at (0, 0), (1, 0), (0, 1).
func newPictureFilm(title string, set *data.Images, epochs, batch int) *pictureFilm {
	axis := even(planeSide, -0.5, 1.5)
	f := &pictureFilm{reel: newReel(surface.Film{
		Name: "pictures", Title: title, XLabel: "towards the second picture", YLabel: "towards the third picture",
		X: axis, Y: axis, Data: [][2]float64{{0, 0}, {1, 0}, {0, 1}},
	}, 0, planePairs, epochs, (set.N+batch-1)/batch)}
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
	f.take(frame)
	return nil
}
