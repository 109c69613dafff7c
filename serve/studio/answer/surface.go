package answer

import (
	"context"
	"net/url"
	"strconv"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// filmNamed is a film by its name.
func filmNamed(all []surface.Film, name string) (*surface.Film, error) {
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, wire.Absent("the run has no surface %q", name)
}

func (d *Desk) frame(_ context.Context, r *Request) (any, error) {
	if err := wire.Known(r.Params, []string{"film", "frame"}, nil); err != nil {
		return nil, err
	}
	all, err := d.Films(r.Part)
	if err != nil {
		return nil, err
	}
	f, k, err := frameOf(all, r.Params)
	if err != nil {
		return nil, err
	}
	frame := &f.Frames[k]
	return map[string]any{
		"step": frame.Step, "energy": lesson.Floats(frame.Energy), "points": frame.Points, "correct": lesson.Floats(frame.Correct), "other": lesson.Floats(frame.Other),
		"down": lesson.Floats(frame.Down), "rivals": flattened(frame.Rivals), "up": lesson.Floats(frame.Up),
		"spread": measure.Number(f.Spread(k)), "kept": measure.Number(f.Kept(k)), "alarm": f.AlarmAt(k),
	}, nil
}

// flattened are places, x and y of each.
func flattened(places [][2]float64) lesson.Floats {
	all := make(lesson.Floats, 0, 2*len(places))
	for _, p := range places {
		all = append(all, float32(p[0]), float32(p[1]))
	}
	return all
}

// frameOf is a film and the number of one of its frames.
func frameOf(all []surface.Film, params url.Values) (*surface.Film, int, error) {
	f, err := filmNamed(all, params.Get("film"))
	if err != nil {
		return nil, 0, err
	}
	k, err := strconv.Atoi(params.Get("frame"))
	if err != nil || k < 0 || k >= len(f.Frames) {
		return nil, 0, wire.Invalid("frame", "frame is %q; it must be from 0 to %d", params.Get("frame"), len(f.Frames)-1)
	}
	return f, k, nil
}

// driftMost bounds the places that an answer has.
const driftMost = 100000

func (d *Desk) drift(_ context.Context, r *Request) (any, error) {
	var film string
	var frame, moves int
	var chains lesson.Chains
	var start [][2]float64
	err := wire.Decode(r.Body, wire.Object(map[string]wire.Reader{
		"film": wire.Text(&film), "frame": wire.Integer(&frame), "moves": wire.Integer(&moves), "chains": chainsOf(&chains), "start": wire.Elements(&start, pointMost, pointOf),
	}))
	if err != nil {
		return nil, err
	}
	if moves < 0 || moves*len(start) > driftMost {
		return nil, wire.Invalid("moves", "moves is %d for %d chains; together at most %d places are sent", moves, len(start), driftMost)
	}
	all, err := d.Films(r.Part)
	if err != nil {
		return nil, err
	}
	f, err := filmNamed(all, film)
	if err != nil {
		return nil, err
	}
	places, err := lesson.Drift(f, frame, chains, start, moves)
	if err != nil {
		return nil, wire.Invalid("", "%v", err)
	}
	return map[string]any{"places": places}, nil
}
