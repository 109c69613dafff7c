package studio

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve/wire"
)

// filmsMost is how many runs' films are kept in memory, filmBytes the largest file of them that is read, and followMost how many runs a
// client follows.
const (
	filmsMost  = 8
	filmBytes  = 256 << 20
	followMost = 4
)

// films are those of the runs that were looked at last, the latest first.
type films struct {
	mu   sync.Mutex
	kept []*keptFilms
}

type keptFilms struct {
	mu sync.Mutex
	surface.Follower
	all    []surface.Film // as they were last
	states []filmState    // of all
}

// of reads the films of a run's folder, of those that grow what is new, and how far they are.
func (k *films) of(dir string) ([]surface.Film, []filmState, error) {
	f := k.follower(dir)
	f.mu.Lock()
	defer f.mu.Unlock()
	all, err := f.Films()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, wire.Absent("the run has no surfaces: the jobs parabola, toy2d, generate and jem record them")
	case err != nil:
		return nil, nil, wire.Invalid("run", "its surfaces cannot be read: %v", err)
	}
	if len(all) != len(f.all) || len(all) > 0 && &all[0] != &f.all[0] {
		f.all, f.states = all, nil
		for i := range all {
			f.states = append(f.states, stateOf(&all[i]))
		}
	}
	return f.all, f.states, nil
}

// follower is that of a folder, which is now the one used last.
func (k *films) follower(dir string) *keptFilms {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := slices.IndexFunc(k.kept, func(f *keptFilms) bool { return f.Dir == dir })
	if at < 0 {
		f := &keptFilms{Follower: surface.Follower{Dir: dir, Most: filmBytes}}
		k.kept = slices.Insert(k.kept[:min(len(k.kept), filmsMost-1)], 0, f)
		return f
	}
	f := k.kept[at]
	copy(k.kept[1:], k.kept[:at])
	k.kept[0] = f
	return f
}

// withSurfaces are the names of the runs that have films.
func (s *service) withSurfaces() ([]string, error) {
	all, err := s.roster.now()
	if err != nil {
		return nil, err
	}
	with := []string{}
	for _, run := range all {
		if surface.Has(filepath.Join(s.o.Folder, filepath.FromSlash(run.Name))) {
			with = append(with, run.Name)
		}
	}
	return with, nil
}

// filmState is how far a film is.
type filmState struct {
	ID    uint32 `json:"id"` // of what does not change while it grows
	Steps []int  `json:"steps"`
	Of    int    `json:"of"` // frames, in the end
	Alarm string `json:"alarm,omitempty"`

	grows bool // where the run is under way
}

func stateOf(f *surface.Film) filmState {
	var fixed []byte
	for _, x := range slices.Concat(f.X, f.Y) {
		fixed = binary.LittleEndian.AppendUint64(fixed, math.Float64bits(x))
	}
	for _, e := range f.Frames[0].Energy {
		fixed = binary.LittleEndian.AppendUint32(fixed, math.Float32bits(e))
	}
	s := filmState{ID: crc32.ChecksumIEEE(fixed), Of: max(f.Of, len(f.Frames)), Alarm: f.Alarm(), grows: f.Of > 0}
	for _, frame := range f.Frames {
		s.Steps = append(s.Steps, frame.Step)
	}
	return s
}

// standing is how the run of films stands.
type standing struct {
	Live      bool   `json:"live"` // there are more frames to come
	Collapsed string `json:"collapsed,omitempty"`
}

// standingOf is that of a run among all, with its films.
func standingOf(all []*summary, name string, films []filmState) (s standing) {
	grows := slices.ContainsFunc(films, func(s filmState) bool { return s.grows })
	for _, run := range all {
		if run.Name == name {
			s = standing{grows && run.State == stateRunning, run.Collapse}
		}
	}
	return s
}

// surfaceChanges sends which runs have surfaces, and how far those of some are.
func (s *service) surfaceChanges(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.Params(r)
	if err == nil {
		err = wire.Known(q, nil, []string{"run"})
	}
	if err != nil {
		return err
	}
	names := q["run"]
	if len(names) > followMost {
		return wire.Invalid("run", "there are %d runs; at most %d are followed", len(names), followMost)
	}
	e := s.Events(w, r)
	defer e.Close()
	every := time.NewTicker(followEvery)
	defer every.Stop()
	sent := map[string][]byte{}
	send := func(event, of string, data any) error {
		text, err := json.Marshal(data)
		if err != nil || bytes.Equal(text, sent[of]) {
			return err
		}
		sent[of] = text
		return e.Send(event, "", text)
	}
	var runs []*summary
	for tick := 0; ; tick++ {
		err := error(nil)
		if tick%listEvery == 0 {
			if runs, err = s.roster.now(); err == nil {
				err = s.sendList(send)
			}
		}
		for _, name := range names {
			if err == nil {
				err = s.sendFilms(name, runs, send)
			}
		}
		if err != nil {
			return s.lost(err)
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-every.C:
		}
	}
}

// listEvery is how many looks at the films of some runs there are to one at all runs.
const listEvery = int(changesEvery / followEvery)

// sender sends an event where its data is another than that sent last under the same name of what it is of.
type sender func(event, of string, data any) error

func (s *service) sendList(send sender) error {
	with, err := s.withSurfaces()
	if err != nil {
		return err
	}
	return send("runs", "", map[string]any{"runs": with})
}

// sendFilms sends how far a run's films are, or why there are none.
func (s *service) sendFilms(name string, runs []*summary, send sender) error {
	type named struct {
		Name string `json:"name"`
		filmState
	}
	list, why := []named{}, ""
	var all []surface.Film
	var states []filmState
	dir, err := s.dir(name)
	if err == nil {
		all, states, err = s.films.of(dir)
	}
	if err != nil {
		why = err.Error()
	}
	for i, state := range states {
		list = append(list, named{all[i].Name, state})
	}
	return send("films", name, struct {
		Run   string  `json:"run"`
		Why   string  `json:"why,omitempty"`
		Films []named `json:"films"`
		standing
	}{name, why, list, standingOf(runs, name, states)})
}
