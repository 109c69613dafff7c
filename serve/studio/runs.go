package studio

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/serve/wire"
)

// lower writes the first letter small.
func lower(name string) string {
	if name == "" {
		return name
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// answerOfRuns is the list of runs, with what the numbers in it are of.
type answerOfRuns struct {
	Runs       []*summary                  `json:"runs"`
	Quantities map[string]measure.Quantity `json:"quantities"`
	Curves     map[string][]string         `json:"curves"` // keys of which there are curves, of steps and of epochs
}

func answerOf(runs []*summary) answerOfRuns {
	a := answerOfRuns{Runs: append([]*summary{}, runs...), Quantities: map[string]measure.Quantity{}, Curves: map[string][]string{"step": stepKeys, "epoch": epochKeys}}
	for _, r := range runs {
		for key, q := range r.quantities {
			if before, ok := a.Quantities[key]; ok && before != q { // runs of several jobs: only what they have in common is said
				q.Note = ""
				if before.Name != q.Name {
					q.Name = plainName(key)
				}
				if before.Unit != q.Unit {
					q.Unit = ""
				}
			}
			a.Quantities[key] = q
		}
	}
	return a
}

// plainName is a key as a name, for numbers that runs call differently.
func plainName(key string) string {
	name := strings.ReplaceAll(key, "_", " ")
	return strings.ToUpper(name[:1]) + name[1:]
}

func (s *service) runList(w http.ResponseWriter, _ *http.Request) error {
	all, err := s.roster.now()
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, answerOf(all))
	return nil
}

// changesEvery is how often a client is told what has changed.
const changesEvery = time.Second

// changes sends the runs that are new or have changed, and the names of those that are gone.
func (s *service) changes(w http.ResponseWriter, r *http.Request) error {
	e := s.Events(w, r)
	defer e.Close()
	every := time.NewTicker(changesEvery)
	defer every.Stop()
	sent, first := map[string]*summary{}, true
	for {
		all, err := s.roster.now()
		if err != nil {
			return s.lost(err)
		}
		changed, gone, next := difference(sent, all)
		if first || len(changed)+len(gone) > 0 {
			name := "changed"
			if first { // the whole list, for a client that comes again has missed some
				name = "runs"
			}
			text, err := json.Marshal(map[string]any{"list": answerOf(changed), "gone": gone})
			if err == nil {
				err = e.Send(name, "", text)
			}
			if err != nil {
				return s.lost(err)
			}
		}
		sent, first = next, false
		select {
		case <-r.Context().Done():
			return nil
		case <-every.C:
		}
	}
}

// difference compares what a client has with what there is.
func difference(sent map[string]*summary, all []*summary) (changed []*summary, gone []string, next map[string]*summary) {
	next, gone = make(map[string]*summary, len(all)), []string{}
	for _, r := range all {
		next[r.Name] = r
		if sent[r.Name] != r {
			changed = append(changed, r)
		}
	}
	for name := range sent {
		if next[name] == nil {
			gone = append(gone, name)
		}
	}
	return changed, gone, next
}
