package surface

import "github.com/energo-ml/energo/engine/tensor"

// Layout is how many of everything the frames of a reel have.
type Layout struct {
	Points int `json:"points"`
	Pairs  int `json:"pairs"`  // of Correct and Other
	Down   int `json:"down"`   // the film's data, or 0
	Rivals int `json:"rivals"` // with Up
	Epochs int `json:"epochs"` // with a frame after each, and one before the first
	Steps  int `json:"steps"`  // of an epoch
}

// width is how many numbers a frame of a film has.
func (l *Layout) width(f *Film) int {
	return len(f.X)*len(f.Y) + 2*l.Points + 2*l.Pairs + l.Down + 3*l.Rivals
}

// put writes a frame's numbers into a row of that width.
func (l *Layout) put(row []float32, f *Frame) {
	places := func(all [][2]float64, n int) {
		for i, p := range all {
			row[2*i], row[2*i+1] = float32(p[0]), float32(p[1])
		}
		row = row[2*n:]
	}
	row = row[copy(row, f.Energy):]
	places(f.Points, l.Points)
	row = row[copy(row, f.Correct):]
	row = row[copy(row, f.Other):]
	row = row[copy(row, f.Down):]
	places(f.Rivals, l.Rivals)
	copy(row, f.Up)
}

// frame is what put has written, of which it is a part.
func (l *Layout) frame(step, grid int, row []float32) Frame {
	next := func(n int) (part []float32) {
		if n == 0 {
			return nil
		}
		part, row = row[:n:n], row[n:]
		return part
	}
	return Frame{
		Step: step, Energy: next(grid), Points: Places(next(2 * l.Points)), Correct: next(l.Pairs), Other: next(l.Pairs),
		Down: next(l.Down), Rivals: Places(next(2 * l.Rivals)), Up: next(l.Rivals),
	}
}

// Reel takes the frames of a film while it is trained. It holds them as tensors, so that checkpoints can have them: a training
// that resumes then resumes its film. Show has others see the film as far as it is.
type Reel struct {
	Film Film // without frames

	layout Layout
	frames *tensor.Tensor
	taken  *tensor.Tensor // [1]: how many frames there are

	head  []byte // of the file that grows; nil before Show
	shown int    // frames in it
}

// NewReel returns a reel for one frame before training and one after each epoch. film has the axes and what lies on them.
func NewReel(film Film, l Layout) *Reel {
	return &Reel{Film: film, layout: l, frames: tensor.New(tensor.Float32, l.Epochs+1, l.width(&film)), taken: tensor.New(tensor.Float32, 1)}
}

// Frames is how many there are.
func (r *Reel) Frames() int { return min(max(int(r.taken.Float32s()[0]), 0), r.layout.Epochs+1) }

// Take appends a frame, whose Step does not count; one more than the reel is for is left out. It must have as many of everything as
// the reel was made for.
func (r *Reel) Take(f Frame) {
	k := r.Frames()
	if k > r.layout.Epochs {
		return
	}
	r.layout.put(r.frames.Row(k).Float32s(), &f)
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
	for k := range r.Frames() {
		f.Frames = append(f.Frames, r.layout.frame(k*r.layout.Steps, len(f.X)*len(f.Y), r.frames.Row(k).Float32s()))
	}
	return f
}
