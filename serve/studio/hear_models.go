package studio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"

	seqread "github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/text"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
)

// recogniser is a model of speech or of strips, and what spells texts for it.
type recogniser struct {
	*seqread.Emitter
	spell *text.Normaliser
}

func openRecogniser(_ context.Context, path string) (*recogniser, error) {
	e, err := seqread.OpenEmitter(path)
	if err != nil {
		return nil, err
	}
	n, err := text.New(text.Basic, e.Spellable())
	return &recogniser{e, n}, err
}

// recognisers are those that were named at the start, and those of runs, which are opened when they are asked for.
type recognisers struct {
	shelf *shelf.Shelf[*model[*recogniser]]
	named []recogniserRow
	runs  *models[*recogniser]
}

// newRecognisers opens models by their names.
func newRecognisers(base context.Context, paths map[string]string, log *slog.Logger) (*recognisers, error) {
	k := &recognisers{shelf: shelf.New[*model[*recogniser]]("recogniser", log), runs: newModels(base, openRecogniser)}
	k.runs.file = seqread.CardFile
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		path := paths[name]
		m, err := openRecogniser(base, path)
		if err == nil {
			err = k.put(name, m)
		}
		if err != nil {
			return nil, fmt.Errorf("serve/studio: the model %s: %w", name, err)
		}
		k.named = append(k.named, recogniserRow{Name: name, Unit: m.Unit})
	}
	slices.SortFunc(k.named, func(a, b recogniserRow) int { return cmp.Compare(a.Name, b.Name) })
	return k, nil
}

func (k *recognisers) put(name string, m *recogniser) error {
	wait, err := k.shelf.Put(name, shelf.Item[*model[*recogniser]]{Model: &model[*recogniser]{it: m}})
	if err != nil {
		return err
	}
	return wait()
}

func (k *recognisers) close() {
	k.shelf.Close()
	k.runs.close()
}

// has tells whether a recogniser was named at the start.
func (k *recognisers) has(name string) bool {
	return slices.ContainsFunc(k.named, func(r recogniserRow) bool { return r.Name == name })
}

// list are the recognisers by name, those that were named first. A run is one where it has a card; whether that can be opened is seen when it is used.
func (k *recognisers) list(folder string) ([]recogniserRow, error) {
	rows := append([]recogniserRow{}, k.named...)
	all, err := names(folder)
	if err != nil {
		return nil, err
	}
	slices.Sort(all)
	for _, name := range all {
		dir := filepath.Join(folder, filepath.FromSlash(name))
		if _, err := os.Stat(filepath.Join(dir, seqread.CardFile)); err != nil || k.has(name) {
			continue
		}
		r := recogniserRow{Name: name, Run: true, Unit: seqread.Pixels}
		if seqread.IsSpeech(dir) {
			r.Unit = seqread.Seconds
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// recogniser is the one of a name, for a request; done gives it back.
func (s *service) recogniser(ctx context.Context, name string) (m *model[*recogniser], done func(), err error) {
	k := s.recognisers
	if k.has(name) {
		held, err := k.shelf.Take(name)
		if err != nil {
			return nil, nil, err
		}
		if err := held.Enter(ctx); err != nil {
			held.Done()
			return nil, nil, err
		}
		return held.Model, held.Done, nil
	}
	dir, err := s.dir(name)
	if err != nil {
		return nil, nil, wire.Absent("there is no recogniser %q: it is neither a run of the folder nor a model that was named at the start", name)
	}
	m, err = k.runs.get(ctx, dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, wire.Absent("the run %q has no recogniser: finished runs of strips and speech have one", name)
	case err != nil && ctx.Err() == nil:
		return nil, nil, wire.Invalid("name", "the recogniser of the run %s cannot be opened: %v", name, err)
	}
	return m, func() {}, err
}
