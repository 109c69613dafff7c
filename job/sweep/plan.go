package sweep

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/train"
)

// A Setting is one that is named, by a flag or a file.
type Setting struct {
	*option.Option
	Named string // how: "--lr 0.1"
}

// A Plan is what a sweep is made of.
type Plan struct {
	Job    job.Job
	Search string
	Trials int // of random and halving
	Points int // of a range in a grid
	Budget int // of halving, in epochs
	Eta    int // of halving
	Axes   []Axis
	Fixed  []Setting
}

// Left is a combination of settings that the job refuses.
type Left struct {
	Values map[string]string
	Err    error
}

// New takes the trials from the space of a plan. Trials whose settings are alike are one, since settings that have no effect beside
// the others do not count. Combinations that the job refuses are left out, and returned. The draws follow from the setting seed, or the
// first value of its axis, so that the same plan has the same trials.
//
// Errors: a search that is unknown; more trials than MaxTrials; a setting that is named and has an effect in no trial; no combination that the
// job takes; those of Rounds.
func New(p Plan) (w *Sweep, left []Left, err error) {
	w = &Sweep{
		Format: fileFormat, Job: p.Job.Name, Search: p.Search, Points: p.Points, Budget: p.Budget, Eta: p.Eta,
		Axes: p.Axes, Settings: map[string]json.RawMessage{}, Trials: []Trial{},
	}
	if w.Axes == nil {
		w.Axes = []Axis{}
	}
	for _, f := range p.Fixed {
		if w.Settings[f.Name], err = json.Marshal(f.Value()); err != nil {
			return nil, nil, err
		}
	}
	if w.Seed, err = p.seed(); err != nil {
		return nil, nil, err
	}
	g := &gathering{w: w, job: p.Job, seen: map[string]bool{}, counts: map[string]bool{}, why: map[string]string{}}
	switch p.Search {
	case Grid:
		err = g.grid(p.Points)
	case Random, Halving:
		err = g.draw(p.Trials)
	default:
		err = fmt.Errorf("search is %q; it must be one of grid, random, halving", excerpt.Of(p.Search))
	}
	if err == nil {
		err = g.useful(p)
	}
	if err != nil {
		return nil, nil, err
	}
	return w, g.left, nil
}

// seed is what the draws follow from.
func (p *Plan) seed() (uint64, error) {
	for _, a := range p.Axes {
		if a.Name == "seed" {
			return strconv.ParseUint(a.Grid(2)[0], 10, 64)
		}
	}
	for _, f := range p.Fixed {
		if f.Name == "seed" {
			return strconv.ParseUint(f.String(), 10, 64)
		}
	}
	return p.Job.New().Base().Seed, nil
}

// gathering is the trials of a sweep while they are taken.
type gathering struct {
	w      *Sweep
	job    job.Job
	seen   map[string]bool   // values as they were taken, and settings as they were resolved
	counts map[string]bool   // of settings that have an effect in a trial
	why    map[string]string // others have none
	left   []Left
}

// grid takes all combinations; those of the last axis follow each other.
func (g *gathering) grid(points int) error {
	all := []map[string]string{{}}
	for _, a := range g.w.Axes {
		values := a.Grid(points)
		if len(all)*len(values) > MaxTrials {
			return fmt.Errorf("the grid has more than %d trials; name fewer values or points, or take --search random", MaxTrials)
		}
		var more []map[string]string
		for _, before := range all {
			for _, v := range values {
				next := maps.Clone(before)
				next[a.Name] = v
				more = append(more, next)
			}
		}
		all = more
	}
	for _, values := range all {
		if err := g.add(values); err != nil {
			return err
		}
	}
	return g.number()
}

// tries is how many draws are made for each trial that is asked for, at most: a space may have fewer combinations.
const tries = 50

// draw draws trials that differ. Of a space with fewer combinations all that the draws find are taken.
func (g *gathering) draw(trials int) error {
	if trials < 1 || trials > MaxTrials {
		return fmt.Errorf("trials is %d; it must be from 1 to %d", trials, MaxTrials)
	}
	for i := 0; i < trials*tries && len(g.w.Trials) < trials; i++ {
		rng, values := train.Rand(g.w.Seed, "sweep", uint64(i)), map[string]string{}
		for _, a := range g.w.Axes {
			values[a.Name] = a.Draw(rng)
		}
		if err := g.add(values); err != nil {
			return err
		}
	}
	return g.number()
}

// add takes a trial, unless its settings are those of another or are refused.
func (g *gathering) add(values map[string]string) error {
	drawn := fmt.Sprint(values)
	if g.seen[drawn] { // as most draws from a small space are
		return nil
	}
	g.seen[drawn] = true
	plain := *g.w
	plain.Search = Random // the epochs of halving follow from the number of trials, which is not known yet
	s, void, err := plain.Spec(g.job, values)
	if err != nil {
		g.left = append(g.left, Left{values, err})
		return nil
	}
	resolved, err := s.Options().Write()
	if err != nil || g.seen[string(resolved)] {
		return err
	}
	g.seen[string(resolved)] = true
	for name := range g.w.Settings {
		g.count(name, void[name])
	}
	for name := range values {
		g.count(name, void[name])
		if void[name] != "" {
			delete(values, name)
		}
	}
	g.w.Trials = append(g.w.Trials, Trial{Values: values})
	return nil
}

// count notes whether a setting has an effect in a trial.
func (g *gathering) count(name, void string) {
	g.counts[name] = g.counts[name] || void == ""
	g.why[name] = cmp.Or(g.why[name], void)
}

// number numbers the trials and names their folders, so that names are in the order of the trials.
func (g *gathering) number() error {
	all := g.w.Trials
	if len(all) == 0 && len(g.left) > 0 {
		return fmt.Errorf("no combination of the settings can be trained: %w", g.left[0].Err)
	}
	width := max(len(strconv.Itoa(len(all))), 3)
	for i := range all {
		all[i].Number, all[i].Folder = i+1, fmt.Sprintf("%0*d", width, i+1)
	}
	return nil
}

// useful refuses settings that are named and have an effect in no trial, and a budget that is too small.
func (g *gathering) useful(p Plan) error {
	for _, a := range p.Axes {
		if !g.counts[a.Name] {
			return fmt.Errorf("--%s %s has no effect: %s", p.Job.New().Options().Find(a.Name).Flag(), a.Text(), g.why[a.Name])
		}
	}
	for _, f := range p.Fixed {
		if !g.counts[f.Name] {
			return fmt.Errorf("%s has no effect: %s", f.Named, g.why[f.Name])
		}
	}
	if p.Search != Halving {
		return nil
	}
	if o := p.Job.New().Options().Find("epochs"); o == nil {
		return errors.New("halving needs the setting epochs, which the job does not have")
	}
	_, err := g.w.Rounds()
	return err
}

// Rounds are those of a halving; of other searches there is one, whose epochs are 0: each trial has its own.
func (w *Sweep) Rounds() ([]Round, error) {
	if w.Search != Halving {
		return []Round{{Trials: len(w.Trials)}}, nil
	}
	return Rounds(len(w.Trials), w.Budget, w.Eta)
}
