package surface

import "github.com/energo-ml/energo/engine/tensor"

// Reel takes the frames of a film while it is trained, and holds them as tensors, so that checkpoints can have them: a training
// that resumes then resumes its film.
type Reel struct {
	Film Film // without frames

	at     []int // steps of the frames
	points int   // … in a frame
	pairs  int   // … in a frame
	frames *tensor.Tensor
	taken  *tensor.Tensor // [1]: how many frames there are
}

// NewReel returns a reel for one frame before training and one after each of a number of epochs of steps. film has the axes and what
// lies on them; points and pairs are those of each frame.
func NewReel(film Film, points, pairs, epochs, steps int) *Reel {
	r := &Reel{Film: film, points: points, pairs: pairs, taken: tensor.New(tensor.Float32, 1)}
	r.frames = tensor.New(tensor.Float32, epochs+1, len(film.X)*len(film.Y)+2*points+2*pairs)
	for epoch := range epochs + 1 {
		r.at = append(r.at, epoch*steps)
	}
	return r
}

// Take appends a frame, whose Step does not count; one more than the reel is for is left out. Its energies, points and pairs must be as
// many as the reel was made for.
func (r *Reel) Take(f Frame) {
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

// State returns the frames and their number for checkpoints: [epochs+1, numbers of a frame] and [1]. What is written into them are the
// reel's frames.
func (r *Reel) State() []tensor.Named {
	return []tensor.Named{{Name: "film", Tensor: r.frames}, {Name: "film.taken", Tensor: r.taken}}
}

// Taken returns the film of the frames that were taken.
func (r *Reel) Taken() Film {
	f := r.Film
	for k := range int(r.taken.Float32s()[0]) {
		row, grid := r.frames.Row(k).Float32s(), len(f.X)*len(f.Y)
		frame := Frame{Step: r.at[k], Energy: row[:grid]}
		row = row[grid:]
		for i := range r.points {
			frame.Points = append(frame.Points, [2]float64{float64(row[2*i]), float64(row[2*i+1])})
		}
		row = row[2*r.points:]
		frame.Correct, frame.Other = row[:r.pairs], row[r.pairs:]
		f.Frames = append(f.Frames, frame)
	}
	return f
}
