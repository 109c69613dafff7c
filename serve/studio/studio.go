package studio

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/search"
	"github.com/energo-ml/energo/serve/studio/answer"
)

// Options say what is served.
type Options struct {
	Folder string    // of the runs, each a folder in it; it may come later
	Jobs   []job.Job // whose runs the views open; nil is jobs.All()
	// Indexes are searched, by their names, and those in Folder that OpenIndex opens, whose error is index.ErrNoIndex for a folder that is not one; nil opens none.
	Indexes   map[string]search.Options
	OpenIndex func(ctx context.Context, dir string) (search.Options, error)
	Models    map[string]string // paths of recognisers by name, beside those of the runs: what seq/read opens (OpenEmitter)
	// Samples finds the samples of a run, by its folder, again in its data, to be shown, as job.Show does; nil shows none. It may take minutes, until ctx ends.
	Samples func(ctx context.Context, dir string) (*job.Shown, error)
}

// service is the studio over one folder.
type service struct {
	*serve.Server
	o       Options
	roster  *roster
	cache   *cache
	desk    answer.Desk
	films   films
	store   energyStore
	samples hold[*job.Shown]
	drawing *drawing
	indexes *indexes

	recognisers *recognisers
	heard       shelfOfHeard

	base context.Context // of what is read for several requests
	end  context.CancelFunc
}

// Mount has a server answer as the studio of a folder of runs, and as package serve/search of their indexes. Errors: a Folder that is a file; those of Models, by name, of search.Mount and
// of search.Service.Put.
func Mount(server *serve.Server, o Options) error {
	if o.Folder == "" {
		return errors.New("serve/studio: no Folder")
	}
	if info, err := os.Stat(o.Folder); err == nil && !info.IsDir() {
		return fmt.Errorf("serve/studio: %s is a file; want the folder of the runs", o.Folder)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("serve/studio: %w", err)
	}
	if o.Jobs == nil {
		o.Jobs = jobs.All()
	}
	searches, err := mountSearch(server, o.Indexes)
	if err != nil {
		return err
	}
	s := &service{Server: server, o: o, roster: &roster{folder: o.Folder}, cache: newCache(cacheMost), store: newStore(), samples: hold[*job.Shown]{most: samplesMost}, indexes: searches}
	s.base, s.end = context.WithCancel(context.Background())
	s.store.base, s.drawing = s.base, newDrawing(s.base, o.Jobs)
	if s.recognisers, err = newRecognisers(s.base, o.Models, server.Log()); err != nil {
		s.end()
		return err
	}
	s.desk.Films, s.desk.ID = s.filmsOf, rand.Text
	server.Mount(s)
	return nil
}

// Name is that of the service for /readyz.
func (*service) Name() string { return "studio" }

// Ready is always so: a folder without runs is shown as that.
func (*service) Ready(context.Context) error { return nil }

// Close ends what is read for several requests; all else is part of one.
func (s *service) Close() {
	s.end()
	s.samples.close()
	s.store.close()
	s.drawing.close()
	s.recognisers.close()
}
